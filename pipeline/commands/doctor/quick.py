"""Quick part of the doctor: mends what stops DVC or Snakemake, without reading every file, and starts within 0.5 s."""

from collections.abc import Callable, Iterable

from pipeline.commands.doctor import links, locks
from pipeline.commands.doctor.findings import Finding, report
from s2s import program

KINDS: tuple[Callable[[], Iterable[Finding]], ...] = (locks.damaged_record, locks.stale_locks, links.dangling)


def main() -> None:
    """Mend and print each fault; exit with code 1 if one remains."""
    raise SystemExit(not mend())


def mend() -> bool:
    """Mend and print each fault, and return True if none remains."""
    _, remaining = report(KINDS, is_check=False)
    return not remaining


if __name__ == "__main__":
    program.run(main)
