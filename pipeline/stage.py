"""What turns a stage's `main` into a program: its command line, its one-line errors, its orderly end."""

import errno
import functools
import inspect
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


def program(main: Callable[..., None]) -> None:
    """Runs `main` as a program whose flags are its parameters and whose --help is its docstring.

    A `UserError`, a missing permission or a full disk ends it with one line on stderr and exit code 2. SIGTERM ends
    it by `SystemExit(143)`, so that files half-written are removed and the MLflow run is closed.
    """
    signal.signal(signal.SIGTERM, terminate)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(with_flags(main))
    run(app)


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
    """Unwinds the program as `sys.exit` does; the exit code is the shell's for SIGTERM."""
    raise SystemExit(128 + signum)


class Stop:
    """Whether a signal asked the program to come to an end; asked twice, it ends at once."""

    def __init__(self) -> None:
        self.signum = 0

    def __call__(self) -> bool:
        """Whether it did."""
        return self.signum != 0

    def take(self, signum: int, frame: FrameType | None) -> None:
        """The handler of the signals."""
        if self.signum:
            raise SystemExit(128 + signum)
        self.signum = signum


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Within the block SIGTERM and Ctrl-C only ask."""
    stop = Stop()
    before = {signum: signal.signal(signum, stop.take) for signum in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def with_flags(main: Callable[..., None]) -> Callable[..., None]:
    """`main` as typer reads it: every parameter is a flag, its help the docstring's entry under `Args:`."""
    text, helps = parse_docstring(inspect.getdoc(main) or "")

    def flag(parameter: inspect.Parameter) -> inspect.Parameter:
        default = ... if parameter.default is parameter.empty else parameter.default
        return parameter.replace(default=typer.Option(default, help=helps.get(parameter.name)))

    @functools.wraps(main)
    def command(**flags: object) -> None:
        main(**flags)

    command.__doc__ = text
    signature = inspect.signature(main)
    command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[flag(parameter) for parameter in signature.parameters.values()]
    )
    return command


def parse_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Splits a Google style docstring into what it says and what it says of each argument."""
    says, _, rest = text.partition("\nArgs:\n")
    arguments = rest.split("\n\n")[0]
    entries = re.findall(r"^    (\w+): (.*(?:\n     +.*)*)", arguments, flags=re.MULTILINE)
    return says.strip(), {name: " ".join(help_text.split()) for name, help_text in entries}
