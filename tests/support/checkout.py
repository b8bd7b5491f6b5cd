"""Copies of the working tree with a tiny corpus, in which engines and stages run as a user starts them."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from pipeline import dag

ROOT = Path(__file__).parents[2]
TINY = {
    "download": {"demo": {"seed": 1, "train_pairs": 300, "dev_pairs": 20, "test_pairs": 20, "max_words": 20}},
    "model": {"hidden": 16, "embedding": 16},
    "train": {"epochs": 1.0, "threads": 1, "device": "cpu"},
    "translate": {"threads": 1, "device": "cpu"},
    "rescore": {"n_best": 3, "threads": 1, "device": "cpu"},
    "perplexity": {"threads": 1, "device": "cpu"},
    "embeddings": {"threads": 1},
    "bleu": {"bootstrap_samples": 100},
    "length": {"bins": 3, "bootstrap_samples": 100},
}
Values = dict[str, Any]


def clone(folder: Path, change: Callable[[Values], None] | None = None) -> Path:
    """Copy the working tree, with uncommitted changes, and give the copy small parameters."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file() and name != "dvc.lock":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    edit(folder, lambda values: [values[section].update(changes) for section, changes in TINY.items()])
    if change:
        edit(folder, change)
    return folder


def edit(folder: Path, change: Callable[[Values], object]) -> None:
    path = folder / "params.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(values)
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def start(folder: Path, *command: str, tracking: str = "off") -> "subprocess.Popen[str]":
    """Start a program as in an activated virtual environment, in a process group of its own."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment["S2S_TRACKING"] = tracking
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **pipes)


def call(folder: Path, *command: str, code: int = 0, tracking: str = "off") -> str:
    """Run a program as in an activated virtual environment, and return its output."""
    process = start(folder, *command, tracking=tracking)
    output, _ = process.communicate()
    assert process.returncode == code, output
    return output


def results(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in the declared outputs of the stages."""
    outs = [folder / out for stage in dag.stages(folder) for out in stage.outs]
    files = [file for out in outs for file in ([out] if out.is_file() else sorted(out.rglob("*"))) if file.is_file()]
    wanted = [file for file in files if file.name != ".snakemake_timestamp"]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in wanted}


def ran(output: str) -> set[str]:
    return set(re.findall(r"Running stage '(.*)':", output))
