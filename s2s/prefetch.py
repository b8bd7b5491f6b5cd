"""Makes the next few things in a background thread while the caller computes with the one before."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


def prefetched(make: Callable[[Key], Value], items: Iterable[Key], ahead: int = 4) -> Generator[Value]:
    """Yields `make(item)` of each item, in order.

    Closing the generator, which leaving a `for` loop does, ends the thread after the one thing that it is making. Where
    an exception leaves the loop, the interpreter's end does so too; `contextlib.closing` does it at once.

    Args:
        make: called in one thread of its own, with one item after the other.
        items: taken in the caller's thread.
        ahead: at most so many things are made beyond the one that the caller waits for or has.

    Raises:
        Exception: what `make` raised, in the place of what it did not return.
    """
    maker = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    waiting: deque[Future[Value]] = deque()
    try:
        for item in items:
            waiting.append(maker.submit(make, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        maker.shutdown(cancel_futures=True)
