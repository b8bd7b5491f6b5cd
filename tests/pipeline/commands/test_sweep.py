"""Sweeps: a grid of settings becomes systems, models and runs in params.yaml."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.commands import sweep
from pipeline.parameters import reading
from s2s.errors import UserError

ROOT = Path(__file__).parents[3]
DEMO = (ROOT / "presets/default.yaml").read_bytes()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that holds the demo's parameters."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "probes").symlink_to(ROOT / "probes")
    (tmp_path / "params.yaml").write_bytes(DEMO)
    return tmp_path


def call(*grid: str, **flags: Any) -> None:
    sweep.main(list(grid), **{"seeds": "", "base": "", "beam": None, "dry_run": False} | flags)


ADDED = ("vocabularies", "systems", "models", "runs")


def added(workspace: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of params.yaml that the demo does not have, by section."""
    old, new = (
        yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in (ROOT / "presets/default.yaml", workspace / "params.yaml")
    )
    assert {key: value for key, value in old.items() if key not in ADDED} == {
        key: value for key, value in new.items() if key not in ADDED
    }
    return {name: {key: value for key, value in new[name].items() if key not in old[name]} for name in ADDED}


def test_a_grid_adds_systems_models_and_runs_and_keeps_what_is_the_same(workspace: Path) -> None:
    call("layers=1,2,3")
    assert added(workspace) == {
        "vocabularies": {},
        "systems": {"layers-2": {"model": {"layers": 2}}, "layers-3": {"model": {"layers": 3}}},
        "models": {f"layers-{n}-1": {"system": f"layers-{n}", "seed": 1, "vocabulary": "base"} for n in (2, 3)},
        "runs": {f"layers-{n}": {"system": f"layers-{n}", "seeds": 1, "beam": 2} for n in (2, 3)},
    }
    reading.read()


def test_a_vocabulary_of_the_grid_is_added_once_and_its_systems_models_have_it(workspace: Path) -> None:
    call("kind=words,bpe", "target_size=4000", "layers=1,2")
    names = [f"kind-{kind}-target_size-4000" for kind in ("words", "bpe")]
    entries = added(workspace)
    assert entries["vocabularies"] == {
        name: {"kind": kind, "target_size": 4000} for name, kind in zip(names, ("words", "bpe"), strict=True)
    }
    systems = {f"{name}-layers-{n}": {"model": {"layers": n}} for name in names for n in (1, 2)}
    assert entries["systems"] == systems
    assert {model["vocabulary"] for model in entries["models"].values()} == {*names}
    assert all(model["system"].startswith(model["vocabulary"]) for model in entries["models"].values())
    read = reading.read()
    assert read.vocabulary_of(f"{names[1]}-layers-2") == names[1]


def test_a_vocabulary_that_is_the_same_is_taken(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("source_size=16000,500")
    call("source_size=500", "min_count=2", "layers=2")
    assert list(added(workspace)["vocabularies"]) == ["source_size-500"]
    assert "source_size-16000: there already, as reversed\n" in capsys.readouterr().out


def test_a_system_in_another_vocabulary_is_another_system(workspace: Path) -> None:
    call("kind=bpe")
    call("layers=1", base="kind-bpe")
    entries = added(workspace)
    assert entries["systems"] == {"kind-bpe": {}}
    assert entries["models"] == {"kind-bpe-1": {"system": "kind-bpe", "seed": 1, "vocabulary": "kind-bpe"}}
    assert entries["runs"] == {"kind-bpe": {"system": "kind-bpe", "seeds": 1, "beam": 2}}


def test_comments_and_lines_stay(workspace: Path) -> None:
    call("layers=2", "cell=gru,rnn_tanh")
    old = DEMO.decode().split("\n")
    new = (workspace / "params.yaml").read_text(encoding="utf-8").split("\n")
    assert [line for line in new if "layers-2" not in line] == old
    assert new.index("  layers-2-cell-gru: {model: {layers: 2, cell: gru}}") == new.index("  reversed: {}") + 1


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_stay(workspace: Path, newline: str) -> None:
    path = workspace / "params.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", newline.encode()))
    call("layers=2")
    lines = path.read_bytes().split(newline.encode())
    assert b"  layers-2: {model: {layers: 2}}" in lines
    assert not [line for line in lines if b"\n" in line or b"\r" in line]


def test_twice_adds_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("layers=1,2", "dropout=0,0.2", seeds="1,2", beam=4)
    text = (workspace / "params.yaml").read_bytes()
    capsys.readouterr()
    call("layers=1,2", "dropout=0,0.2", seeds="1,2", beam=4)
    assert (workspace / "params.yaml").read_bytes() == text
    told = capsys.readouterr().out
    assert "layers-1-dropout-0: there already\n" in told
    assert told.endswith("nothing to add: params.yaml holds all of it\n")


