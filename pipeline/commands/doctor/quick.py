"""Quick part of the doctor: mends what stops DVC or Snakemake, without reading every file, and starts within 0.5 s."""

import sys

from pipeline.commands.doctor import links, locks, runs
from pipeline.commands.doctor.findings import Kind, report
from s2s import program

KINDS: tuple[Kind, ...] = (locks.damaged_record, locks.stale_locks, links.dangling, runs.empty_runs)


def main() -> None:
    """Mend and print each fault; exit with code 1 if one remains."""
    raise SystemExit(not mend())


def mend() -> bool:
    """Mend each fault and print it on stderr, and return True if none remains."""
    _, remaining = report(KINDS, stream=sys.stderr)
    return not remaining


if __name__ == "__main__":
    program.run(main)
