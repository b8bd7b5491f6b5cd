"""Where tensors live and how many threads compute them."""

import torch

from s2s.errors import check


def prepare(device: str, threads: int) -> torch.device:
    """Makes torch ready to compute and says where.

    Args:
        device: auto (a GPU where there is one), cpu or cuda.
        threads: of the CPU. Float sums depend on the number, so it is a parameter and never what is left free.

    Raises:
        UserError: cuda was asked for and is not there.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # confident models have denormal gradients, and products of them run 15 times slower
    available = torch.cuda.is_available()
    check(device != "cuda" or available, "device: found no CUDA device; expected one, or device: cpu or auto")
    return torch.device("cuda" if available and device != "cpu" else "cpu")
