"""The networks of the preset `family` as systems of one project, through the whole pipeline."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import project
from tests.support.checkout import Values, call, clone

SMALL = {"hidden": 16, "embedding": 16, "maxout": 8, "heads": 2, "feed_forward": 32}


def family(folder: Path, systems: tuple[str, ...], *targets: str, pieces: str = "") -> Path:
    """Run all stages, or those up to some targets, for systems of the preset `family` on a small corpus.

    Models of the system that `pieces` names have a vocabulary of subwords.
    """
    preset = yaml.safe_load(project.preset("family"))

    def change(values: Values) -> None:
        values["model"] |= SMALL
        values["systems"] = {name: preset["systems"][name] for name in systems}
        for changes in values["systems"].values():
            changes["model"] = changes.get("model", {}) | SMALL
        values["vocabularies"]["pieces"] = {"kind": "bpe", "source_size": 200, "target_size": 200}
        vocabulary_of = {name: "pieces" if name == pieces else "base" for name in systems}
        values["models"] = {
            f"{name}-1": {"system": name, "seed": 1, "vocabulary": vocabulary_of[name]} for name in systems
        }
        values["runs"] = {name: preset["runs"][name] for name in systems}
        values["first_passes"] = {"first": f"members/{systems[0]}.json"}
        values["rescorings"] = {"last": {"first_pass": "first", "scorer": systems[-1]}}
        values["ablations"]["base"] = values["embeddings"]["system"] = systems[0]

    folder = clone(folder, change)
    call(folder, "dvc", "repro", *targets)
    return folder


def report(folder: Path, name: str) -> Any:
    return json.loads((folder / "reports" / name).read_text(encoding="utf-8"))


def check(folder: Path, systems: tuple[str, ...]) -> None:
    assert report(folder, "bleu.json").keys() == set(systems)
    assert report(folder, "perplexity.json").keys() == {f"{name}-1" for name in systems}
    compared = report(folder, "ablations.json")
    assert [system["system"] for system in compared["systems"]] == list(systems)
    assert [bool(system["changes"]) for system in compared["systems"]] == [False, *[True] * (len(systems) - 1)]
    attend = {name for name in systems if name in {"bahdanau", "luong", "transformer"}}
    assert report(folder, "alignments.json").keys() == attend


def test_systems_of_unlike_networks_and_vocabularies_are_one_run(tmp_path: Path) -> None:
    systems, targets = ("cho", "transformer"), ("ablations", "alignments", "rescore@last")
    folder = family(tmp_path / "family", systems, *targets, pieces="transformer")
    check(folder, systems)
    assert report(folder, "rescore/last.json")["lists"]["test"]["sentences"] == 20
    base, transformer = report(folder, "ablations.json")["systems"]
    assert {"key": "vocab.kind", "base": "words", "own": "bpe"} in transformer["changes"]
    assert transformer["perplexities"]["change"] is None and transformer["bleu"]["difference"] is not None
    assert transformer["cost"]["target_tokens"] > base["cost"]["target_tokens"]


@pytest.mark.slow
def test_the_whole_family_is_one_run(tmp_path: Path) -> None:
    systems = ("lstm", "forward", "rnn", "gru", "cho", "bahdanau", "luong", "transformer")
    folder = family(tmp_path / "family", systems)
    check(folder, systems)
    assert report(folder, "rescore/last.json")["lists"]["test"]["sentences"] == 20
    assert (folder / "reports" / "index.html").is_file()
