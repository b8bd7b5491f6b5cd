"""Delivery by hand of what stages recorded while MLflow did not answer."""

import typer

from pipeline.running import program
from pipeline.tracking import outbox


def main(seconds: float = 600.0) -> None:
    """Deliver to MLflow what waits in work/tracking, and print what arrived and what remains.

    Exit with code 1 if runs remain that have ended.

    Args:
        seconds: longest time to wait.
    """
    before = outbox.over()
    remaining = outbox.settle(seconds)
    delivered = len({*before} - {*remaining})
    running = len({*outbox.runs()} - {*remaining})
    typer.echo(f"work/tracking: {delivered} runs delivered, {len(remaining)} remain, {running} are running")
    if remaining:
        typer.echo(outbox.trouble() or f"MLflow: not done within {seconds:g} s", err=True)
        raise SystemExit(1)


if __name__ == "__main__":
    program.program(main)
