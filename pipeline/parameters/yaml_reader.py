"""Reader of the YAML files that people edit: YAML 1.2 as DVC reads it, without duplicate keys."""

import reprlib
import stat
import warnings
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, MaxDepthExceededError
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode

from s2s.errors import UserError, check, cut, reading

MOST_BYTES = 1_000_000  # of a YAML file
MOST_CHARACTERS = 250_000  # in it
MOST_VALUES = 10_000  # in it, keys included, where each alias counts as all that it stands for; a second to read
DEEPEST = 20  # maps and lists within each other
QUOTE = reprlib.Repr()  # writes values into messages, shortened
QUOTE.maxstring = QUOTE.maxother = 200


def read_text(path: Path, expected: str) -> str:
    """Return the text of a file, with the line ends that it has; `expected` describes it in errors.

    Raises:
        UserError: there is no such file, or it is a pipe or device, is too large, or is not UTF-8.
    """
    with reading(path, expected):
        status = path.stat()
        is_special = not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode)
        check(not is_special, f"{path}: found a pipe or device; expected {expected}")
        check(
            status.st_size <= MOST_BYTES,
            f"{path}: found {status.st_size:,} bytes; expected at most {MOST_BYTES:,}",
        )
        content = path.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: found byte {content[error.start]:#04x} at {error.start}; expected UTF-8") from None


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
    reader.Constructor, reader.Composer, reader.max_depth = PlainConstructor, CountingComposer, DEEPEST
    too_deep = f"{place}: found values nested too deeply to be read; expected sections of keys"
    try:
        with warnings.catch_warnings(action="ignore"):  # of anchors that are defined twice, which YAML allows
            values = reader.load(text)
    except TooManyValuesError:
        raise UserError(f"{place}: found more than {MOST_VALUES:,} values; expected fewer") from None
    except MaxDepthExceededError:
        raise UserError(too_deep) from None
    except Exception as error:  # beside its own errors, ruamel.yaml passes on those of int(), datetime() and others
        raise UserError(f"{place}: {trouble(error)}") from None
    count, depth = expanded(values, {})
    check(count <= MOST_VALUES, f"{place}: found aliases of aliases without end; expected values written out")
    check(depth <= DEEPEST, too_deep)
    return values


class TooManyValuesError(Exception):
    """A text with more values than a person writes."""


class CountingComposer(Composer):
    """Composer that stops at more values than a person writes."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.count = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Count a value, and compose it."""
        self.count += 1
        if self.count > MOST_VALUES:
            raise TooManyValuesError
        return super().compose_node(parent, index)


class PlainConstructor(SafeConstructor):
    """Constructor of plain values that refuses maps and lists as keys, and merge keys.

    Nested merge keys can double a map at each level.
    """

    def flatten_mapping(self, node: MappingNode) -> Any:
        """Refuse a map with a key that is no word, or with the key `<<`."""
        for key, _ in node.value:
            if not isinstance(key, ScalarNode):
                raise MarkedYAMLError(
                    problem="found a list or map as a key; expected a word", problem_mark=key.start_mark
                )
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


def expanded(values: object, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return how many values a tree holds and how deep it is, where each alias counts as all that it stands for.

    Args:
        known: results for maps and lists by id, filled here; a map that holds itself counts as too many.
    """
    if not isinstance(values, dict | list):
        return 1, 0
    if id(values) not in known:
        known[id(values)] = MOST_VALUES, 0
        inner = [expanded(value, known) for value in (values.values() if isinstance(values, dict) else values)]
        known[id(values)] = 1 + sum(count for count, _ in inner), 1 + max((depth for _, depth in inner), default=0)
    return known[id(values)]


def quoted(value: object) -> str:
    """Return a value as a message shows it, shortened where it is long."""
    try:
        return cut(QUOTE.repr(value), 200)
    except ValueError:  # Python prints no integer of more than 4,300 digits
        return "a number of thousands of digits"


PHRASES = {"Input should": "expected to", "String should": "expected to", "Keys should": "expected keys to"}


def wanted(message: str) -> str:
    """Return what pydantic's message says was expected."""
    for phrase, ours in PHRASES.items():
        message = message.replace(phrase, ours)
    return message.removeprefix("Value error, ")
