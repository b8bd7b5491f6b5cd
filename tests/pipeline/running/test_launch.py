"""Training in several processes: lost processes are restarted, and a user's mistake is reported once."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from pipeline.running import launch
from pipeline.stages import download, encode, vocab
from pipeline.stages.clean import __main__ as clean
from s2s import files
from s2s.errors import UserError
from tests.support import project

pytestmark = pytest.mark.process

SMALL: dict[str, dict[str, Any]] = {
    "download": {"demo": {"seed": 1, "train_pairs": 400, "dev_pairs": 20, "test_pairs": 30, "max_words": 20}},
    "model": {"hidden": 16, "embedding": 12, "dropout": 0.0},
    "train": {"epochs": 30.0, "threads": 1, "device": "cpu", "devices": 2},
    "operation": {"checkpoint_minutes": 0.001},
}
COMMAND = [sys.executable, "-m", "pipeline.stages.train", "--system", "reversed", "--seed", "1", "--encoded", "encoded"]
COMMAND += ["--vocab", "vocab", "--out", "model", "--curve", "curve.csv"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(project.ROOT), "S2S_TRACKING": "off"}
WEIGHTS = "model/weights.safetensors"


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project with encoded text."""
    folder = tmp_path_factory.mktemp("encoded")
    project.write_parameters(folder, **SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("S2S_TRACKING", "off")
        download.main(Path("raw"))
        clean.main(Path("raw"), Path("clean"), Path("reports/cleaning.json"), Path("reports/cleaning.csv"))
        vocab.main("base", Path("clean"), Path("vocab"), Path("reports/vocab.json"))
        encode.main(Path("clean"), Path("vocab"), Path("encoded"), Path("reports/encoding.json"))
    return folder


@pytest.fixture(scope="module")
def whole(encoded: Path) -> Path:
    """Make the project after an undisturbed training by two processes."""
    process = subprocess.run(
        COMMAND, cwd=encoded, env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=120
    )
    assert "memory: " in process.stdout
    return encoded


@pytest.fixture
def untrained(whole: Path, tmp_path: Path) -> Path:
    """Make a copy of the project before training."""
    folder = tmp_path / "project"
    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("work", "model", "curve.csv"))
    return folder


@pytest.fixture
def running(untrained: Path) -> "Iterator[subprocess.Popen[str]]":
    """Start the same training, and wait for its first checkpoint."""
    process = subprocess.Popen(
        COMMAND, cwd=untrained, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while not list(untrained.glob("work/train/*/update-*.safetensors")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    yield process
    process.kill()
    process.communicate()


def workers(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    return [child for child in psutil.Process(process.pid).children() if "pipeline.stages.train" in child.cmdline()]


def test_both_processes_ran_through_all_epochs(whole: Path) -> None:
    assert len(pd.read_csv(whole / "curve.csv")) == 30


def test_a_lost_process_starts_all_again_from_the_last_checkpoint(
    whole: Path, untrained: Path, running: "subprocess.Popen[str]"
) -> None:
    workers(running)[-1].kill()
    out, _ = running.communicate(timeout=120)
    assert running.returncode == 0
    assert out.count("goes on from checkpoint") == 1
    for name in (WEIGHTS, "curve.csv"):
        assert files.sha256(untrained / name) == files.sha256(whole / name)


def test_sigterm_saves_in_all_processes_and_the_same_command_goes_on(
    whole: Path, untrained: Path, running: "subprocess.Popen[str]"
) -> None:
    children = workers(running)
    assert len(children) == 2
    running.send_signal(signal.SIGTERM)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGTERM
    assert "the same command goes on from there" in out
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    again = subprocess.run(
        COMMAND, cwd=untrained, env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=120
    )
    assert "goes on from checkpoint" in again.stdout
    assert files.sha256(untrained / WEIGHTS) == files.sha256(whole / WEIGHTS)


def test_what_a_person_did_wrong_is_one_line_and_not_tried_again(untrained: Path) -> None:
    project.write_parameters(untrained, **(SMALL | {"train": SMALL["train"] | {"memory_gb": 0.01}}))
    process = subprocess.run(
        COMMAND, cwd=untrained, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120
    )
    assert process.returncode == 2
    assert (
        process.stderr
        == "train.memory_gb: found 0.01; expected at least 0.31, for this model and one pair of 31 tokens\n"
    )
    assert not (untrained / "model").exists()


def test_a_full_disk_is_one_line_too(untrained: Path) -> None:
    limited = ["bash", "-c", 'ulimit -f 20; exec "$@"', "-", *COMMAND]
    process = subprocess.run(
        limited, cwd=untrained, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120
    )
    assert process.returncode == 2
    assert process.stderr.strip().split("\n")[-1].startswith("model: file too large for the disk")
    assert process.stdout.count("memory: ") == 1


@pytest.mark.parametrize(
    ("devices", "nodes", "rendezvous", "message"),
    [
        (3, "2", "host:1", r"train\.devices: found 3; expected a multiple of S2S_NODES=2"),
        (2, "many", None, r"S2S_NODES: found 'many'; expected a number of nodes, 1 or more"),
        (4, "2", None, r"S2S_RENDEZVOUS: not set; expected host:port of one of 2 nodes"),
    ],
)
def test_processes_are_shared_out_among_nodes(
    devices: int, nodes: str, rendezvous: str | None, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(launch.NODES, nodes)
    if rendezvous:
        monkeypatch.setenv(launch.RENDEZVOUS, rendezvous)
    with pytest.raises(UserError, match=message):
        launch.processes_here(devices)
    monkeypatch.setenv(launch.NODES, "2")
    monkeypatch.setenv(launch.RENDEZVOUS, "host:1")
    assert launch.processes_here(4) == 2
