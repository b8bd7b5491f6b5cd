"""Edits of a parameter file's text that leave everything else in it as it is: comments, quotes, columns, line ends."""

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node

from pipeline.parameters import load
from s2s.errors import UserError, check

LINE_END = re.compile(r"\r\n|\n|\r")


def insert(text: str, section: str, entries: Mapping[str, Any]) -> str:
    """Return the text of a parameter file with entries added at the end of a top-level map.

    ruamel.yaml could also write the edited file, but puts new entries below the comments that follow a map, and writes
    lines anew that are indented or broken unlike its own. So it only says where the map ends.

    Raises:
        UserError: the map is written in a way in which this cannot be done, such as with anchors.
    """
    if not entries:
        return text
    before = load(text, section)
    node = child(compose(text), section)
    changed = into_line(text, node, entries) if node.flow_style else below(text, node, entries)
    whole = before | {section: before[section] | dict(entries)}
    check(
        reads_as(changed, whole),
        f"{section}: found a map that cannot be added to; expected one written without anchors",
    )
    return changed


def compose(text: str) -> MappingNode:
    """Return the nodes of a parameter file, which know where they stand in the text."""
    root = YAML(typ="safe", pure=True).compose(text)
    assert isinstance(root, MappingNode), "parameters that were read are sections"
    return root


def child(parent: MappingNode, key: str) -> CollectionNode:
    """Return the map that stands under a key."""
    (node,) = [value for name, value in parent.value if name.value == key]
    assert isinstance(node, CollectionNode), "parameters that were read have a map there"
    return node


def reads_as(text: str, wanted: object) -> bool:
    """Return whether a text is YAML of these values."""
    try:
        return bool(load(text, "") == wanted)
    except UserError:
        return False


def into_line(text: str, node: CollectionNode, entries: Mapping[str, Any]) -> str:
    """Return the text with entries added to a map in braces."""
    end = node.end_mark.index - 1
    behind = re.sub(r"#.*", "", text[end_of(node.value[-1][1]) : end]) if node.value else ","
    comma = "" if "," in behind else ", "
    return text[:end] + comma + ", ".join(entry(*item) for item in entries.items()) + text[end:]


def below(text: str, node: CollectionNode, entries: Mapping[str, Any]) -> str:
    """Return the text with entries added to a map of lines, below the last, whose comment stays beside it."""
    indent = " " * node.value[0][0].start_mark.column
    line_end = LINE_END.search(text, end_of(node))
    line_ends = LINE_END.search(text)
    newline = line_end[0] if line_end else line_ends[0] if line_ends else "\n"
    end = line_end.end() if line_end else len(text)
    lines = "".join(f"{indent}{entry(*item)}{newline}" for item in entries.items())
    return f"{text[:end]}{'' if line_end else newline}{lines}{text[end:]}"


def end_of(node: Node) -> int:
    """Return where the text of a value ends; for ruamel.yaml, a block ends after the comments below it."""
    while isinstance(node, CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end: int = node.end_mark.index
    return end


def entry(name: str, value: object) -> str:
    """Return a key and its value in one line."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style, writer.width = True, 1_000_000
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # annotated as None
    stream = io.StringIO()
    writer.dump({name: value}, stream)
    return stream.getvalue().strip().removeprefix("{").removesuffix("}")
