"""DVC and Snakemake run the same graph, write the same bytes, and repeat no stage of each other."""

import json
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline import dag
from tests.faults import damages
from tests.faults.lab import Lab
from tests.support.checkout import Values, call, clone, edit, ran, results, start

GATHER = ("length", "rarity", "scorecard", "ablations", "alignments")
"""Stages that compare runs or systems."""
IN_A_VOCABULARY = ("vocab", "encode", "lexicon", "sentence_lengths")


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clone(tmp_path_factory.mktemp("clone") / "never run")


def test_both_engines_draw_the_same_graph(untouched: Path) -> None:
    names = dag.rules(dag.stages(untouched))
    drawn = call(untouched, "dvc", "dag", "--dot")
    by_dvc = {(names[start], names[end]) for start, end in re.findall(r'"(\S+)" -> "(\S+)"', drawn)}
    drawn = call(untouched, "snakemake", "--rulegraph")
    rules = dict(re.findall(r'^\s*(\d+)\[.*?label\s*=\s*"(\w+)', drawn, flags=re.MULTILINE))
    arrows = {(rules[start], rules[end]) for start, end in re.findall(r"(\d+) -> (\d+)", drawn)}
    assert set(rules.values()) == {"all", *names.values()}
    assert {arrow for arrow in arrows if arrow[1] != "all"} == by_dvc
    assert len(by_dvc) > 20


def test_snakemake_refuses_wrong_parameters_before_it_starts(tmp_path: Path) -> None:
    folder = clone(tmp_path / "wrong", lambda values: values["train"].update(lerning_rate=1.0))
    output = call(folder, "snakemake", "--cores", "1", code=2)
    assert "params.yaml: unknown key train.lerning_rate; did you mean learning_rate?" in output
    assert "Traceback" not in output
    assert not (folder / "data").exists()


def add_seed(values: Values) -> None:
    values["models"]["reversed-3"] = {"system": "reversed", "seed": 3, "vocabulary": "base"}


def add_system(values: Values) -> None:
    values["systems"]["forward"] = {"model": {"reverse_source": False}}
    values["models"]["forward-1"] = {"system": "forward", "seed": 1, "vocabulary": "base"}


def add_vocabulary(values: Values) -> None:
    values["vocabularies"]["pieces"] = {"kind": "bpe", "source_size": 200, "target_size": 200}
    values["systems"]["pieces"] = {}
    values["models"]["pieces-1"] = {"system": "pieces", "seed": 1, "vocabulary": "pieces"}


def add_run(values: Values) -> None:
    values["runs"]["greedy"] = {"system": "reversed", "seeds": 1, "beam": 1}


@pytest.mark.parametrize(
    ("change", "added"),
    [
        (add_seed, {"train@reversed-3"}),
        (add_system, {"train@forward-1"}),
        (add_vocabulary, {f"{stage}@pieces" for stage in IN_A_VOCABULARY} | {"train@pieces-1"}),
        (add_run, {"members@greedy", "translate@greedy"}),
    ],
)
def test_what_is_added_leaves_the_others_as_they_are(
    change: Callable[[Values], None], added: set[str], untouched: Path, tmp_path: Path
) -> None:
    before = {stage.name: stage for stage in dag.stages(untouched)}
    after = {stage.name: stage for stage in dag.stages(clone(tmp_path / "more", change))}
    assert after.keys() - before.keys() == added
    changed = {name.partition("@")[0] for name in before if after[name] != before[name]}
    assert changed <= {"members", "bleu", "perplexity", *GATHER, "learning", "report"}


@pytest.fixture(scope="module")
def by_dvc(untouched: Path) -> Path:
    folder = untouched.with_name("by dvc")
    shutil.copytree(untouched, folder)
    call(folder, "dvc", "repro", tracking="on")
    call(folder, "python", "-m", "pipeline", "track")
    return folder


@pytest.fixture(scope="module")
def by_snakemake(untouched: Path) -> Path:
    """Run the pipeline with Snakemake, which is killed once, and then by two at once."""
    folder = untouched.with_name("by snakemake")
    shutil.copytree(untouched, folder)
    one_result = ("snakemake", "--cores", "8", "reports/bleu.json")
    killed = start(folder, *one_result)
    while not (folder / "data/encoded/base").exists() and killed.poll() is None:
        time.sleep(0.1)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    call(folder, *one_result)
    assert not (folder / "reports/index.html").exists()
    both = [start(folder, "snakemake", "--cores", "1") for _ in range(2)]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    return folder


def test_both_engines_make_the_same_bytes(by_dvc: Path, by_snakemake: Path) -> None:
    made = results(by_dvc)
    assert results(by_snakemake) == made
    recorded = [yaml.safe_load((folder / "dvc.lock").read_text()) for folder in (by_dvc, by_snakemake)]
    assert recorded[0] == recorded[1]
    assert {"reports/bleu.json", "reports/index.html", "models/reversed/1/weights.safetensors"} <= made.keys()
    assert not (by_dvc / "reports/index.html").is_symlink()  # browsers would follow it to a name without .html


def test_damaged_files_are_found_and_made_again(by_dvc: Path, untouched: Path, tmp_path: Path) -> None:
    trials = list(damages.ward(Lab(tmp_path, untouched, by_dvc), random.Random(1), 10))
    assert len(trials) >= 8
    assert {failure for _, failure in trials} == {""}


def test_nothing_is_done_twice(by_dvc: Path, by_snakemake: Path) -> None:
    for folder in (by_dvc, by_snakemake):
        cached = {path: path.stat().st_mtime_ns for path in (folder / ".dvc/cache").rglob("*") if path.is_file()}
        assert "Running stage" not in call(folder, "snakemake", "--cores", "2")
        assert "Data and pipelines are up to date." in call(folder, "dvc", "repro")
        assert "Nothing to be done" in call(folder, "snakemake", "--cores", "2")
        assert {path: path.stat().st_mtime_ns for path in cached} == cached  # else DVC would hash them again


