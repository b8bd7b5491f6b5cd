"""Whole parameter files to start from, and how one differs from another."""

from pathlib import Path
from typing import Any

import yaml

from pipeline import parameters
from s2s import files
from s2s.errors import UserError, check

FOLDER = Path("presets")


def names() -> dict[str, str]:
    """Each preset with the comment on its first line."""
    paths = sorted(FOLDER.glob("*.yaml"))
    first = {path.stem: path.read_text(encoding="utf-8").split("\n")[0] for path in paths}
    return {name: line.removeprefix(f"# {name}: ") for name, line in first.items()}


def lay(name: str) -> list[str]:
    """Makes a preset the parameter file, whole or not at all; says key by key what changed."""
    known = names()
    check(name in known, f"preset {name}: found no such preset; expected one of {', '.join(known)}")
    path = FOLDER / f"{name}.yaml"
    text = parameters.read_text(path)
    parameters.parse(text, str(path))
    changes = differences(values(parameters.PATH), values(path))
    files.write_text(parameters.PATH, text)
    return changes


def values(path: Path) -> dict[str, str]:
    """What a parameter file says, valid or not, by dotted key; nothing where it cannot be read."""
    try:
        content = yaml.safe_load(parameters.read_text(path))
    except (UserError, yaml.YAMLError):
        return {}
    return flat(content) if isinstance(content, dict) else {}


def flat(content: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested values by dotted key: `train.epochs: 8.0`."""
    found: dict[str, str] = {}
    for key, value in content.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": str(value)}
    return found


def differences(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """One line for each key that is not the same in both."""
    keys = dict.fromkeys([*old, *new])
    return [
        f"{key}: {old.get(key, '(absent)')} -> {new.get(key, '(absent)')}"
        for key in keys
        if old.get(key) != new.get(key)
    ]
