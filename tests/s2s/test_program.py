"""Messages for errors that the system reports, and programs whose streams are closed."""

import errno
import os
import sys

import pytest

from s2s.program import check_streams, fail, mistake

WANTED = "expected to be able to write there and read it"
MEMORY = "memory: found too little for this work; expected more of it, smaller batches or a narrower beam"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.EACCES, "x", "a b"), f"a b: no permission; {WANTED}"),
        (OSError(errno.ENOSPC, "x"), f"output: no space left on the disk; {WANTED}"),
        (OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), "a"), f"a: file name too long; {WANTED}"),
        (OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), "a\x1b[0m"), rf"a\x1b[0m: not a directory; {WANTED}"),
        (OSError(errno.ECONNRESET, "reset"), None),
        (MemoryError(), MEMORY),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), MEMORY),
        (RuntimeError("sizes differ"), None),
    ],
)
def test_an_error_of_files_or_memory_is_the_users(error: Exception, line: str | None) -> None:
    assert mistake(error) == line


def test_the_last_line_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        fail("a:\x1b[31m http://me:s3cret@b\n")
    assert (ended.value.code, capsys.readouterr().err) == (2, "a:\\x1b[31m http://***@b\n")


def test_a_closed_stdout_is_said_and_a_closed_stderr_is_borne(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(SystemExit) as ended:
        check_streams()
    assert (ended.value.code, capsys.readouterr().err) == (2, "stdout: closed; expected a terminal, a file or a pipe\n")
    monkeypatch.undo()
    monkeypatch.setattr("sys.stderr", None)
    check_streams()
    print("lost", file=sys.stderr)
    assert capsys.readouterr() == ("", "")
