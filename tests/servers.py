"""Web servers on this machine, for tests of what comes over the network."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder without a log; it breaks off in the middle of files named broken."""

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def copyfile(self, source, outputfile) -> None:  # type: ignore[no-untyped-def]
        """Sends the file's content, whole or not."""
        content = source.read()
        outputfile.write(content[: len(content) // 2] if "broken" in self.path else content)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A server of a folder's files; yields its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def silent() -> Iterator[str]:
    """A server that takes calls and never answers; yields its URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def dead() -> str:
    """The URL of a server that is gone."""
    with silent() as url:
        return url
