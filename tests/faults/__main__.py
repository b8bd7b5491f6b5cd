"""Campaign of faults: kills, full disks, races and damaged files, after which the pipeline must give the same bytes.

The same seed draws the same faults; the moments of kills depend on the machine. Ends with a table and, if a fault was
not held, with exit code 1, and keeps the checkouts that failed.
"""

import random
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tests.faults import damages, interruptions
from tests.faults.lab import ENGINES, Lab

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
Trial = tuple[str, str]
BATCH = 10  # files damaged at once: the engine runs once for all of them


def campaign(lab: Lab, seed: int, ends: float) -> Iterator[Trial]:
    """Hurt checkouts in turn until a time of the monotonic clock, and yield the kind of each fault and its failure."""
    rng = random.Random(seed)
    while time.monotonic() < ends:
        for engine in ENGINES:
            yield from interruptions.life(lab, engine, rng, lambda: time.monotonic() < ends)
            for _ in range(3):
                if time.monotonic() < ends:
                    yield from damages.ward(lab, rng, BATCH)


@app.command()
def main(
    seconds: Annotated[int, typer.Option(help="time after which no new fault is tried")] = 600,
    seed: Annotated[int | None, typer.Option(help="seed of the faults; without it, a new one")] = None,
    folder: Annotated[Path | None, typer.Option(help="where the checkouts lie; kept, and used again")] = None,
) -> None:
    """Run the campaign and print its table."""
    seed = random.randrange(10**6) if seed is None else seed
    lab = Lab.built((folder or Path(tempfile.mkdtemp(prefix="faults-"))).absolute())
    typer.echo(f"seed {seed}, checkouts in {lab.folder}")
    tried: dict[str, int] = defaultdict(int)
    failures: dict[str, list[str]] = defaultdict(list)
    for kind, failure in campaign(lab, seed, time.monotonic() + seconds):
        tried[kind] += 1
        if failure:
            failures[kind].append(failure)
            typer.echo(f"FAILED {kind}: {failure}")
        if sys.stderr.isatty():
            typer.echo(f"\r{sum(tried.values())} faults ", err=True, nl=False)
    typer.echo(f"{'fault':48} tried  held failed")
    for kind, count in [*sorted(tried.items()), ("all", sum(tried.values()))]:
        failed = sum(map(len, failures.values())) if kind == "all" else len(failures[kind])
        typer.echo(f"{kind:48} {count:5} {count - failed:5} {failed:6}")
    if not failures and folder is None:
        shutil.rmtree(lab.folder)
    raise typer.Exit(bool(failures))


if __name__ == "__main__":
    app()
