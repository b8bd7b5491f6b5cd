"""The command line of a stage: flags from the parameters of `main`, exit codes, signals."""

import functools
import inspect
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from pipeline.running import lockfile
from s2s.program import run, terminate


def program(main: Callable[..., None]) -> None:
    """Run `main` as a program whose flags are its parameters and whose --help is its docstring.

    A `UserError`, a missing permission or a full disk ends the program with one line on stderr and exit code 2.
    SIGTERM raises `SystemExit(143)`, so that half-written files are removed and the MLflow run is closed.
    A copy of dvc.lock is kept for the doctor.
    """
    signal.signal(signal.SIGTERM, terminate)
    lockfile.keep()
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(with_flags(main))
    run(app)


class Stop:
    """A signal handler that remembers a request to stop.

    A second signal ends the program at once.
    """

    def __init__(self) -> None:
        self.signum = 0

    def __call__(self) -> bool:
        """Return whether a signal has arrived."""
        return self.signum != 0

    def take(self, signum: int, frame: FrameType | None) -> None:
        """Handle a signal: remember the first, exit on the second."""
        if self.signum:
            raise SystemExit(128 + signum)
        self.signum = signum


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Yield a `Stop` that SIGTERM and Ctrl-C set within the block, instead of ending the program."""
    stop = Stop()
    before = {signum: signal.signal(signum, stop.take) for signum in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def with_flags(main: Callable[..., None]) -> Callable[..., None]:
    """Return `main` as typer reads it: every parameter a flag, its help the docstring's entry under `Args:`."""
    description, helps = parse_docstring(inspect.getdoc(main) or "")

    def flag(parameter: inspect.Parameter) -> inspect.Parameter:
        default = ... if parameter.default is parameter.empty else parameter.default
        return parameter.replace(default=typer.Option(default, help=helps.get(parameter.name)))

    @functools.wraps(main)
    def command(**flags: object) -> None:
        main(**flags)

    command.__doc__ = description
    signature = inspect.signature(main)
    command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[flag(parameter) for parameter in signature.parameters.values()]
    )
    return command


def parse_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Split a Google style docstring into its description and the help text of each argument."""
    description, _, rest = text.partition("\nArgs:\n")
    arguments = rest.split("\n\n")[0]
    entries = re.findall(r"^    (\w+): (.*(?:\n     +.*)*)", arguments, flags=re.MULTILINE)
    return description.strip(), {name: " ".join(help_text.split()) for name, help_text in entries}
