"""Nested runs of a stage, read back by MLflow's client."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.schemas.data import records
from pipeline.schemas.reports.ablations import Ablations
from pipeline.stages.ablations import __main__ as ablations
from pipeline.tracking import delivery, names, store
from pipeline.tracking import run as tracking
from tests.support import comparisons, tracked

pytestmark = pytest.mark.process


@pytest.fixture
def workspace(tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tracked.work_in(tmp_path, mlflow_database, monkeypatch)
    return tmp_path


def recorded() -> tuple[Any, Any, list[Any]]:
    """Return the parent run, the stage's run, and its nested runs ordered by name."""
    tracked.deliver()
    runs = store.Store("seq2seq").search(None, {})
    (stage,) = (run for run in runs if names.STAGE in run.data.tags)
    parts = [run for run in runs if run.data.tags.get(names.PARENT) == stage.info.run_id]
    (parent,) = (run for run in runs if run.info.run_id == stage.data.tags[names.PARENT])
    return parent, stage, sorted(parts, key=lambda run: str(run.info.run_name))


def test_each_part_is_a_run_below_its_stage(workspace: Path) -> None:
    with tracking.run() as run:
        run.metrics({"loss": 1.0})
        run.part("layers-1", {"model.layers": "1"}, {"bleu": 20.5})
        run.part("layers-2", {"model.layers": "2"}, {"bleu": 21.5})
    parent, stage, parts = recorded()
    assert [run.info.run_name for run in parts] == ["layers-1", "layers-2"]
    assert [(run.data.params, run.data.metrics) for run in parts] == [
        ({"model.layers": "1"}, {"bleu": 20.5}),
        ({"model.layers": "2"}, {"bleu": 21.5}),
    ]
    assert {run.info.status for run in (parent, stage, *parts)} == {"FINISHED"}
    assert stage.data.metrics["loss"] == 1.0
    assert "bleu" not in stage.data.metrics


def test_systems_have_all_keys_that_any_of_them_changes(workspace: Path) -> None:
    comparisons.write_project(workspace)
    reports = workspace / "reports"
    reads = [reports, *(workspace / name for name in ("models", "curves", "translations", "clean"))]
    ablations.main("base", *reads, *(reports / f"ablations.{suffix}" for suffix in ("json", "csv", "svg")))
    systems = {
        comparison.system: comparison for comparison in records.read(Ablations, reports / "ablations.json").systems
    }
    _, _, parts = recorded()
    assert {run.info.run_name: run.data.params for run in parts} == {
        "base": {"model.hidden": "256", "model.layers": "1", "train.learning_rate": "0.004"},
        "deep": {"model.hidden": "256", "model.layers": "2", "train.learning_rate": "0.002"},
        "wide": {"model.hidden": "12", "model.layers": "1", "train.learning_rate": "0.004"},
    }
    deep = next(run.data.metrics for run in parts if run.info.run_name == "deep")
    assert deep["perplexity"] == systems["deep"].perplexities.mean
    assert deep["multiply_adds"] == systems["deep"].cost.multiply_adds
    assert {"perplexity_change", "bleu_tokenized", "bleu_difference", "parameters", "training_tokens"} <= set(deep)


def test_a_training_has_the_values_of_its_own_system() -> None:
    params = {"systems.deep": {"model": {"layers": 2}}, "model.layers": 1, "model.hidden": 256, "systems": {"deep": {}}}
    assert delivery.effective(params) == {
        "systems.deep.model.layers": "2",
        "systems.deep": "{}",
        "model.layers": "2",
        "model.hidden": "256",
    }


def test_a_vocabulary_has_its_own_values() -> None:
    params = {"vocabularies.few": {"target_size": 500}, "vocab.kind": "words", "vocab.target_size": 8000}
    assert delivery.effective(params) == {
        "vocabularies.few.target_size": "500",
        "vocab.kind": "words",
        "vocab.target_size": "500",
    }
