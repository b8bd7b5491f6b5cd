"""The one reader of params.yaml: typed values, or one line that says what is wrong."""

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from pipeline.parameters import yaml_reader
from pipeline.parameters.contradictions import contradictions
from pipeline.parameters.parameters import Parameters
from pipeline.parameters.sections import Section
from pipeline.parameters.yaml_reader import quoted, wanted
from s2s.errors import UserError, check, cut

PATH = Path("params.yaml")


MOVED = {
    "download.mirrors": "operation.mirrors",
    "download.timeout_seconds": "operation.timeout_seconds",
    "download.parallel_files": "operation.parallel_files",
    "train.checkpoint_minutes": "operation.checkpoint_minutes",
    "train.keep_checkpoints": "operation.keep_checkpoints",
    "tracking": "operation.experiment",
}
"""Keys of earlier versions, and where they are now."""


def read(path: Path = PATH) -> Parameters:
    """Read and check params.yaml.

    Raises:
        UserError: one line with place, found and wanted.
    """
    return parse(read_text(path), str(path))


def read_text(path: Path) -> str:
    """Return the text of a parameter file, with the line ends that it has.

    Raises:
        UserError: one line that says why there is no text.
    """
    return yaml_reader.read_text(path, "a parameter file, see presets/default.yaml")


def parse(text: str, place: str) -> Parameters:
    """Check the text of a parameter file and return its values; `place` names the file in errors."""
    values = yaml_reader.load(text, place)
    check(isinstance(values, dict), f"{place}: found {type(values).__name__}; expected sections such as `model:`")
    try:
        parameters = Parameters.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{place}: {describe(error)}") from None
    for name in parameters.vocabularies:
        check_changes(lambda: parameters.vocabulary(name), f"{place}: vocabularies.{name}")  # noqa: B023
    for name in parameters.systems:
        check_changes(lambda: parameters.system(name), f"{place}: systems.{name}")  # noqa: B023
    for name in parameters.runs:
        check_changes(lambda: parameters.run(name), f"{place}: runs.{name}")  # noqa: B023
    for message in contradictions(parameters):
        raise UserError(f"{place}: {message}")
    return parameters


def check_changes(read_changed: Callable[[], object], place: str) -> None:
    """Check the changes of a vocabulary, a system or a run by the rules of the sections that they change."""
    try:
        read_changed()
    except ValidationError as error:
        raise UserError(f"{place}: {describe(error, (error.title.lower(),))}") from None


def describe(error: ValidationError, prefix: tuple[str, ...] = ()) -> str:
    """Return place, found and wanted of the first mistake; misspelled keys come before what they leave missing."""
    first = min(error.errors(), key=lambda mistake: mistake["type"] != "extra_forbidden")
    place = prefix + tuple(str(part)[:100] for part in first["loc"] if part != "[key]")
    name = cut(".".join(place), 100)
    match first["type"]:
        case "extra_forbidden":
            if name in MOVED:
                return f"unknown key {name}; it is {MOVED[name]} now"
            near = difflib.get_close_matches(place[-1], list(known_keys(place[:-1])), n=1)
            hint = (
                f"did you mean {near[0]}?" if near else f"expected one of {cut(', '.join(known_keys(place[:-1])), 250)}"
            )
            return f"unknown key {name}; {hint}"
        case "missing":
            return f"missing key {name}; see presets/default.yaml"
        case _:
            return f"{name}: found {quoted(first['input'])}; {wanted(first['msg'])}"


def known_keys(place: tuple[str, ...]) -> Iterator[str]:
    """Yield the keys that a section may have; `place` is its path from the root."""
    kind: Any = Parameters
    for part in place:
        # vocabularies, systems, models and runs are dictionaries under free names
        kind = get_args(kind)[1] if get_origin(kind) is dict else kind.model_fields[part].annotation
    if isinstance(kind, type) and issubclass(kind, Section):
        yield from kind.model_fields
