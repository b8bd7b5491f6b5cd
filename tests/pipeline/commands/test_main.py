"""The commands of `python -m pipeline`."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for folder in ("presets", "probes", "pipeline", "s2s"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    return tmp_path


def call(workspace: Path, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "pipeline", *arguments]
    process = subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=False, env=os.environ)
    return process.returncode, process.stdout, process.stderr


def spoil(workspace: Path, old: str, new: str) -> None:
    text = (workspace / "params.yaml").read_text(encoding="utf-8")
    assert old in text
    (workspace / "params.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")


def test_check_says_that_all_is_well(workspace: Path) -> None:
    assert call(workspace, "check") == (0, "params.yaml is valid\n", "")


def test_check_writes_the_same_text_whatever_the_parameters(workspace: Path) -> None:
    assert call(workspace, "check", "--out", "data/checked.txt")[0] == 0
    assert (workspace / "data/checked.txt").read_text() == "params.yaml is valid\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  learning_rate:", "  lerning_rate:", "unknown key train.lerning_rate; did you mean learning_rate?"),
        ("  layers: 1", "  layers: -3", "model.layers: found -3; expected to be greater than or equal to 1"),
    ],
)
def test_check_refuses_in_one_line_and_writes_nothing(workspace: Path, old: str, new: str, message: str) -> None:
    spoil(workspace, old, new)
    assert call(workspace, "check", "--out", "data/checked.txt") == (2, "", f"params.yaml: {message}\n")
    assert not (workspace / "data").exists()


def test_check_refuses_a_source_that_is_not_listed(workspace: Path) -> None:
    spoil(workspace, "  source: demo", "  source: wmt15")
    wanted = "demo, files, multi30k, wmt14, wmt14_selected"
    assert call(workspace, "check") == (2, "", f"download.source: found wmt15; expected one of {wanted}\n")


def test_preset_lists_them(workspace: Path) -> None:
    code, out, _ = call(workspace, "preset")
    assert code == 0
    assert [line.split()[0] for line in out.rstrip("\n").split("\n")][2:4] == ["demo", "demo_tables"]


def test_preset_tells_what_changed(workspace: Path) -> None:
    code, out, _ = call(workspace, "preset", "wmt14")
    assert code == 0
    assert "download.source: demo -> wmt14\n" in out
    assert call(workspace, "preset", "wmt14")[1] == "nothing: params.yaml holds these values already\n"


def test_preset_refuses_an_unknown_name(workspace: Path) -> None:
    code, out, err = call(workspace, "preset", "nmt")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("preset nmt: found no such preset; expected one of bahdanau2015,")


def test_summary_tells_the_headline_numbers(workspace: Path) -> None:
    (workspace / "reports").mkdir()
    score = {"bleu": 61.25, "bleu_low": 60.0, "bleu_high": 62.5, "seeds": 2, "system": "reversed", "beam": 2}
    (workspace / "reports/bleu.json").write_text(json.dumps({"ensemble": score, "removed": score}))
    (workspace / "reports/rescore").mkdir()
    for name, bleu in (("ensemble", 62.0), ("removed", 63.0)):
        choices = {key: {"bleu": bleu} for key in ("first", "even", "tuned", "oracle")}
        (workspace / f"reports/rescore/{name}.json").write_text(json.dumps({"choices": choices}))
    perplexities = {"dev": {"perplexity": 2.0}, "test": {"perplexity": 2.5}}
    (workspace / "reports/perplexity.json").write_text(
        json.dumps({"reversed-1": perplexities, "removed-1": perplexities})
    )
    md5 = hashlib.md5(b"page").hexdigest()
    lock = f"stages:\n  report:\n    outs:\n    - path: reports/index.html\n      md5: {md5}\n"
    (workspace / "dvc.lock").write_text(lock)
    (workspace / "reports/index.html").write_text("page")
    code, out, err = call(workspace, "summary")
    assert (code, err) == (0, "")
    assert "ensemble       BLEU  61.2  (60.0 to 62.5), 2 x reversed, beam 2\n" in out
    assert "reversed-1     perplexity dev 2.00, test 2.50\n" in out
    assert "ensemble       rescored: first 62.0, even 62.0, tuned 62.0, oracle 62.0\n" in out
    assert "removed" not in out
    assert out.endswith(f"The report: {workspace / 'reports/index.html'}\n")
    (workspace / "reports/index.html").write_text("page of before")
    assert call(workspace, "summary")[1].endswith("index.html (of other results: `dvc repro` renews it)\n")


def test_summary_without_results_says_how_to_make_them(workspace: Path) -> None:
    message = "reports/bleu.json: no such file; expected the result of `dvc repro`\n"
    assert call(workspace, "summary") == (2, "", message)


def test_provenance_is_a_program_of_its_own_with_its_own_flags(workspace: Path) -> None:
    code, out, _ = call(workspace, "provenance", "--help")
    assert code == 0 and "--reports" in out
    code, out, err = call(workspace, "provenance", "--report", "x")
    assert (code, out) == (2, "") and "No such option" in err and not (workspace / "x").exists()