def test_every_stage_is_a_finished_run_under_one_parent(by_dvc: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{by_dvc / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("seq2seq")
    assert experiment is not None
    runs = list(client.search_runs([experiment.experiment_id]))
    assert {run.info.status for run in runs} == {"FINISHED"}
    stages = [run for run in runs if "stage" in run.data.tags]
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert {run.data.tags["stage"] for run in stages} == {stage.name for stage in dag.stages(by_dvc)}
    assert {run.data.tags["mlflow.parentRunId"] for run in stages} == {parent.info.run_id}
    (compared,) = [run for run in runs if run not in stages and run is not parent]
    (ablations,) = [run for run in stages if run.data.tags["stage"] == "ablations"]
    assert compared.info.run_name == "reversed"
    assert compared.data.tags["mlflow.parentRunId"] == ablations.info.run_id


def test_every_result_leads_to_the_run_that_made_its_bytes(by_dvc: Path) -> None:
    provenance = json.loads((by_dvc / "reports/provenance.js").read_text(encoding="utf-8").partition("\n")[2])
    made = {
        stage["name"]: {file["path"]: file["found_by"] for file in stage["files"]} for stage in provenance["stages"]
    }
    assert made == {stage.name: dict.fromkeys(stage.outs, "content") for stage in dag.stages(by_dvc)}
    assert provenance["total"]["runs"] == len(made) and provenance["total"]["without_cost"] == 0
    assert 0 < provenance["total"]["cpu_seconds"] < provenance["total"]["seconds"] * (os.cpu_count() or 1)


def test_logs_benchmarks_and_a_report_are_kept(by_snakemake: Path) -> None:
    for name in dag.rules(dag.stages(by_snakemake)).values():
        assert (by_snakemake / f"logs/{name}.log").is_file()
        assert (by_snakemake / f"benchmarks/{name}.tsv").is_file()
    call(by_snakemake, "snakemake", "--report", "run.html")
    assert (by_snakemake / "run.html").stat().st_size > 100_000


def test_a_reader_pulls_models_and_reports_without_training(by_dvc: Path, untouched: Path, tmp_path: Path) -> None:
    remote = ["remote", "add", "--default", "--local", "store", str(tmp_path / "remote")]
    call(by_dvc, "dvc", *remote)
    call(by_dvc, "dvc", "push")
    reader = tmp_path / "a reader"
    shutil.copytree(untouched, reader)
    shutil.copy(by_dvc / "dvc.lock", reader)
    call(reader, "dvc", *remote)
    call(reader, "dvc", "pull", "--allow-missing")
    not_shared = ("data/raw/", "data/declared.txt")
    made = {name: digest for name, digest in results(by_dvc).items() if not name.startswith(not_shared)}
    assert made.items() - results(reader).items() == {("reports/index.html", made["reports/index.html"])}
    call(reader, "dvc", "repro", "--single-item", "report")
    assert results(reader) == made
    assert "Data and pipelines are up to date." in call(reader, "dvc", "repro", "--allow-missing")


def test_metrics_and_curves_are_shown(by_dvc: Path) -> None:
    assert "reversed-1.test.perplexity" in call(by_dvc, "dvc", "metrics", "show")
    call(by_dvc, "dvc", "plots", "show")
    page = (by_dvc / "dvc_plots/index.html").read_text(encoding="utf-8")
    assert "perplexity on the development set" in page
    assert "reports_length.svg" in page


def test_what_takes_all_processors_does_not_wait_for_trainings(tmp_path: Path) -> None:
    folder = clone(tmp_path / "two vocabularies", add_vocabulary)
    output = call(folder, "snakemake", "--cores", "2", "models/reversed/1", "models/reversed/2", "models/pieces/1")
    stages = re.findall(r"Running stage '(\w+)@", output)
    assert sorted(stages) == ["encode"] * 2 + ["train"] * 3 + ["vocab"] * 2
    assert stages[-3:] == ["train"] * 3


def test_what_is_forced_runs_though_dvc_has_its_results(by_snakemake: Path) -> None:
    output = call(by_snakemake, "snakemake", "--cores", "2", "--forcerun", "difficulty")
    assert ran(output) == {"difficulty"}


def test_an_added_run_runs_alone_is_gathered_and_leaves_nothing_when_removed(by_snakemake: Path) -> None:
    before = results(by_snakemake)
    lock, parameters = (by_snakemake / "dvc.lock").read_bytes(), (by_snakemake / "params.yaml").read_bytes()
    edit(by_snakemake, add_run)
    wanted = {"check", "members@greedy", "translate@greedy", "bleu", *GATHER, "report"}
    assert ran(call(by_snakemake, "dvc", "repro")) == wanted
    after = results(by_snakemake)
    same = ("models/", "translations/ensemble", "translations/single", "data/c", "data/e", "reports/perplexity")
    assert [name for name in before if name.startswith(same) and after[name] != before[name]] == []
    call(by_snakemake, "dvc", "checkout", "--relink")
    assert "Nothing to be done" in call(by_snakemake, "snakemake", "-n")
    (by_snakemake / "params.yaml").write_bytes(parameters)
    output = call(by_snakemake, "snakemake", "--cores", "2")
    assert ran(output) == {"check", "report"}
    assert "removed translations/greedy.jsonl: params.yaml no longer names it" in output
    assert results(by_snakemake) == before
    assert (by_snakemake / "dvc.lock").read_bytes() == lock
