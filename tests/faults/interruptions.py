"""Lives of a checkout: its engine is killed, starved of disk space or doubled, until a run of it is left in peace."""

import random
import resource
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.faults.damages import damage
from tests.faults.lab import DOCTOR, ENGINES, Command, Lab, complaint

Trial = tuple[str, str]
"""The kind of a fault, and what failed after it, or ""."""
Moment = Callable[[], bool]
DOUBLE = "two at once"
LATEST = 12.0  # seconds until a kill whose moment has not come


def moments(folder: Path, rng: random.Random) -> dict[str, Moment]:
    """Return the moments at which a command is killed, each as a condition on the files of a checkout."""
    ends = time.monotonic() + rng.uniform(0.3, LATEST)
    lock, known = folder / "dvc.lock", mark(folder / "dvc.lock")
    rwlock, held = folder / ".dvc/tmp/rwlock", mark(folder / ".dvc/tmp/rwlock")
    results = folder / rng.choice(["data", "models", "reports", "translations", "curves", "candidates", "rescored"])
    return {
        "at a random moment": lambda: time.monotonic() > ends,
        "while dvc.lock is written": lambda: mark(lock) != known,
        "while DVC locks files": lambda: mark(rwlock) != held,
        "while an output is written": lambda: any(results.rglob(".*.part")),
        "while a stage keeps its work": lambda: any((folder / "work").rglob(".*.part")),
    }


def mark(path: Path) -> tuple[int, int] | None:
    """Return size and time of a file, by which a change is told, or None."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def life(lab: Lab, engine: str, rng: random.Random, goes_on: Callable[[], bool]) -> Iterator[Trial]:
    """Hurt the runs of a new checkout until one of them ends well, and compare its results.

    A fault counts when its run is over; all of a life share the verdict on the results at its end.
    """
    folder, faults = lab.copy(lab.untouched), []
    failure = ""
    while goes_on() and not failure:
        kind, hurt = choose(folder, engine, rng)
        ended, failure = hurt()
        if not ended or failure or kind.endswith(DOUBLE):  # a run that ended well before its fault has not had it
            faults.append(kind)
        if ended:
            break
    else:
        if not failure:
            failure = left_in_peace(folder, engine)
    failure = failure or lab.difference(folder)
    yield from ((fault, failure and f"{failure} ({folder}: {', '.join(faults)})") for fault in faults)


def left_in_peace(folder: Path, engine: str) -> str:
    """Call the engine, after the doctor if it says that it cannot go on. Return what failed, or ""."""
    code, output = Command(folder, ENGINES[engine]).finish()
    if code:
        cured, advice = Command(folder, DOCTOR).finish()
        if cured or complaint(cured, advice):
            return f"the doctor ended with {cured}: {advice[-300:]}"
        code, output = Command(folder, ENGINES[engine]).finish()
    return f"the same command ended with {code}: {output[-300:]}" if code else ""


def choose(folder: Path, engine: str, rng: random.Random) -> tuple[str, Callable[[], tuple[bool, str]]]:
    """Return a kind of fault and the function that does it, which tells whether the pipeline ended and what failed."""
    draw = rng.random()
    if draw < 0.1:
        return f"{engine}: no room on the disk", partial(starve, folder, engine, rng)
    if draw < 0.15:
        return f"{engine}: {DOUBLE}", partial(double, folder, engine, rng)
    if draw < 0.25 and (kept := [path for path in sorted((folder / "work").rglob("*")) if path.is_file()]):
        path = rng.choice(kept)
        return f"{engine}: damaged work of a killed stage", partial(spoil, path, rng)
    name, moment = rng.choice(list(moments(folder, rng).items()))
    return f"{engine}: killed {name}", partial(kill_at, folder, engine, moment)


def kill_at(folder: Path, engine: str, moment: Moment) -> tuple[bool, str]:
    """Start the engine and kill it at a moment."""
    command, ends = Command(folder, ENGINES[engine]), time.monotonic() + LATEST
    while command.is_running and not moment() and time.monotonic() < ends:
        time.sleep(0.0005)
    if not command.is_running:
        return settle(folder, *command.finish())
    command.kill()
    return False, ""


def starve(folder: Path, engine: str, rng: random.Random) -> tuple[bool, str]:
    """Run the engine where no file may be larger than some size, as on a full disk."""
    size = int(10 ** rng.uniform(2, 5.5))
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
    code, output = Command(folder, ENGINES[engine], preexec_fn=limit).finish()
    return code == 0, "" if engine == "snakemake" else complaint(code, output)


def double(folder: Path, engine: str, rng: random.Random) -> tuple[bool, str]:
    """Run two of the engine, or one of each, at once."""
    first = Command(folder, ENGINES[engine])
    time.sleep(rng.uniform(0, 3))
    second = Command(folder, ENGINES[rng.choice(list(ENGINES))])
    codes = [command.finish() for command in (first, second)]
    failure = next((failure for code, output in codes if (failure := complaint(code, output))), "")
    return any(code == 0 for code, _ in codes), failure


def spoil(path: Path, rng: random.Random) -> tuple[bool, str]:
    """Damage a file that a killed stage would go on from."""
    damage(path, rng)
    return False, ""


def settle(folder: Path, code: int, output: str) -> tuple[bool, str]:
    """Return whether the pipeline ended, and what failed if the doctor could not help a command that failed."""
    if code == 0:
        return True, ""
    cured, advice = Command(folder, DOCTOR).finish()
    if cured:
        return False, f"after {output[-200:]!r} the doctor ended with {cured}: {advice[-300:]}"
    return False, complaint(code, output)
