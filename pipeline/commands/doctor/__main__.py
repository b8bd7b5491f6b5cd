"""Doctor of a checkout: finds damaged files, stale locks and leftovers of killed runs, and mends them."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.doctor import leftovers, objects, quick, runs, tracked
from pipeline.commands.doctor.findings import report
from s2s import program
from s2s.errors import check as demand

KINDS = (
    objects.damaged_objects,
    runs.damaged_runs,
    leftovers.half_written,
    *quick.KINDS,
    leftovers.damaged_work,
    tracked.damaged_database,
    tracked.damaged_records,
    tracked.waiting_records,
    tracked.dead_runs,
    leftovers.small_disk,
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    check: Annotated[bool, typer.Option("--check", help="only print the findings; change nothing")] = False,
) -> None:
    """Find damaged files, stale locks and leftovers of killed runs, and mend them.

    Print one line for each finding. Exit with code 1 if a fault remains: with --check if there is any, else if one
    needs you. Only processes of this machine are seen.
    """
    demand(Path("dvc.yaml").is_file(), "dvc.yaml: found no such file here; expected the folder of the project")
    count, remaining = report(KINDS, check)
    typer.echo(f"doctor: {count} found, {count - remaining} mended" if count else "doctor: nothing is wrong")
    raise typer.Exit(bool(remaining))


if __name__ == "__main__":
    program.run(app)
