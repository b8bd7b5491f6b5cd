"""What turns a stage's `main` into a program: its command line, its orderly end."""

import functools
import inspect
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from s2s.program import run, terminate


def program(main: Callable[..., None]) -> None:
    """Runs `main` as a program whose flags are its parameters and whose --help is its docstring.

    A `UserError`, a missing permission or a full disk ends it with one line on stderr and exit code 2. SIGTERM ends
    it by `SystemExit(143)`, so that files half-written are removed and the MLflow run is closed.
    """
    signal.signal(signal.SIGTERM, terminate)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(with_flags(main))
    run(app)


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