def test_seeds_and_beam_are_added_to_what_is_there(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("layers=1", seeds="2,3", beam=12)
    entries = added(workspace)
    assert entries["systems"] == {}
    assert entries["models"] == {"reversed-3": {"system": "reversed", "seed": 3, "vocabulary": "base"}}
    assert entries["runs"] == {"reversed": {"system": "reversed", "seeds": 1, "beam": 12}}
    assert "layers-1: there already, as reversed\n" in capsys.readouterr().out


def test_a_base_keeps_its_other_changes_and_is_in_the_names(workspace: Path) -> None:
    call("cell=gru", "learning_rate=1e-3")
    call("layers=2", "learning_rate=0.002", base="cell-gru-learning_rate-0_001")
    assert added(workspace)["systems"] == {
        "cell-gru-learning_rate-0_001": {"model": {"cell": "gru"}, "train": {"learning_rate": 0.001}},
        "cell-gru-learning_rate-0_001-layers-2-learning_rate-0_002": {
            "model": {"cell": "gru", "layers": 2},
            "train": {"learning_rate": 0.002},
        },
    }


def test_runs_are_translated_as_the_bases_single_model_is(workspace: Path) -> None:
    text = (workspace / "params.yaml").read_text(encoding="utf-8")
    spoilt = text.replace("seeds: 1, beam: 2}", "seeds: 1, beam: 3, translate: {length_penalty: 0.5}}")
    (workspace / "params.yaml").write_text(spoilt, encoding="utf-8")
    call("layers=2")
    wanted = {"system": "layers-2", "seeds": 1, "beam": 3, "translate": {"length_penalty": 0.5}}
    assert added(workspace)["runs"] == {"layers-2": wanted}


def test_a_dry_run_tells_and_writes_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("layers=2", dry_run=True)
    assert capsys.readouterr().out == (
        "systems:\n  layers-2: {model: {layers: 2}}\n"
        "models:\n  layers-2-1: {system: layers-2, seed: 1, vocabulary: base}\n"
        "runs:\n  layers-2: {system: layers-2, seeds: 1, beam: 2}\n"
        "nothing written: this would be added to params.yaml\n"
    )
    assert (workspace / "params.yaml").read_bytes() == DEMO


@pytest.mark.parametrize(
    ("grid", "flags", "message"),
    [
        (["layer=1"], {}, "sweep: unknown key layer; did you mean layers?"),
        (["model.epochs=1"], {}, "sweep: unknown key model.epochs; did you mean epochs?"),
        (["xyz=1"], {}, "sweep: unknown key xyz; expected one of kind, source_size,"),
        (["vocab.layers=2"], {}, "sweep: unknown key vocab.layers; did you mean layers?"),
        (["bleu.bootstrap_seed=2"], {}, "sweep: found bleu.bootstrap_seed; expected a key of vocab, model, train:"),
        (["kind=words,bpr"], {}, "sweep: vocabularies.kind-bpr: vocab.kind: found 'bpr'; expected to be 'words'"),
        (["layers"], {}, "sweep: found 'layers'; expected a key and values such as layers=1,2,3,4"),
        (["layers=1", "model.layers=2"], {}, "sweep: found layers twice; expected all its values behind one ="),
        (["layers=2,0"], {}, "sweep: systems.layers-0: model.layers: found 0; expected to be greater than"),
        (["cell=lstm,gro"], {}, "sweep: systems.cell-gro: model.cell: found 'gro'; expected to be 'lstm'"),
        (["layers=[1"], {}, "sweep: systems.layers-_1: model.layers: found '[1'; expected to be a valid integer"),
        (["layers={}"], {}, "sweep: layers: found '{}'; expected single values with commas between"),
        (["layers=0x" + "f" * 5000], {}, "sweep: layers: found '0xfff"),
        (["layers=!!set {a}"], {}, "sweep: layers: found '!!set {a}'; expected single values with commas between"),
        (["layers=1,2", "hidden=" + ",".join(map(str, range(1, 502)))], {}, "sweep: found 1,002 models; expected at"),
        (["network=transformer"], {}, "sweep: systems.network-transformer: model.embedding: found 128; expected 256"),
        (["layers=2"], {"seeds": "1,b"}, "--seeds: found '1,b'; expected numbers such as 1,2"),
        (["layers=2"], {"base": "revers"}, "--base: found 'revers'; expected one of reversed"),
        (["layers=2"], {"beam": 0}, "sweep: runs.layers-2.beam: found 0; expected to be greater than"),
        (["epochs=0.1"], {"seeds": "-1"}, "sweep: models.epochs-0_1--1.seed: found -1; expected to be greater than"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_and_nothing_written(
    grid: list[str], flags: dict[str, Any], message: str, workspace: Path
) -> None:
    with pytest.raises(UserError) as error:
        call(*grid, **flags)
    assert str(error.value).startswith(message)
    assert (workspace / "params.yaml").read_bytes() == DEMO


def test_a_name_that_stands_for_something_else_is_refused(workspace: Path) -> None:
    text = (workspace / "params.yaml").read_text(encoding="utf-8")
    taken = text.replace("  reversed: {}", "  reversed: {}\n  layers-2: {model: {layers: 3}}")
    (workspace / "params.yaml").write_text(taken, encoding="utf-8")
    with pytest.raises(UserError, match=r"sweep: found systems\.layers-2 with other changes; expected another name"):
        call("layers=2")
    taken = text.replace("  base: {}", "  base: {}\n  kind-bpe: {kind: bpe, target_size: 500}")
    (workspace / "params.yaml").write_text(taken, encoding="utf-8")
    with pytest.raises(UserError, match=r"sweep: found vocabularies\.kind-bpe with other changes; expected another"):
        call("kind=bpe")


def test_values_whose_names_are_one_are_refused(workspace: Path) -> None:
    with pytest.raises(UserError, match=r"found two systems named source_embeddings-a_b; expected values that differ"):
        call("source_embeddings=a/b,a+b")


def test_the_command_line_takes_a_grid_and_flags_in_any_order(workspace: Path) -> None:
    flags = ["--seeds", "1,2", "layers=2", "--beam", "3", "cell=gru", "--dry-run"]
    command = [sys.executable, "-m", "pipeline", "sweep", *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (process.returncode, process.stderr) == (0, "")
    assert "  layers-2-cell-gru-2: {system: layers-2-cell-gru, seed: 2, vocabulary: base}\n" in process.stdout
    assert "  layers-2-cell-gru: {system: layers-2-cell-gru, seeds: 1, beam: 3}\n" in process.stdout
    assert process.stdout.endswith("nothing written: this would be added to params.yaml\n")
