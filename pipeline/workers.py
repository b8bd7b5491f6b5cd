"""Work that is cut into chunks and done by several processes: results in order, few chunks in memory."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")
MOST = 32  # processes; beyond, the one that hands out the work has no time left


def mapped(
    function: Callable[[Chunk], Result], chunks: Iterable[Chunk], processes: int | None = None
) -> Iterator[Result]:
    """Yields function(chunk) for each chunk, in order; `processes` is as many as there are cores by default."""
    processes = processes or min(MOST, cores())
    if processes == 1:
        yield from map(function, chunks)
        return
    # fork starts at once, where spawn imports everything anew: 2 s that a small corpus does not need.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, context, follow_parent) as pool:
        waiting: deque[Future[Result]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(function, chunk))
            if len(waiting) > 2 * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def follow_parent() -> None:
    """Makes a worker end with the process that started it, even if that one was killed."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
