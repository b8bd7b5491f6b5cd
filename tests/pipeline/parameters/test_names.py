"""Names of params.yaml that stand in commands: a shell reads each as one word, and `check` refuses any other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from pipeline import dag
from pipeline.parameters import reading
from pipeline.parameters.parameters import Parameters
from s2s.errors import UserError

ROOT = Path(__file__).parents[3]
DECLARED = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
STAGES = dag.stages(ROOT)
TEXT = (ROOT / "presets/default.yaml").read_text(encoding="utf-8")


def in_commands() -> Iterator[tuple[str, str]]:
    """Yield the stages with each value of params.yaml that their commands contain, by dotted key."""
    for stage, entry in DECLARED.items():
        section = entry.get("foreach", "").strip("${}")
        for name in re.findall(r"\$\{(.*?)\}", entry.get("do", entry)["cmd"]):
            yield stage, name.replace("item", f"{section}.item").replace("key", f"{section}.key")


def accepts(name: str, text: str) -> bool:
    """Return True if a text passes for the value of a key, or for one of a map's keys."""
    section, *rest = name.split(".")
    kind: Any = Parameters.model_fields[section].annotation
    if rest[0] in ("key", "item"):
        kind = get_args(kind)[rest.pop(0) == "item"]
    for key in rest:
        kind = kind.model_fields[key].rebuild_annotation()
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return False
    return True


def test_commands_hold_only_names_and_numbers() -> None:
    found = sorted(set(in_commands()))
    assert ("vocab", "vocabularies.key") in found and ("train", "models.item.seed") in found
    free = [f"{stage}: {name}" for stage, name in found if accepts(name, "$(touch x) a")]
    assert not free, "a shell would execute these; the stage can look them up by the name of their entry"
    assert accepts("vocabularies.key", "base") and accepts("embeddings.probes", "$(touch x) a")


def test_no_command_runs_before_the_parameters_are_checked() -> None:
    unchecked = [stage.name for stage in STAGES[1:] if STAGES[0] not in dag.ancestors(stage, STAGES)]
    assert STAGES[0].name == "check" and not unchecked


@pytest.mark.parametrize("name", ["$(touch x)", "a;b", "`a`", "a b", "a'", 'a"', "a\nb", "a\n", "-a", "..", "é", ""])
@pytest.mark.parametrize("place", ["vocabularies", "systems", "models", "runs", "first_passes", "rescorings"])
def test_a_name_is_one_word(place: str, name: str) -> None:
    values = yaml.safe_load(TEXT)
    values[place][name] = next(iter(values[place].values()))
    with pytest.raises(UserError, match=rf"^params.yaml: {place}\..*expected to match pattern"):
        reading.parse(yaml.safe_dump(values), "params.yaml")
