"""Reader of the YAML files that people edit: YAML 1.2 as DVC reads it, without duplicate keys."""

import reprlib
import warnings
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode

from s2s.errors import UserError, check

MOST_CHARACTERS = 500_000  # of a YAML file; ruamel.yaml reads about 50,000 a second


MOST_VALUES = 500_000  # in it, where each alias counts as all the values that it stands for


QUOTE = reprlib.Repr()  # writes values into messages, shortened


QUOTE.maxstring = QUOTE.maxother = 200


def load(text: str, place: str) -> Any:
    """Return the values of a YAML 1.2 text, read as DVC reads it; `place` names the file in errors.

    Raises:
        UserError: one line for text that is not YAML, for a key that is there twice, and for a text so large, so deep
            or so full of aliases that reading or printing it could take minutes.
    """
    check(
        len(text) <= MOST_CHARACTERS,
        f"{place}: found {len(text):,} characters; expected at most {MOST_CHARACTERS:,}",
    )
    reader = YAML(typ="safe", pure=True)
    reader.Constructor = PlainConstructor
    try:
        with warnings.catch_warnings(action="ignore"):  # of anchors that are defined twice, which YAML allows
            values = reader.load(text)
    except RecursionError:
        raise UserError(f"{place}: found values nested too deeply to be read; expected sections of keys") from None
    except Exception as error:  # beside its own errors, ruamel.yaml passes on those of int(), datetime() and others
        raise UserError(f"{place}: {trouble(error)}") from None
    count = expanded(values, {})
    check(count <= MOST_VALUES, f"{place}: found aliases of aliases without end; expected values written out")
    return values


class PlainConstructor(SafeConstructor):
    """Constructor of plain values that refuses merge keys, because nested ones can double a map at each level."""

    def flatten_mapping(self, node: MappingNode) -> Any:
        """Refuse a map with the key `<<`."""
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise MarkedYAMLError(
                    problem="found a merge key <<; expected keys written out", problem_mark=key.start_mark
                )
        return super().flatten_mapping(node)


def trouble(error: Exception) -> str:
    """Return what is wrong with a text that is not YAML, in one line."""
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or error)
    if isinstance(error, DuplicateKeyError):
        key = problem.removeprefix('found duplicate key "').partition('" with value')[0]
        problem = f"key {key[:100]!r} is there twice"
    at = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"not YAML: {at}{' '.join(problem.split())[:200]}"


def expanded(values: object, counts: dict[int, int]) -> int:
    """Return how many values a tree holds, where each alias counts as all that it stands for.

    Args:
        counts: results for maps and lists by id, filled here; a map that holds itself counts as too many.
    """
    if not isinstance(values, dict | list):
        return 1
    if id(values) not in counts:
        counts[id(values)] = MOST_VALUES
        inner = values.values() if isinstance(values, dict) else values
        counts[id(values)] = 1 + sum(expanded(value, counts) for value in inner)
    return counts[id(values)]


def quoted(value: object) -> str:
    """Return a value as a message shows it, shortened where it is long."""
    try:
        return QUOTE.repr(value)
    except ValueError:  # Python prints no integer of more than 4,300 digits
        return "a number of thousands of digits"
