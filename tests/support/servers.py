"""Web servers on this machine, for tests of downloads."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any


@dataclass
class Conduct:
    """Behavior of a server, and the requests that it received."""

    ranges: bool = True  # supports Range requests
    lengths: bool = True  # sends Content-Length
    cuts: list[float] = field(default_factory=list)  # fractions of the first bodies sent before the connection closes
    refusals: list[int] = field(default_factory=list)  # HTTP error statuses of the first responses; 0: no error
    bytes_per_second: float = 0  # 0: no limit
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # file names and Range headers


class Handler(SimpleHTTPRequestHandler):
    """Request handler that serves a folder and writes no log."""

    def __init__(self, *args: Any, conduct: Conduct, **named: Any) -> None:
        self.conduct = conduct
        super().__init__(*args, **named)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        """Send a file, from the requested byte on if ranges are supported."""
        path, asked = Path(self.translate_path(self.path)), self.headers.get("Range")
        self.conduct.requests.append((path.name, asked))
        refusal = self.conduct.refusals.pop(0) if self.conduct.refusals else 0
        if refusal or not path.is_file():
            self.send_error(refusal or 404, None if refusal else "File not found")
            return
        content, start = path.read_bytes(), 0
        if asked and self.conduct.ranges:
            start = int(re.sub(r"bytes=(\d+)-", r"\1", asked))
            if start >= len(content):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.conduct.lengths:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.send(content[start:])

    def send(self, body: bytes) -> None:
        """Send a body, or only its beginning, at the speed of the server."""
        body = body[: int(len(body) * self.conduct.cuts.pop(0))] if self.conduct.cuts else body
        step = int(self.conduct.bytes_per_second / 50) or len(body)
        for start in range(0, len(body), step):
            self.wfile.write(body[start : start + step])
            time.sleep(0.02 if self.conduct.bytes_per_second else 0)


class Server(ThreadingHTTPServer):
    """Server that tolerates clients that are killed."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore errors of a connection, such as a killed client."""


@contextmanager
def serving(folder: Path, conduct: Conduct | None = None) -> Iterator[str]:
    """Serve the files of a folder within the block, and yield the URL."""
    handler = partial(Handler, directory=str(folder), conduct=conduct or Conduct())
    server = Server(("127.0.0.1", 0), handler)
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
    """Run a server that accepts connections and never responds, and yield its URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def answering(answer: bytes, drip: bytes = b"", seconds: float = 0.0) -> Iterator[str]:
    """Run a server that answers each request with given bytes, and yield its URL.

    Args:
        answer: status line, headers and body.
        drip: bytes that are sent after the answer again and again, until the client leaves.
        seconds: between two drips.
    """

    class Answer(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.recv(1 << 16)
                self.request.sendall(answer)
                while drip:
                    self.request.sendall(drip)
                    time.sleep(seconds)

    with RawServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class RawServer(ThreadingTCPServer):
    """Server of any bytes, whose connections end with the tests."""

    daemon_threads, block_on_close = True, False


def dead() -> str:
    """Return the URL of a server that has stopped."""
    with silent() as url:
        return url
