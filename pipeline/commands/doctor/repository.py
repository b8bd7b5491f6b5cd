"""DVC's configuration, the record of the last run, and the links into DVC's cache, read without DVC."""

import configparser
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.running import lockfile

CONFIGS = (Path(".dvc/config"), Path(".dvc/config.local"))
OBJECT = re.compile(r".*/files/md5/([0-9a-f]{2}/[0-9a-f]{30})$")
"""Target of a link into a DVC cache."""


@dataclass(frozen=True)
class Link:
    """A link into a DVC cache, of this checkout or of another."""

    path: Path
    target: Path
    own: Path
    """The same object's place in this checkout's cache."""


def configured(section: str, key: str) -> str:
    """Return a value of DVC's configuration, or ""."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read(CONFIGS, encoding="utf-8")
    return parser.get(section, key, fallback="")


def cache() -> Path:
    """Return the absolute path of DVC's cache."""
    return Path(os.path.abspath(Path(".dvc") / (configured("cache", "dir") or "cache")))  # noqa: PTH100 (DVC keeps links too)


def recorded() -> dict[str, Any]:
    """Return the entries of dvc.lock, or those of the version that would replace a damaged one."""
    try:
        stages = lockfile.read(lockfile.PATH.read_bytes())
    except OSError:
        stages = None
    return next((lockfile.read(content) or {} for _, content in versions()), {}) if stages is None else stages


def versions() -> Iterator[tuple[str, bytes]]:
    """Yield older versions of dvc.lock that are whole, each with words for its origin, the newest first."""
    try:
        copy = lockfile.kept().read_bytes()
    except OSError:
        copy = b""
    if lockfile.read(copy) is not None:
        yield f"{lockfile.kept()}, a copy from the start of a stage", copy
    try:
        done = subprocess.run(["git", "show", f"HEAD:./{lockfile.PATH}"], capture_output=True, check=False)
    except FileNotFoundError:
        return
    if done.returncode == 0 and lockfile.read(done.stdout) is not None:
        yield "git's last commit", done.stdout


def results() -> list[Path]:
    """Return the top folders of what stages write, also of stages that have been removed."""
    outs = [Path(out["path"]) for stage in recorded().values() for out in stage.get("outs", [])]
    return sorted({Path(out.parts[0]) for out in outs if out.parts and out.parts[0] not in ("..", "/")})


def links() -> Iterator[Link]:
    """Yield the links into a DVC cache that lie among the results."""
    objects = cache() / "files" / "md5"
    waiting = results()
    for path in waiting:
        if path.is_symlink():
            target = path.readlink()
            if match := OBJECT.match(str(target)):
                yield Link(path, target, objects / match[1])
        elif path.is_dir():
            waiting.extend(path.iterdir())


def shown(path: Path) -> Path:
    """Return a path as it is seen from the checkout."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
