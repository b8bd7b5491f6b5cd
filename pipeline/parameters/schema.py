"""Write params.schema.json, by which an editor completes, explains and checks the keys of params.yaml."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from ruamel.yaml.nodes import MappingNode

from pipeline.parameters import editing, parameters, presets, reading
from s2s import files, program

PATH = Path("params.schema.json")
CHANGED = ("Vocab", "Model", "Train", "Translate")
"""Sections of which a vocabulary, a system or a run changes some keys."""

Json = dict[str, Any]


def main(out: Path = PATH, default: Path = presets.FOLDER / f"{presets.DEFAULT}.yaml") -> None:
    """Write the JSON Schema of params.yaml.

    Args:
        out: file to be written.
        default: the parameter file whose comments explain the keys.
    """
    files.write_text(out, text(default))


def text(default: Path) -> str:
    """Return the JSON Schema as it stands in its file."""
    return json.dumps(schema(reading.read_text(default)), indent=2, ensure_ascii=False) + "\n"


def schema(default: str) -> Json:
    """Return the JSON Schema of the models that check params.yaml, with the comments of a file as descriptions."""
    whole = untitled(parameters.Parameters.model_json_schema())
    definitions = whole["$defs"]
    for path, comment in comments(editing.compose(default), default):
        *sections, key = path
        owner = whole
        for section in sections:
            owner = definitions[owner["properties"][section]["$ref"].rpartition("/")[2]]
        owner["properties"][key]["description"] = comment
    for name in CHANGED:
        definitions[f"{name}Changes"] = {key: value for key, value in definitions[name].items() if key != "required"}
    systems = {key: reference(f"{name}Changes") for key, name in (("model", "Model"), ("train", "Train"))}
    named(whole, "systems", {"type": "object", "properties": systems, "additionalProperties": False})
    named(whole, "vocabularies", reference("VocabChanges"))
    definitions["Run"]["properties"]["translate"] = reference("TranslateChanges")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}


def untitled(value: Any) -> Any:
    """Return a schema without the titles that pydantic makes of the keys."""
    if isinstance(value, dict):
        return {key: untitled(inner) for key, inner in value.items() if key != "title" or isinstance(inner, dict)}
    return [untitled(inner) for inner in value] if isinstance(value, list) else value


def comments(parent: MappingNode, text: str, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path of each key that has a comment on its line, and the comment with the lines that continue it."""
    for key, value in parent.value:
        path = (*place, key.value)
        block = isinstance(value, MappingNode) and not value.flow_style
        first, *rest = text[key.end_mark.index if block else editing.end_of(value) :].split("\n")
        lines = [first.partition("#")[2]]
        for line in rest:
            if not line.startswith(" " * 20) or not line.strip().startswith("#"):
                break
            lines.append(line.partition("#")[2])
        if comment := " ".join(line.strip() for line in lines if line):
            yield path, comment
        if block and ".".join(path) not in editing.FREE:
            yield from comments(value, text, path)


def reference(name: str) -> Json:
    """Return a schema that stands for a definition."""
    return {"$ref": f"#/$defs/{name}"}


def named(whole: Json, section: str, entry: Json) -> None:
    """Set the schema of the entries of a map whose keys are a person's names."""
    patterns = whole["properties"][section]["patternProperties"]
    whole["properties"][section]["patternProperties"] = dict.fromkeys(patterns, entry)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    program.run(app)
