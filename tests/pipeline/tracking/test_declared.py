"""The stages of dvc.yaml and the outputs of dvc.lock as read without DVC, against DVC and a full parse."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipeline import dag
from pipeline.tracking import declared, lineage
from tests.support import project

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("preset", ["demo", "wmt14"])
def test_stages_are_those_of_dvc(preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / "params.yaml").write_text(project.preset(preset), encoding="utf-8")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    monkeypatch.chdir(tmp_path)
    by_dvc = [replace(stage, meta={}, outs=tuple(sorted(stage.outs))) for stage in dag.stages()]
    own = declared.stages(declared.read(Path("params.yaml")))
    assert [replace(stage, outs=tuple(sorted(stage.outs))) for stage in own] == by_dvc


def test_values_are_written_as_dvc_writes_them() -> None:
    known = {"a": {"text": "x", "flag": True, "number": 1e-05}, "item": "whole", "key": 7}
    assert declared.filled("${a.text}-${a.flag} ${a.number} $HOME", known) == "x-true 1e-05 $HOME"
    assert declared.filled({"${key}": ["${a.flag}", "${ item }", 3]}, known) == {7: [True, "whole", 3]}
    with pytest.raises(KeyError):
        declared.filled("${absent.key}", known)


def test_outputs_of_the_lock_file_are_those_of_a_full_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    entries = yaml.load(lineage.LOCK.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["stages"].values()
    assert lineage.locked() == {out["path"]: out["md5"] for entry in entries for out in entry["outs"]}
