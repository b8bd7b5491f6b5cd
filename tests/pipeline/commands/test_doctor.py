"""The doctor finds each kind of damage, changes nothing when it only checks, and mends what it can."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from pipeline.commands.doctor import __main__ as doctor
from pipeline.commands.doctor import processes
from s2s import files

pytestmark = pytest.mark.engine

STAGES = """
stages:
  one:
    cmd: mkdir -p data/part && seq 100 > data/part/low && seq 200 > data/high && echo hi > single.txt
    deps: [in.txt]
    outs: [data, single.txt]
  two:
    cmd: cat data/high single.txt > two.txt
    deps: [data, single.txt]
    outs: [two.txt]
"""
CONFIG = "[core]\n    analytics = false\n[cache]\n    type = symlink\n"
GONE = 4_194_304  # no process has this number
ENDED = f'{{"write": {{"/x/two.txt": {{"pid": {GONE}, "cmd": "dvc repro"}}}}, "read": {{}}}}'


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def repro() -> None:
    """Run the pipeline here."""
    from dvc.repo import Repo

    with Repo() as repo:
        repo.reproduce()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository whose two stages have run, and whose record is committed."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text(CONFIG)
    (folder / ".dvc/.gitignore").write_text("/tmp\n/cache\n")
    (folder / "dvc.yaml").write_text(STAGES)
    (folder / "in.txt").write_text("x\n")
    (folder / ".gitignore").write_text("/data\n/single.txt\n/two.txt\n/work\n")
    git(folder, "init", "-q")
    before = Path.cwd()
    os.chdir(folder)
    try:
        repro()
    finally:
        os.chdir(before)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")
    return folder


@pytest.fixture
def checkout(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a copy with a cache of its own the current folder."""
    folder = tmp_path / "checkout"
    shutil.copytree(whole, folder, symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(processes, "PATIENCE_SECONDS", 0.3)
    relink(whole, folder)
    return folder


def relink(old: Path, new: Path) -> None:
    """Let the links that led below one folder lead below another."""
    for path in [path for path in Path().rglob("*") if path.is_symlink()]:
        target = str(path.readlink()).replace(str(old), str(new))
        path.unlink()
        path.symlink_to(target)


def snapshot(folder: Path) -> dict[str, object]:
    """Return the content, target and mode of everything in a folder."""
    paths = [path for path in sorted(folder.rglob("*")) if not path.is_dir() or path.is_symlink()]
    return {
        str(path): path.readlink() if path.is_symlink() else (path.read_bytes(), path.stat().st_mode) for path in paths
    }


def call(capsys: pytest.CaptureFixture[str], check: bool = False) -> tuple[int, list[str]]:
    """Return the exit code and the lines of the doctor."""
    with pytest.raises(typer.Exit) as ended:
        doctor.main(check)
    return int(ended.value.exit_code), capsys.readouterr().out.splitlines()[:-1]


def cached(path: str) -> Path:
    """Return the object behind a result, made writable."""
    target = Path(path).readlink()
    target.chmod(0o644)
    return target


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change a file's bytes, and protect it as DVC does."""
    path.chmod(0o644)
    path.write_bytes(change(path.read_bytes()))
    path.chmod(0o444)


def flip(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


def only(pattern: str) -> Path:
    return next(Path().glob(pattern))


def write(path: str, text: str = "") -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def keep_damaged() -> None:
    path = Path("work/train/x/1.safetensors")
    path.parent.mkdir(parents=True)
    with files.kept(path) as partial:
        partial.write_text("weights of a checkpoint")
    rewrite(path, flip)


DAMAGES: dict[str, tuple[Callable[[], object], str]] = {
    "lock of 0 bytes": (
        lambda: write("dvc.lock"),
        r"^dvc.lock: found 0 bytes; (to be )?restored from git's last commit$",
    ),
    "cut lock": (lambda: rewrite(Path("dvc.lock"), lambda old: old[:-7]), "^dvc.lock: found a damaged record; "),
    "lock cut in a key": (
        lambda: rewrite(Path("dvc.lock"), lambda old: old[:300]),
        "^dvc.lock: found a damaged record",
    ),
    "unknown key in the lock": (
        lambda: rewrite(Path("dvc.lock"), lambda old: old.replace(b"nfiles", b"nfilez")),
        "^dvc.lock: found a damaged record",
    ),
    "lock that is no text": (lambda: Path("dvc.lock").write_bytes(b"\0\xff\n"), "^dvc.lock: found a damaged record"),
    "list of files in use, half": (lambda: write(".dvc/tmp/rwlock", ENDED[:20]), "rwlock: found a damaged list"),
    "list of files in use, empty": (lambda: write(".dvc/tmp/rwlock"), "rwlock: found a damaged list"),
    "list of files in use, of no use": (
        lambda: write(".dvc/tmp/rwlock", ENDED),
        "found files in use by a DVC that has",
    ),
    "locks of Snakemake": (lambda: write(".snakemake/locks/0.input.lock", "x"), "locks of a Snakemake that has ended"),
    "object of 0 bytes": (
        lambda: rewrite(cached("two.txt"), lambda old: b""),
        r"md5/../.{30}: found 0 bytes \(two.txt\); (to be )?removed, with 1 links to it",
    ),
    "flipped byte": (
        lambda: rewrite(cached("data/high"), flip),
        r"md5/../.{30}: found other bytes than its name says \(data/high\)",
    ),
    "manifest": (
        lambda: rewrite(only(".dvc/cache/files/md5/*/*.dir"), lambda old: old[:50]),
        r"\.dir: found other bytes than its name says; ",
    ),
    "run of 0 bytes": (lambda: rewrite(only(".dvc/cache/runs/*/*/*"), lambda old: b""), "runs/.*: found other bytes"),
    "run with a flipped digest": (
        lambda: rewrite(only(".dvc/cache/runs/*/*/*"), lambda old: re.sub(b"md5: .", b"md5: 0", old)),
        "runs/.*: found other bytes than its name says; ",
    ),
    "lost objects": (lambda: cached("data/high").unlink(), "^data: found links to lost files, 1 with high; "),
    "moved checkout": (
        lambda: relink(Path.cwd(), Path("/old")),
        "^data/part: found links into another cache, 1 with low",
    ),
    "half-written file": (lambda: write(f"data/.x.{GONE}.0a1b2c3d.part"), "part: found a half-written leftover; "),
    "half-written folder": (
        lambda: write(f"work/clean/.x.{GONE}.0a1b2c3d.part/y"),
        "part: found a half-written leftover",
    ),
    "half-written object": (
        lambda: write(".dvc/cache/files/md5/00/.AAAAAAAAAAAAAAAAAAAAAA.tmp"),
        "tmp: found a half-wri",
    ),
    "checkpoint": (keep_damaged, "^work/train/x/1.safetensors: found other bytes than were written; "),
}
"""Damages by name, each with a pattern of the line that names it."""


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_found_and_mended(name: str, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage, expected = DAMAGES[name]
    damage()
    before = snapshot(checkout)
    code, lines = call(capsys, check=True)
    assert code == 1 and any(re.search(expected, line) for line in lines), lines
    assert snapshot(checkout) == before, "--check changes nothing"
    code, lines = call(capsys)
    assert code == 0 and any(re.search(expected, line) for line in lines), lines
    assert call(capsys, check=True) == (0, [])


def test_a_healthy_checkout_stays_as_it_is(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = snapshot(checkout)
    assert call(capsys, check=True) == call(capsys) == (0, [])
    assert snapshot(checkout) == before


def test_after_all_damages_the_pipeline_gives_the_same_bytes(
    whole: Path, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = [path.relative_to(whole) for path in whole.rglob("*") if path.is_symlink()]
    for damage, _ in DAMAGES.values():
        try:
            damage()
        except OSError:
            continue  # an earlier damage has removed what this one damages
    assert call(capsys)[0] == 0
    repro()
    assert len(results) == 4 and all(path.read_bytes() == (whole / path).read_bytes() for path in results)
    assert Path("dvc.lock").read_bytes() == (whole / "dvc.lock").read_bytes()
    assert call(capsys, check=True) == (0, [])
