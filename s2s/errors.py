"""Mistakes of the user, each told in one line that is safe to print: place, found, expected."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST = 300  # characters of each part of a message: place, found, expected
CREDENTIALS = re.compile(r"(?<=://)[^\s/?#]*@")  # of a URL


class UserError(Exception):
    """A mistake in the input. Programs print it as one line and exit with code 2."""

    def __init__(self, message: str) -> None:
        super().__init__(safe(message))


def check(condition: object, message: str) -> None:
    """Raise `UserError(message)`, where the message says place, found and wanted, unless `condition` holds."""
    if not condition:
        raise UserError(message)


def safe(message: str) -> str:
    """Return a message that is printable, with each of its parts cut if it is long."""
    place, colon, rest = CREDENTIALS.sub("***@", " ".join(message.split())).partition(": ")
    found, semicolon, expected = rest.rpartition("; ")
    place, found, expected = (cut(printable(cut(part))) for part in (place, found, expected))
    return f"{place}{colon}{found}{semicolon}{expected}"


def printable(text: str) -> str:
    """Return text for one line of a terminal: without credentials, and with invisible characters as escapes."""
    line = CREDENTIALS.sub("***@", text)
    if line.isprintable():
        return line
    # Python's escapes, also for control characters, bidi overrides, unusual spaces and lone surrogates.
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)


def cut(text: str, most: int = MOST) -> str:
    """Return a text with its middle left out if it has more than `most` characters."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[1 - most // 2 :]}"


@contextmanager
def reading(path: Path, expected: str, *damages: type[Exception]) -> Iterator[None]:
    """Turn the errors of reading a file within the block into a UserError.

    Args:
        path: the file.
        expected: a description of the file.
        damages: errors by which the file's format tells of damage, besides ValueError and EOFError.

    Raises:
        UserError: the file is absent, a dangling link or a folder, cannot be read, or is damaged.
        OSError: of another file that the block reads or writes.
    """
    told: tuple[type[Exception], ...] = (OSError, ValueError, EOFError, *damages)
    try:
        yield
    except told as error:
        if isinstance(error, OSError) and error.filename not in (None, str(path)):
            raise  # about another file, which the block writes
        raise UserError(f"{path}: {unreadable(path, error)}; expected {expected}") from None


def unreadable(path: Path, error: Exception) -> str:
    """Return the reason why a file could not be read, in a few words."""
    if isinstance(error, FileNotFoundError):
        return "found a link to no file" if path.is_symlink() else "no such file"
    reason = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else ""
    if isinstance(error, IsADirectoryError) or (not reason and path.is_dir()):
        return "found a folder"
    return reason or f"damaged ({error})"  # such as Arrow's OSErrors, which have no number
