"""Ends of programs: exit code 2 and one line for a user's mistake, and clean ends after signals."""

import errno
import os
import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from s2s.errors import UserError, safe

REASONS = {
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EROFS: "read-only file system",
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "disk quota exceeded",
    errno.EFBIG: "file too large for the disk or the limit of the shell",
}
OUT_OF_MEMORY = re.compile("out of memory|allocate memory")  # errors of torch on a GPU and on the CPU


def run(app: Callable[[], object]) -> None:
    """Run a command line, and end it with one line and exit code 2 after a user's mistake."""
    try:
        app()
    except (UserError, OSError, MemoryError, RuntimeError) as error:
        message = mistake(error)
        if message is None:
            raise
        fail(message)


def mistake(error: Exception) -> str | None:
    """Return the message for a user's mistake, or None for an error that is not the user's."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and OUT_OF_MEMORY.search(str(error))):
        return "memory: found too little for this work; expected more of it, smaller batches or a narrower beam"
    if not isinstance(error, OSError):
        return None
    reason = REASONS.get(error.errno or 0)
    if reason is None and error.filename is not None and error.strerror:
        reason = error.strerror.lower()  # such as a path that is too long, or that leads through a file
    return reason and safe(f"{error.filename or 'output'}: {reason}; expected to be able to write there and read it")


def fail(message: str) -> NoReturn:
    """Print a message as one line, and exit with code 2."""
    print(safe(message), file=sys.stderr)
    raise SystemExit(2)


def check_streams() -> None:
    """End the program if stdout is closed, and send messages nowhere if stderr is.

    The file numbers of closed streams would be given to the next files that are opened.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # for the rest of the process
    if sys.stdout is None:
        fail("stdout: closed; expected a terminal, a file or a pipe")


def terminate(signum: int, frame: FrameType | None) -> NoReturn:
    """End the program like `sys.exit`, with the shell's exit code for a signal."""
    raise SystemExit(128 + signum)
