"""Processes that train together, with the environment variables that torchrun sets."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path

import torch

from s2s.training.processes import World, joined


def run(work: Callable[[World, Path], None], size: int, folder: Path) -> None:
    """Call a function of a test module in `size` processes, each with its rank."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=start, args=(work, rank, size, port, folder)) for rank in range(size)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0, f"a process ended with {process.exitcode}"


def start(work: Callable[[World, Path], None], rank: int, size: int, port: int, folder: Path) -> None:
    """Join the process group as `rank`, and call the function."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    with joined(torch.device("cpu")) as world:
        work(world, folder)
