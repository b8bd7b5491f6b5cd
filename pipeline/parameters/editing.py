"""Edits of a parameter file's text that leave everything else in it as it is: comments, quotes, columns, line ends."""

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node

from pipeline.parameters.yaml_reader import load
from s2s.errors import UserError, check, cut

FREE = ("clean.selection", "vocabularies", "systems", "models", "runs", "first_passes", "rescorings")
"""Maps whose keys are names that a person chose: they are replaced whole."""
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


def overlay(text: str, changes: str, place: str) -> str:
    """Return a parameter file with the values of another, which holds only some keys, in place of its own.

    Comments stay in their columns where the new values leave room. Both files are known to be YAML.

    Args:
        text: of the whole file.
        changes: text of the file with some keys; its values are copied as they are written.
        place: names the latter in errors.

    Raises:
        UserError: a key that the whole file does not have.
    """
    changed = YAML(typ="safe", pure=True).compose(changes)
    if changed is None:  # nothing but comments
        return text
    check(isinstance(changed, MappingNode), f"{place}: found no sections; expected some such as `model:`")
    for old, new in reversed(list(pairs(compose(text), changed, place, ""))):
        value = changes[new[0].end_mark.index : end_of(new[1])]
        text = replaced(text, old[0].end_mark.index, end_of(old[1]), value)
    return text


Entry = tuple[Node, Node]  # a key and its value


def pairs(old: MappingNode, new: MappingNode, place: str, prefix: str) -> Iterator[tuple[Entry, Entry]]:
    """Yield each entry that is to be replaced with the one that replaces it, in the order of the old file."""
    keys = [key.value for key, _ in old.value]
    entries = {key.value: (key, value) for key, value in new.value}
    for key in entries:
        name = cut(f"{prefix}{key}", 100)
        check(key in keys, f"{place}: unknown key {name}; expected one of {cut(', '.join(keys), 250)}")
    for key, value in old.value:
        if key.value not in entries:
            continue
        name, replacement = f"{prefix}{key.value}", entries[key.value]
        if isinstance(value, MappingNode) and isinstance(replacement[1], MappingNode) and name not in FREE:
            yield from pairs(value, replacement[1], place, f"{name}.")
        else:
            yield (key, value), replacement


def replaced(text: str, start: int, end: int, value: str) -> str:
    """Return the text with a value replaced and the comment behind it where it was, or a space behind the value."""
    gap = re.compile(" +(?=#)").match(text, end)
    if gap is None:
        return text[:start] + value + text[end:]
    return text[:start] + value.ljust(gap.end() - start - 1) + " " + text[gap.end() :]


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
