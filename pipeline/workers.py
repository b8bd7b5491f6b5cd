"""Map a function over chunks in several processes, with results in order and few chunks in memory."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, TypeVar

from s2s.errors import UserError, check

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")
WORKERS = "S2S_WORKERS"
"""Environment variable: the number of processes, by default that of cores. Results do not depend on it."""
MOST = 64  # processes; more would wait for the one that distributes the chunks
task: Callable[[Any], Any]  # the function, in a worker


def mapped(
    function: Callable[[Chunk], Result], chunks: Iterable[Chunk], processes: int | None = None
) -> Iterator[Result]:
    """Yield function(chunk) for each chunk, in order.

    If the caller fails, is interrupted or stops drawing results, the workers end at once, and not with their chunks.

    Args:
        function: is inherited by workers with all that it refers to; only chunks and results are pickled.
        chunks: are drawn as workers become free, a few ahead.
        processes: `workers()` by default.

    Raises:
        UserError: a worker was killed.
    """
    processes = processes or workers()
    if processes == 1:
        yield from map(function, chunks)
        return
    # fork starts at once; spawn would import everything again, 2 s that a small corpus does not need.
    context = multiprocessing.get_context("fork")
    end, held = context.Pipe(duplex=False)  # a leash: workers end when this process, or the kernel for it, closes it
    with end, held, ProcessPoolExecutor(processes, context, start, (function, end, held)) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for chunk in chunks:
                with delayed():  # the first call forks
                    waiting.append(pool.submit(work, chunk))
                if len(waiting) > processes + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise UserError(
                f"worker: killed, most likely for want of memory; expected enough for {processes} processes, "
                f"see {WORKERS} for fewer"
            ) from None
        except BaseException:
            held.close()
            raise


def workers() -> int:
    """Return the number of worker processes: S2S_WORKERS, or the cores that this process may use, at most `MOST`."""
    wanted = os.environ.get(WORKERS, "")
    check(not wanted or (wanted.isdecimal() and int(wanted)), f"{WORKERS}: found {wanted!r}; expected a number above 0")
    return int(wanted) if wanted else min(MOST, cores())


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def work(chunk: Any) -> Any:
    """Process one chunk, in a worker."""
    return task(chunk)


@contextmanager
def delayed() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM act only after the block.

    Otherwise one that comes between the fork of workers and the start of the thread that ends them, or in a worker that
    has not set its own handlers yet, would leave processes that wait for each other for ever.
    """
    if threading.current_thread() is not threading.main_thread():  # signals are handled in the main thread alone
        yield
        return
    arrived: list[int] = []

    def remember(signum: int, frame: FrameType | None) -> None:
        arrived.append(signum)

    before = {signum: signal.signal(signum, remember) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
        for number in arrived:
            signal.raise_signal(number)


def start(function: Callable[[Any], Any], end: Connection, held: Connection) -> None:
    """Prepare a worker: it keeps its function, and ends when its parent process closes the leash, ends or is killed."""
    global task  # noqa: PLW0603  # a worker has one function
    task = function
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    held.close()

    def wait() -> None:
        end.poll(None)  # until no process holds the other end
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
