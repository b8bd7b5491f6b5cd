"""Findings of the doctor: a fault, its place, and its cure."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from s2s.errors import UserError, safe


@dataclass(frozen=True)
class Finding:
    """A fault in the checkout."""

    place: Path | str
    fault: str
    """What was found, such as `0 bytes`."""
    cure: str
    """With `mend`, a participle that says what it does, such as `removed`; without, what the user is expected to do."""
    mend: Callable[[], object] | None = None


Kind = Callable[[], Iterable[Finding]]
"""A search for faults of one kind."""


def treat(finding: Finding, is_check: bool) -> tuple[str, bool]:
    """Mend a fault, unless only checking, and return its line and whether it is mended."""
    said = f"{finding.place}: found {finding.fault}"
    if finding.mend is None:
        return safe(f"{said}; expected {finding.cure}"), False
    if is_check:
        return safe(f"{said}; to be {finding.cure}"), False
    try:
        finding.mend()
    except (OSError, UserError) as error:
        reason = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else str(error)
        return safe(f"{said}; could not be {finding.cure}: {reason}"), False
    return safe(f"{said}; {finding.cure}"), True


def report(kinds: Iterable[Kind], is_check: bool = False, stream: TextIO | None = None) -> tuple[int, int]:
    """Print a line for each fault and mend it, unless only checking; count them.

    Returns: the number of faults, and of those that remain.
    """
    count = remaining = 0
    for kind in kinds:
        for finding in kind():
            line, is_mended = treat(finding, is_check)
            print(line, file=stream, flush=True)
            count += 1
            remaining += not is_mended
    return count, remaining
