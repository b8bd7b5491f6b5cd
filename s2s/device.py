"""Choice of the device, and torch's settings of threads and memory."""

import ctypes
import os
import sys

import torch

from s2s.errors import check

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of mallopt, from malloc.h
MOST_THREADS = 1024  # with tens of thousands, OpenMP ends the process
LARGEST_KEPT = 32 << 20  # bytes, glibc's limit; keeping larger blocks is no faster and takes 250 MB more


def prepare(device: str, threads: int) -> torch.device:
    """Set torch up for reproducible and fast computing, and return the device.

    Args:
        device: auto (a GPU if there is one), cpu or cuda.
        threads: of the CPU. Float sums depend on their number, so it is a parameter, not the number of free cores.

    Raises:
        UserError: `device` is cuda and there is none, or the number of threads is out of range.
    """
    check(1 <= threads <= MOST_THREADS, f"threads: found {threads}; expected 1 to {MOST_THREADS}")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS may change the order of its sums
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # confident models have denormal gradients, whose products are 15 times slower
    keep_memory()
    is_available = torch.cuda.is_available()
    check(device != "cuda" or is_available, "device: found no CUDA device; expected one, or device: cpu or auto")
    return torch.device("cuda" if is_available and device != "cpu" else "cpu")


def keep_memory() -> bool:
    """Make the C library keep freed memory for the next tensors, and return whether it can.

    By default glibc returns large blocks to the system and gets them anew, page by page and zeroed: with 4 x 256 cells
    65,000 pages an update, a sixth of its time.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # missing in musl
    return mallopt is not None and bool(mallopt(MMAP_THRESHOLD, LARGEST_KEPT)) and bool(mallopt(TRIM_THRESHOLD, -1))
