"""Progress of long tasks, told safely on a terminal and in a log."""

import io
import sys

import pytest

from s2s import progress
from s2s.progress import Meter

TITLE = "download [red]\x1b[31mx\u202e[/]"
SHOWN = r"download [red]\x1b[31mx\u202e[/]"


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_titles_and_texts_are_shown_as_text(stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stderr", stream())
    with Meter(TITLE, 2) as meter:
        meter.update(1, f"from {TITLE}")
    written = sys.stderr.getvalue()  # type: ignore[union-attr]
    assert f"{SHOWN}" in written and f"from {SHOWN}" in written
    assert "\x1b[31m" not in written and "\u202e" not in written
