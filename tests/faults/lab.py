"""Checkouts to hurt: a tiny pipeline, the bytes that it gives when nothing happens, and copies of it."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.support import checkout

ENGINES = {"dvc": ("dvc", "repro"), "snakemake": ("snakemake", "--cores", "2")}
DOCTOR = (sys.executable, "-m", "pipeline", "doctor")


class Command:
    """A running command, the leader of a process group, with its output in a file."""

    def __init__(self, folder: Path, command: tuple[str, ...], **options: object) -> None:
        environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "DVC_ROOT")}
        environment |= {"S2S_TRACKING": "off", "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
        self.log = folder.with_name(f"{folder.name}.{command[0].rpartition('/')[2]}.log")
        with self.log.open("w") as stream:
            self.process = subprocess.Popen(  # type: ignore[call-overload]
                command, cwd=folder, env=environment, stdout=stream, stderr=stream, start_new_session=True, **options
            )

    @property
    def is_running(self) -> bool:
        """True until the command has ended."""
        return bool(self.process.poll() is None)

    def kill(self) -> None:
        """Kill the command and all that it started, without a warning."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def finish(self, seconds: float = 900) -> tuple[int, str]:
        """Wait for the end. Return the exit code (-9 if it took longer than `seconds`) and the output."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        return self.process.returncode, self.log.read_text(encoding="utf-8", errors="replace")


class Lab:
    """An untouched checkout, one in which everything ran, and copies of both.

    Attributes:
        folder: where the copies lie.
        results: SHA-256 of each file of the outputs, by name.
    """

    def __init__(self, folder: Path, untouched: Path, whole: Path) -> None:
        self.folder, self.untouched, self.whole = folder, untouched, whole
        self.results = checkout.results(whole)
        self.copies = 0

    @classmethod
    def built(cls, folder: Path) -> "Lab":
        """Run the pipeline once, unless the folder has it already."""
        untouched, whole = folder / "untouched", folder / "whole"
        if not (folder / "ran").exists():
            shutil.rmtree(folder, ignore_errors=True)
            checkout.clone(untouched)
            shutil.copytree(untouched, whole)
            code, output = Command(whole, ENGINES["dvc"]).finish()
            assert code == 0, output
            (folder / "ran").touch()
        return cls(folder, untouched, whole)

    def copy(self, origin: Path) -> Path:
        """Copy a checkout, and let its links lead into its own cache."""
        self.copies += 1
        folder = self.folder / f"copy-{self.copies}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(origin, folder, symlinks=True)
        for path in folder.rglob("*"):
            if path.is_symlink() and path.readlink().is_relative_to(origin):
                aim = folder / path.readlink().relative_to(origin)
                path.unlink()
                path.symlink_to(aim)
        return folder

    def difference(self, folder: Path) -> str:
        """Return the names of the first results that are not those of the whole checkout, or ""."""
        results = checkout.results(folder)
        names = sorted(name for name in results.keys() | self.results if results.get(name) != self.results.get(name))
        return f"other bytes: {', '.join(names[:5])}" if names else ""


def complaint(code: int, output: str) -> str:
    """Return why a command that may fail did not fail as it should: in time, without a traceback. "" if it did."""
    if code == -signal.SIGKILL:
        return "no end in time"
    if "Traceback (most recent call last)" in output:
        return f"traceback: {output.strip().splitlines()[-1][:200]}"
    return ""
