"""Adds entries to the maps of a parameter file without touching anything else in it, its comments least of all."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.parameters import UniqueKeyLoader
from s2s.errors import check


def insert(text: str, section: str, entries: Mapping[str, Any]) -> str:
    """The text of a parameter file with entries added at the end of a top-level map.

    Raises:
        UserError: the file is written in a way in which this cannot be done, such as with anchors.
    """
    if not entries:
        return text
    before = yaml.load(text, Loader=UniqueKeyLoader)
    root = yaml.compose(text, Loader=UniqueKeyLoader)
    assert isinstance(root, yaml.MappingNode), "parameters that were read are sections"
    (node,) = [value for key, value in root.value if key.value == section]
    changed = into_line(text, node, entries) if node.flow_style else below(text, node, entries)
    whole = before | {section: before[section] | dict(entries)}
    check(
        reads_as(changed, whole),
        f"{section}: found a map that cannot be added to; expected one written without anchors",
    )
    return changed


def reads_as(text: str, wanted: object) -> bool:
    """Whether a text is YAML of these values."""
    try:
        found: object = yaml.load(text, Loader=UniqueKeyLoader)
    except yaml.YAMLError:
        return False
    return found == wanted


def into_line(text: str, node: yaml.MappingNode, entries: Mapping[str, Any]) -> str:
    """Adds to a map in braces."""
    end = node.end_mark.index - 1
    behind = re.sub(r"#.*", "", text[end_of(node.value[-1][1]) : end]) if node.value else ","
    comma = "" if "," in behind else ", "
    return text[:end] + comma + ", ".join(entry(*item) for item in entries.items()) + text[end:]


def below(text: str, node: yaml.MappingNode, entries: Mapping[str, Any]) -> str:
    """Adds to a map of lines, below the last, whose comment stays beside it."""
    indent = " " * node.value[0][0].start_mark.column
    end = text.find("\n", end_of(node))
    head, tail = (text, "") if end < 0 else (text[:end], text[end + 1 :])
    lines = "".join(f"{indent}{entry(*item)}\n" for item in entries.items())
    return f"{head}\n{lines}{tail}"


def end_of(node: yaml.Node) -> int:
    """Where the text of a value ends; PyYAML counts the comments below a block to it."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end: int = node.end_mark.index
    return end


def entry(name: str, value: object) -> str:
    """A key and its value in a line."""
    said: str = yaml.safe_dump(
        {name: value}, default_flow_style=True, sort_keys=False, width=100_000, allow_unicode=True
    )
    return said.strip().removeprefix("{").removesuffix("}")
