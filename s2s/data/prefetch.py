"""Making of values in a background thread before they are needed."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


def prefetched(make: Callable[[Key], Value], items: Iterable[Key], ahead: int = 4) -> Generator[Value]:
    """Yield `make(item)` for each item, in order, made ahead by a background thread.

    Closing the generator ends the thread as soon as it has made its current value. Leaving a `for` loop closes it; if
    an exception leaves the loop, only `contextlib.closing` closes it at once.

    Args:
        make: called in the background thread, with one item at a time.
        items: taken in the caller's thread.
        ahead: number of values made beyond the one that the caller waits for or uses, at most.

    Raises:
        Exception: the exception of `make`, when its value would be due.
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
