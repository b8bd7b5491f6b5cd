"""Damage of files that a finished checkout keeps: cut, emptied, changed by a bit, lost."""

import random
from collections.abc import Iterator
from pathlib import Path

from pipeline import dag
from tests.faults.lab import DOCTOR, ENGINES, Command, Lab

Trial = tuple[str, str]


def damage(path: Path, rng: random.Random) -> str:
    """Damage a file in place, past its read-only mode. Return how."""
    content = path.read_bytes()
    how = rng.choice(["emptied", "cut", "flipped", "lengthened", "overwritten"] if content else ["lengthened"])
    position = rng.randrange(max(1, len(content)))
    changed = {
        "emptied": b"",
        "cut": content[:position],
        "flipped": content[:position] + bytes([content[position] ^ 1 << rng.randrange(8)]) + content[position + 1 :]
        if content
        else b"",
        "lengthened": content + rng.randbytes(7),
        "overwritten": rng.randbytes(len(content)),
    }[how]
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(changed)
    path.chmod(mode)
    return how


def targets(folder: Path) -> dict[str, list[Path]]:
    """Return the files of a finished checkout that may be damaged, by kind."""
    cache = folder / ".dvc" / "cache"
    objects = [path for path in sorted((cache / "files").rglob("*")) if path.is_file()]
    outputs = [folder / out for stage in dag.stages(folder) for out in stage.outs]
    return {
        "an object of the cache": [path for path in objects if path.suffix != ".dir"],
        "a folder's list in the cache": [path for path in objects if path.suffix == ".dir"],
        "a run in DVC's cache of runs": [path for path in sorted((cache / "runs").rglob("*")) if path.is_file()],
        "dvc.lock": [folder / "dvc.lock"],
        "DVC's lock of files": [folder / ".dvc" / "tmp" / "rwlock"],
        "an output, replaced by another file": [path for path in outputs if path.is_file()],
        "an output, lost": outputs,
    }


def hurt(kind: str, path: Path, rng: random.Random) -> str:
    """Damage one target. Return how."""
    if kind.startswith("an output"):
        if path.is_dir() and not path.is_symlink():
            path = rng.choice([inner for inner in sorted(path.rglob("*")) if inner.is_file()])
        path.unlink()
        if kind.endswith("lost"):
            return "removed"
        path.write_bytes(rng.randbytes(50))
        return "replaced"
    if kind == "DVC's lock of files":
        path.write_text('{"')
        return "cut"
    return damage(path, rng)


def ward(lab: Lab, rng: random.Random, count: int) -> Iterator[Trial]:
    """Damage some files of a finished checkout at once, call the doctor and the engine, and compare all results."""
    folder = lab.copy(lab.whole)
    kinds, done = targets(folder), []
    for _ in range(count):
        kind = rng.choice([kind for kind, paths in kinds.items() if paths])
        path = rng.choice(kinds[kind])
        if path.exists() or path.is_symlink():
            done.append((f"damaged: {kind}", f"{path.relative_to(folder)} {hurt(kind, path, rng)}"))
    failure = cured(lab, folder)
    names = "; ".join(told for _, told in done)
    yield from ((kind, failure and f"{failure} ({folder}: {names})") for kind, _ in done)


def cured(lab: Lab, folder: Path) -> str:
    """Return what the doctor and the engine could not mend, or ""."""
    for command, expected in (((*DOCTOR, "--check"), 1), (DOCTOR, 0), (ENGINES["dvc"], 0), ((*DOCTOR, "--check"), 0)):
        code, output = Command(folder, command).finish()
        if code != expected or "Traceback (most recent call last)" in output:
            return f"{' '.join(command[-2:])} ended with {code}: {output[-300:]}"
    return lab.difference(folder)
