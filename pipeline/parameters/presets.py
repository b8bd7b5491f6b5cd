"""Presets: parameter files to start from, each written as what it changes in presets/default.yaml."""

from pathlib import Path
from typing import Any

from pipeline.parameters import editing, reading, yaml_reader
from s2s import files
from s2s.errors import UserError, check

FOLDER = Path("presets")
DEFAULT = "default"
SCHEMA = "# yaml-language-server: $schema=params.schema.json\n"


def names(folder: Path = FOLDER) -> dict[str, str]:
    """Return each preset with the comment on its first line."""
    paths = sorted(path for path in folder.glob("*.yaml") if path.stem != DEFAULT)
    return {path.stem: first_line(path).removeprefix(f"# {path.stem}: ") for path in paths}


def first_line(path: Path) -> str:
    """Return the first line of a file, which says what a preset is for."""
    return reading.read_text(path).split("\n")[0].rstrip("\r")


def lay(name: str) -> list[str]:
    """Replace the parameter file by a preset, if that is valid, and return a line for each value that changed."""
    text = merged(name)
    reading.parse(text, str(FOLDER / f"{name}.yaml"))
    changes = differences(values(present()), values(text))
    files.write_text(reading.PATH, text)
    return changes


def merged(name: str, folder: Path = FOLDER) -> str:
    """Return the whole text of a preset: the default with all its comments, and the preset's values laid over it.

    Raises:
        UserError: no preset has this name, or it is not YAML or holds a key that the default does not have.
    """
    listed = names(folder)
    check(name in listed, f"preset {name}: found no such preset; expected one of {', '.join(listed)}")
    path = folder / f"{name}.yaml"
    changes = reading.read_text(path)
    yaml_reader.load(changes, str(path))
    default = reading.read_text(folder / f"{DEFAULT}.yaml")
    _, _, body = default.split("\n", 2)  # without the schema's path from there, and what the file is for
    return f"{SCHEMA}{first_line(path)}\n{editing.overlay(body, changes, str(path))}"


def present() -> str:
    """Return the text of the parameter file, or "" if there is none."""
    try:
        return reading.read_text(reading.PATH)
    except UserError:
        return ""


def values(text: str) -> dict[str, str]:
    """Return what the text of a parameter file says, valid or not, by dotted key; nothing if it is not YAML."""
    try:
        content = yaml_reader.load(text, "")
    except UserError:
        return {}
    return flat(content) if isinstance(content, dict) else {}


def flat(content: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested values by dotted key, such as `train.epochs: 8.0`."""
    lines: dict[str, str] = {}
    for key, value in content.items():
        lines |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": str(value)}
    return lines


def differences(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Return a line for each key whose values differ."""
    keys = dict.fromkeys([*old, *new])
    return [
        f"{key}: {old.get(key, '(absent)')} -> {new.get(key, '(absent)')}"
        for key in keys
        if old.get(key) != new.get(key)
    ]
