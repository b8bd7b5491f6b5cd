"""Start the command line `s2s`, and end it like a Unix filter on a closed pipe and quietly on Ctrl-C."""

import signal

from s2s import program


def main() -> None:
    """Run the command line."""
    program.check_streams()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, program.terminate)
    from s2s.commands.app import app  # noqa: PLC0415  # loads torch for seconds, in which Ctrl-C must be handled too

    program.run(app)


if __name__ == "__main__":
    main()
