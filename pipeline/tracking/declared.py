"""The stages of dvc.yaml with DVC's values filled in, in some milliseconds where DVC's own import takes a second.

It knows what this dvc.yaml uses: `foreach` over a map of params.yaml, and `${...}`. A test compares it with DVC.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline.dag import Stage

Values = dict[str, Any]
VARIABLE = re.compile(r"\$\{\s*([\w.-]+)\s*\}")


def read(path: Path) -> Values:
    """Return the values of a YAML file, read as DVC reads it; {} if there is none."""
    if not path.exists():
        return {}
    values = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return values if isinstance(values, dict) else {}


def stages(values: Values) -> list[Stage]:
    """Return the stages of the dvc.yaml in the current folder.

    Args:
        values: params.yaml.
    """
    every: list[Stage] = []
    for name, entry in (read(Path("dvc.yaml")).get("stages") or {}).items():
        if "foreach" not in entry:
            every.append(stage(name, entry, values, values))
            continue
        items = filled(entry["foreach"], values)
        for key, item in items.items():
            every.append(stage(f"{name}@{key}", entry["do"], values | {"key": key, "item": item}, values))
    return every


def stage(name: str, entry: Mapping[str, Any], known: Values, values: Values) -> Stage:
    """Return a stage of dvc.yaml.

    Args:
        name: with the key of `foreach`.
        entry: the stage's text in dvc.yaml.
        known: the values that `${...}` may name.
        values: params.yaml.
    """
    entry = filled({key: value for key, value in entry.items() if key != "meta"}, known)
    listed = [out for kind in ("outs", "metrics", "plots") for out in entry.get(kind, [])]
    outs = [path for out in listed for path in (out if isinstance(out, dict) else (out,))]
    return Stage(
        name=name,
        cmd=entry["cmd"] if isinstance(entry["cmd"], str) else " && ".join(entry["cmd"]),
        deps=tuple(entry.get("deps", ())),
        outs=tuple(outs),
        params={key: value for key in entry.get("params", ()) for value in at(values, key)},
        meta={},
    )


def at(values: Values, key: str) -> list[Any]:
    """Return the value at a dotted key in a list, [] if there is none."""
    found: Any = values
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            return []
        found = found[part]
    return [found]


def filled(entry: Any, known: Values) -> Any:
    """Return an entry of dvc.yaml with each `${...}` replaced; one that is the whole text keeps its type.

    Raises:
        KeyError: a value that is not known.
    """
    if isinstance(entry, dict):
        return {filled(key, known): filled(value, known) for key, value in entry.items()}
    if isinstance(entry, list):
        return [filled(value, known) for value in entry]
    if not isinstance(entry, str):
        return entry
    if match := VARIABLE.fullmatch(entry):
        return named(known, match[1])
    return VARIABLE.sub(lambda match: as_text(named(known, match[1])), entry)


def named(known: Values, key: str) -> Any:
    """Return the value at a dotted key, or raise a KeyError."""
    for value in at(known, key):
        return value
    raise KeyError(key)


def as_text(value: Any) -> str:
    """Return a value as DVC writes it into a command."""
    return str(value).lower() if isinstance(value, bool) else str(value)
