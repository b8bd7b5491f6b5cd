"""The pipeline as jobs on a real SLURM cluster: requested resources, and recovery from a killed job."""

import os
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline import dag
from tests.support import slurm
from tests.support.checkout import call, clone

SUBMIT = ("snakemake", "--profile", "profiles/slurm", "--max-threads", "2")
# This cluster has no database of past jobs, so states come from squeue; short waits keep the test quick.
CHECKS = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2")
QUICK = (*CHECKS, "--seconds-between-status-checks", "2", "--latency-wait", "5")
VICTIM = "train@reversed-1"
ON_A_GPU = "train@reversed-2"
"""A stage that requests one of the node's declared GPUs, and computes on the CPU."""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if slurm.missing():
        pytest.skip(f"{', '.join(slurm.missing())}: not found; install a SLURM of one machine: {slurm.INSTALL}")
    if find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("Snakemake's executor plugins are not installed; run `make clusters`")
    with slurm.cluster(tmp_path_factory.mktemp("slurm")) as configuration, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(configuration))
        patch.setenv("PATH", f"{configuration.parent / 'bin'}{os.pathsep}{os.environ['PATH']}")
        yield configuration


@pytest.fixture(scope="module")
def project(configuration: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a project on the cluster while one of its trainings is killed once, and return its folder."""
    folder = clone(tmp_path_factory.mktemp("clone") / "on a cluster")
    rules = dag.rules(dag.stages(folder))
    killer = threading.Thread(target=kill_once, args=(configuration, comment(rules[VICTIM])), daemon=True)
    killer.start()
    call(folder, *SUBMIT, *QUICK, "--set-resources", f"{rules[ON_A_GPU]}:gpu=1")
    return folder


def comment(rule: str) -> str:
    """Return the comment of a rule's jobs."""
    return f"rule_{rule}"


def kill_once(configuration: Path, wanted: str) -> None:
    """Cancel the first job with a comment as soon as it runs."""
    while True:
        for job in slurm.jobs(configuration):
            if job["Comment"] == wanted and job["JobState"] == "RUNNING":
                slurm.ask(configuration, "scancel", job["JobId"])
                return
        time.sleep(0.5)


def test_every_stage_is_a_job_and_dvc_records_it(project: Path, configuration: Path) -> None:
    completed = {job["Comment"] for job in slurm.jobs(configuration) if job["JobState"] == "COMPLETED"}
    assert completed == set(map(comment, dag.rules(dag.stages(project)).values()))
    assert "Data and pipelines are up to date." in call(project, "dvc", "status")
    assert "Nothing to be done" in call(project, "snakemake", "--cores", "1")


def test_jobs_ask_for_what_dvc_yaml_says(project: Path, configuration: Path) -> None:
    asked = {
        job["Comment"]: (int(job["CPUs/Task"]), job["MinMemoryNode"], job.get("TresPerJob", ""), job["NumNodes"])
        for job in slurm.jobs(configuration)
        if job["JobState"] == "COMPLETED"
    }
    stages = dag.stages(project)
    rules = dag.rules(stages)
    for stage in stages:
        needs = dag.resources(stage) | ({"gpu": 1} if stage.name == ON_A_GPU else {})
        threads = min(dag.threads(stage), 2)
        gpus = f"gres:gpu:{needs['gpu']}" if "gpu" in needs else ""
        memory = f"{needs['mem_mb']}M" if needs["mem_mb"] % 1024 else f"{needs['mem_mb'] // 1024}G"
        assert asked[comment(rules[stage.name])] == (threads, memory, gpus, "1"), stage.name


def test_a_job_that_is_killed_runs_again(project: Path, configuration: Path) -> None:
    victim = comment(dag.rules(dag.stages(project))[VICTIM])
    states = [job["JobState"] for job in slurm.jobs(configuration) if job["Comment"] == victim]
    assert sorted(states) == ["CANCELLED", "COMPLETED"]
    assert (project / "models/reversed/1/weights.safetensors").is_file()
