"""params.schema.json is up to date and, within the limits of a JSON schema, agrees with the pydantic models."""

from typing import Any

import pytest

from pipeline.parameters import presets, schema, yaml_reader
from tests.support import project

DEFAULT = project.ROOT / "presets" / "default.yaml"
WRITTEN = project.ROOT / "params.schema.json"
Draft202012Validator = pytest.importorskip("jsonschema").Draft202012Validator


def mistakes(values: Any) -> list[str]:
    """Return the paths of all that the schema refuses."""
    validator = Draft202012Validator(schema.schema(DEFAULT.read_text(encoding="utf-8")))
    return sorted(error.json_path for error in validator.iter_errors(values))


def test_the_file_is_fresh() -> None:
    fresh = schema.text(DEFAULT)
    assert WRITTEN.read_text(encoding="utf-8") == fresh, "run `python -m pipeline schema` and commit what it writes"


def test_params_yaml_and_the_default_name_it() -> None:
    for path in (DEFAULT, project.ROOT / "params.yaml"):
        prefix, _, named = path.read_text(encoding="utf-8").split("\n")[0].partition("$schema=")
        assert prefix == "# yaml-language-server: "
        assert (path.parent / named).resolve() == WRITTEN


@pytest.mark.parametrize("name", presets.names(project.ROOT / "presets"))
def test_presets_are_accepted(name: str) -> None:
    assert mistakes(yaml_reader.load(project.preset(name), name)) == []


@pytest.mark.parametrize(
    ("section", "changes", "place"),
    [
        ("model", {"layers": 0}, "$.model.layers"),
        ("model", {"layers": "1"}, "$.model.layers"),
        ("model", {"layer": 1}, "$.model"),
        ("model", {"cell": "lstn"}, "$.model.cell"),
        ("systems", {"a": {"train": {"epochs": 0}}}, "$.systems.a.train.epochs"),
        ("systems", {"a": {"vocab": {}}}, "$.systems.a"),
        ("vocabularies", {"a": {"kind": "bpr"}}, "$.vocabularies.a.kind"),
        ("runs", {"a": {"system": "a", "seeds": 1, "beam": 1, "translate": {"nbest": 1}}}, "$.runs.a.translate"),
        ("runs", {"a": {"system": "a", "seeds": 1}}, "$.runs.a"),
        ("operation", {"mirrors": "here"}, "$.operation.mirrors"),
    ],
)
def test_mistakes_are_refused_where_they_are(section: str, changes: dict[str, Any], place: str) -> None:
    values = yaml_reader.load(project.preset("demo"), "demo")
    assert mistakes(values | {section: values[section] | changes}) == [place]


def test_comments_explain_the_keys() -> None:
    definitions = schema.schema(DEFAULT.read_text(encoding="utf-8"))["$defs"]
    assert definitions["Demo"]["properties"]["seed"]["description"] == "same seed, same bytes"
    context = definitions["Model"]["properties"]["context"]["description"]
    assert context.startswith(
        "what a decoder sees: initial, the state after the source (§2) | every_step, it at each step"
    )
    assert context.endswith("| attention: bahdanau (2015), luong_dot, luong_general (2015)")
