"""The command line of a stage: flags, messages, exit codes and signals."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

PROGRAM = """
import time
from pathlib import Path
from pipeline.running import program
from s2s.errors import UserError

def main(raw: Path, beam: int = 2) -> None:
    \"\"\"Translates a file.

    Slowly.

    Args:
        raw: file of sentences,
            one a line
        beam: hypotheses kept
    \"\"\"
    if raw.name == "mistake":
        raise UserError("data.txt line 3: found nothing;\\nexpected text")
    if raw.name == "bug":
        raise AssertionError("a bug")
    if raw.name == "slow":
        try:
            print("ready", flush=True)
            time.sleep(60)
        finally:
            print("tidied")
    if raw.name.isdigit():
        raise OSError(int(raw.name), "told by the system", "out/file")
    print(raw, beam)

if __name__ == "__main__":
    program.program(main)
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "translate.py"
    path.write_text(PROGRAM)
    return path


def start(program: Path, *flags: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')", *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(program: Path, *flags: str) -> tuple[int, str, str]:
    process = start(program, *flags)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_parameters_are_flags_with_their_types(program: Path) -> None:
    assert finish(program, "--raw", "a b", "--beam", "12") == (0, "a b 12\n", "")


def test_defaults_hold(program: Path) -> None:
    assert finish(program, "--raw", "a") == (0, "a 2\n", "")


def test_help_teaches(program: Path) -> None:
    code, out, _ = finish(program, "--help")
    assert code == 0
    assert "Translates a file." in out
    assert "file of sentences, one a line" in out
    assert "hypotheses kept" in out
    assert "Args" not in out


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ("mistake", "data.txt line 3: found nothing; expected text\n"),
        (str(errno.EACCES), "out/file: no permission; expected to be able to write there and read it\n"),
        (str(errno.ENOSPC), "out/file: no space left on the disk; expected to be able to write there and read it\n"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(program: Path, raw: str, line: str) -> None:
    assert finish(program, "--raw", raw) == (2, "", line)


def test_a_missing_flag_is_exit_code_2(program: Path) -> None:
    code, _, err = finish(program)
    assert code == 2
    assert "--raw" in err


def test_a_bug_keeps_its_traceback(program: Path) -> None:
    code, _, err = finish(program, "--raw", "bug")
    assert code == 1
    assert "Traceback" in err


def test_sigterm_unwinds(program: Path) -> None:
    process = start(program, "--raw", "slow")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (143, "tidied\n")


def test_starts_without_the_heavy_libraries() -> None:
    code = "import sys, pipeline.running.program, pipeline.tracking.run, pipeline.__main__; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "mlflow", "pandas", "dvc", "numpy", "matplotlib"}.intersection(modules)
