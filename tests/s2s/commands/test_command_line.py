"""The command line as a separate process, with real pipes, terminals and signals."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from s2s.inference.search import SearchSettings
from s2s.inference.translator import Translator
from tests.support import model_folders

pytestmark = pytest.mark.process

SENTENCES = model_folders.SENTENCES


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [str(model_folders.write(tmp_path_factory.mktemp("models") / "1", 1, model_folders.trained(1)))]


def start(*arguments: str, **pipes: Any) -> "subprocess.Popen[bytes]":
    """Start the command line as a separate process."""
    command = [sys.executable, "-m", "s2s", *arguments, "--device", "cpu", "--threads", "1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "LC_ALL": "C"}  # the locale must not matter
    return subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, **pipes)


def test_a_pipe_is_answered_line_by_line_to_its_bad_end(models: list[str]) -> None:
    process = start("translate", "-m", models[0], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    wanted = Translator.load([Path(models[0])]).translate(SENTENCES[:2], SearchSettings())
    for line, row in zip(SENTENCES, wanted, strict=False):
        process.stdin.write(f"{line}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline().decode() == f"{row[0].text}\n"
    out, err = process.communicate(b"\nHere\xff\n", timeout=60)
    assert (process.returncode, out, err) == (2, b"\n", b"stdin line 4: found byte 0xff at 4; expected UTF-8 text\n")


def test_pairs_come_through_a_pipe(models: list[str]) -> None:
    process = start("score", "-m", models[0], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, err = process.communicate(b"Here.\tL\xc3\xa0.\nThe cat.\tLe chat.\nno pair\n", timeout=60)
    scores = Translator.load([Path(models[0])]).score(["Here.", "The cat."], ["Là.", "Le chat."])
    assert [float(line) for line in out.splitlines()] == pytest.approx(
        [sum(log_prob for _, log_prob in tokens) for tokens in scores], abs=1e-5
    )
    assert (process.returncode, err) == (2, b"stdin line 3: found 0 tabs; expected source, tab, target\n")


def test_a_line_of_ten_thousand_words_is_translated(models: list[str]) -> None:
    long = " ".join(["the king sees"] * 3333)
    process = start("translate", "-m", models[0], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, err = process.communicate(f"{long}\nHere.\n{long}".encode(), timeout=60)
    assert (process.returncode, err, out.count(b"\n")) == (0, b"", 3)


def test_nobody_reading_on_ends_it_quietly(models: list[str], tmp_path: Path) -> None:
    path = tmp_path / "many"
    path.write_text("Here.\n" * 40_000, encoding="utf-8")
    process = start("translate", "-m", models[0], "--max-tokens", "1", str(path), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == -signal.SIGPIPE
    assert process.stderr is not None
    assert process.stderr.read() == b""


def test_a_terminal_is_talked_to(models: list[str]) -> None:
    ours, theirs = pty.openpty()
    process = start("translate", "-m", models[0], stdin=theirs, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    (row,) = Translator.load([Path(models[0])]).translate(SENTENCES[:1], SearchSettings())
    for _ in range(2):
        assert process.stderr.read(4) == b"en> "
        os.write(ours, f"{SENTENCES[0]}\n".encode())
        assert process.stdout.readline().decode() == f"{row[0].text}\n"
    assert process.stderr.read(4) == b"en> "
    os.write(ours, b"\x04")  # Ctrl-D
    out, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, out, err) == (0, b"", b"\n")


def test_signals_are_heeded_before_the_heavy_libraries_load() -> None:
    code = "import sys, s2s.__main__; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "pyarrow"}.intersection(modules)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_quietly(models: list[str], signum: signal.Signals) -> None:
    process = start("translate", "-m", models[0], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"Here.\n")
    process.stdin.flush()
    assert process.stdout.readline()
    process.send_signal(signum)
    assert process.wait(60) == 128 + signum
    assert process.stderr is not None
    assert process.stderr.read() == b""
