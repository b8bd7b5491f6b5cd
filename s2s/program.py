"""How a command line of ours ends: a person's mistake by one line and exit code 2, a signal in good order."""

import errno
import sys
from types import FrameType
from typing import NoReturn

import typer

from s2s.errors import UserError

DENIED = {errno.EACCES: "no permission", errno.EPERM: "no permission", errno.EROFS: "read-only file system"}
FULL = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "disk quota exceeded",
    errno.EFBIG: "file too large for the disk or the limit of the shell",
}


def run(app: typer.Typer) -> None:
    """Calls a command line; the mistakes of a person end it with one line and exit code 2."""
    try:
        app()
    except (UserError, OSError) as error:
        message = mistake(error)
        if message is None:
            raise
        fail(message)


def mistake(error: UserError | OSError) -> str | None:
    """What a person is told of an error; nothing if it is none of theirs."""
    if isinstance(error, UserError):
        return str(error)
    reason = (DENIED | FULL).get(error.errno or 0)
    return reason and f"{error.filename or 'output'}: {reason}; expected to be able to write there and read it"


def fail(message: str) -> NoReturn:
    """Prints one line, whatever the message holds, and exits with code 2."""
    print(" ".join(message.split()), file=sys.stderr)
    raise SystemExit(2)


def terminate(signum: int, frame: FrameType | None) -> NoReturn:
    """Unwinds the program as `sys.exit` does; the exit code is the shell's for the signal."""
    raise SystemExit(128 + signum)
