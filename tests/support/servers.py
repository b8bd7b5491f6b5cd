"""Web servers on this machine, for tests of what comes over the network."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Conduct:
    """How a server behaves, and what it was asked for."""

    ranges: bool = True  # whether it can send a part of a file
    lengths: bool = True  # whether it says how long an answer is
    cuts: list[float] = field(default_factory=list)  # the shares of the first answers after which it breaks off
    refusals: list[int] = field(default_factory=list)  # the statuses of the first answers; 0: none
    bytes_per_second: float = 0  # 0: as fast as it goes
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # names of files, and the ranges asked for


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder without a log."""

    def __init__(self, *args: Any, conduct: Conduct, **named: Any) -> None:
        self.conduct = conduct
        super().__init__(*args, **named)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        """Sends a file, from the byte that is asked for if the server can."""
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
        """Sends a body, or its beginning, at the speed of the server."""
        body = body[: int(len(body) * self.conduct.cuts.pop(0))] if self.conduct.cuts else body
        step = int(self.conduct.bytes_per_second / 50) or len(body)
        for start in range(0, len(body), step):
            self.wfile.write(body[start : start + step])
            time.sleep(0.02 if self.conduct.bytes_per_second else 0)


class Server(ThreadingHTTPServer):
    """A server that callers may be killed under."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing."""


@contextmanager
def serving(folder: Path, conduct: Conduct | None = None) -> Iterator[str]:
    """A server of a folder's files; yields its URL."""
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
    """A server that takes calls and never answers; yields its URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def dead() -> str:
    """The URL of a server that is gone."""
    with silent() as url:
        return url
