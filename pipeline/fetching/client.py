"""An HTTP client for one file: redirects, errors as two kinds of failure, and an end to servers that are too slow."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from types import TracebackType
from typing import Self

import httpx

from s2s.errors import cut, printable

SLOWEST = 1000  # bytes a second on average
WINDOW_SECONDS = 60.0  # over which the average is taken, or twice the time without an answer if that is longer
MOST_REDIRECTS = 20
NO_REMEDY = (httpx.UnsupportedProtocol, httpx.InvalidURL, ValueError, OverflowError)
"""Errors of an address that no retry mends; the last two are those of Python's own modules for hosts and ports."""
SETTINGS = (OSError, *NO_REMEDY)  # of a proxy or of certificates that the environment names
FAILURES = (httpx.HTTPError, RuntimeError, *NO_REMEDY)  # RuntimeError: the client was closed between two requests


class UnusablePlaceError(Exception):
    """A file cannot be had from an address; another may have it. The message is safe to print."""

    def __init__(self, reason: str) -> None:
        super().__init__(cut(printable(" ".join(reason.split()))))


class CutError(UnusablePlaceError):
    """A server has the file and did not send all of it, so that a retry may help."""


class Client:
    """A client that gives up a server which sends fewer than `SLOWEST` bytes a second, in headers or body."""

    def __init__(self, timeout_seconds: float, received: Callable[[], int]) -> None:
        """Make a client.

        Args:
            timeout_seconds: without any answer.
            received: returns the number of bytes received so far, over all requests.
        """
        self.timeout_seconds, self.received = timeout_seconds, received
        self.window = max(WINDOW_SECONDS, 2 * timeout_seconds)
        self.ended, self.too_slow = threading.Event(), False

    def __enter__(self) -> Self:
        try:
            self.http = httpx.Client(timeout=self.timeout_seconds)
        except SETTINGS as error:
            raise self.failure(error) from None
        self.guard = threading.Thread(target=self.watch, daemon=True)
        self.guard.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self.guard.join()
        self.http.close()

    def watch(self) -> None:
        """Close the connection after a window with too few bytes; httpx limits only the time between two bytes."""
        before = self.received()
        while not self.ended.wait(self.window):
            now = self.received()
            if now - before < SLOWEST * self.window:
                self.too_slow = True
                self.http.close()
                return
            before = now

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Yield the answer to a request after redirects, its body not yet read.

        Raises:
            CutError: the connection failed, also while the block reads the body, and a retry may help.
            UnusablePlaceError: a retry cannot help.
        """
        try:
            with closing(self.answered(url, headers)) as answer:
                yield answer
        except FAILURES as error:
            raise self.failure(error) from None

    def failure(self, error: Exception) -> Exception:
        """Return the failure that an error of a request means."""
        if self.too_slow:
            few = f"found fewer than {SLOWEST:,} bytes a second for {self.window:g} s; expected a faster server"
            return UnusablePlaceError(few)
        if isinstance(error, httpx.TimeoutException):
            return CutError(f"no answer within {self.timeout_seconds:g} s")
        kind = UnusablePlaceError if isinstance(error, NO_REMEDY) else CutError
        return kind(str(error) or type(error).__name__)

    def answered(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        """Send a request and follow redirects; httpx would read their bodies, however long, into memory."""
        request = self.http.build_request("GET", url, headers=headers)
        for _ in range(MOST_REDIRECTS):
            answer = self.http.send(request, stream=True)
            if answer.next_request is None:
                return answer
            answer.close()
            request = answer.next_request
        raise UnusablePlaceError(f"found more than {MOST_REDIRECTS} redirects")
