"""How the command line starts and ends: as Unix filters do when nobody reads on, and quietly on Ctrl-C."""

import signal

from s2s import program


def main() -> None:
    """Runs the command line."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, program.terminate)
    from s2s.commands.app import app  # noqa: PLC0415  # loads torch, for seconds in which Ctrl-C is to be quiet too

    program.run(app)


if __name__ == "__main__":
    main()
