"""Messages for errors that the system reports about files."""

import errno
import os

import pytest

from s2s.program import fail, mistake

WANTED = "expected to be able to write there and read it"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.EACCES, "x", "a b"), f"a b: no permission; {WANTED}"),
        (OSError(errno.ENOSPC, "x"), f"output: no space left on the disk; {WANTED}"),
        (OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), "a"), f"a: file name too long; {WANTED}"),
        (OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), "a\x1b[0m"), rf"a\x1b[0m: not a directory; {WANTED}"),
        (OSError(errno.ECONNRESET, "reset"), None),
    ],
)
def test_an_error_about_a_file_is_the_users(error: OSError, line: str | None) -> None:
    assert mistake(error) == line


def test_the_last_line_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        fail("a:\x1b[31m http://me:s3cret@b\n")
    assert (ended.value.code, capsys.readouterr().err) == (2, "a:\\x1b[31m http://***@b\n")
