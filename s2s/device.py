"""Where tensors live, how many threads compute them, and how memory is kept for them."""

import ctypes
import os
import sys

import torch

from s2s.errors import check

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # what mallopt sets, from malloc.h
LARGEST_KEPT = 32 << 20  # bytes, glibc's limit; to keep larger blocks too is no faster and takes 250 MB more


def prepare(device: str, threads: int) -> torch.device:
    """Makes torch ready to compute and says where.

    Args:
        device: auto (a GPU where there is one), cpu or cuda.
        threads: of the CPU. Float sums depend on the number, so it is a parameter and never what is left free.

    Raises:
        UserError: cuda was asked for and is not there.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS may add in another order each time
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # confident models have denormal gradients, and products of them run 15 times slower
    keep_memory()
    available = torch.cuda.is_available()
    check(device != "cuda" or available, "device: found no CUDA device; expected one, or device: cpu or auto")
    return torch.device("cuda" if available and device != "cpu" else "cpu")


def keep_memory() -> bool:
    """Has this process keep freed memory for its next tensors; says whether its C library can be told so.

    glibc gives large blocks back when they are freed and fetches them anew, page by page, each filled with zeros: with
    4 x 256 cells 65,000 pages an update, a sixth of its time. Kept, they are what the next update writes into.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # not in musl
    return mallopt is not None and bool(mallopt(MMAP_THRESHOLD, LARGEST_KEPT)) and bool(mallopt(TRIM_THRESHOLD, -1))
