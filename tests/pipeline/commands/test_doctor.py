"""The doctor finds each kind of damage, changes nothing when it only checks, and mends what it can."""

import errno
import fcntl
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from pipeline.commands.doctor import __main__ as doctor
from pipeline.commands.doctor import processes, quick, tracked
from pipeline.running import lockfile
from pipeline.tracking import outbox
from s2s import files
from s2s.errors import UserError

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


def database(*rows: tuple[str, str, str, str]) -> None:
    """Make MLflow's tables of runs: id, status, key of a tag and its value."""
    with closing(sqlite3.connect("mlflow.db")) as connection, connection:
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER, name TEXT, lifecycle_stage TEXT)")
        columns = (
            "run_uuid TEXT, name TEXT, status TEXT, lifecycle_stage TEXT, experiment_id INTEGER, start_time INTEGER"
        )
        connection.execute(f"CREATE TABLE runs ({columns})")
        connection.execute("CREATE TABLE tags (run_uuid TEXT, key TEXT, value TEXT)")
        connection.execute("INSERT INTO experiments VALUES (1, 'mine', 'active')")
        for run, status, key, value in rows:
            connection.execute("INSERT INTO runs VALUES (?, ?, ?, 'active', 1, 0)", (run, f"stage {run}", status))
            connection.execute("INSERT INTO tags VALUES (?, ?, ?)", (run, key, value))


def overwrite_database() -> None:
    database()
    rewrite(Path("mlflow.db"), lambda old: old[:4096] + b"\0" * (len(old) - 4096))


def lay_a_folder_in_the_cache() -> None:
    place = cached("two.txt")
    place.unlink()
    place.mkdir()


def lay_a_folder() -> None:
    Path("dvc.lock").unlink()
    Path("dvc.lock").mkdir()


def records(run: str, **start: object) -> Path:
    """Make the record of a stage that waits for MLflow."""
    write(f"work/tracking/{run}/messages")
    write(f"work/tracking/{run}/start.json", json.dumps(start) if start else '{"proc')
    return Path("work/tracking", run)


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
    "unknown hash in the lock": (
        lambda: rewrite(Path("dvc.lock"), lambda old: old.replace(b"hash: md5", b"hash: ed5", 1)),
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
    "folder in an object's place": (
        lay_a_folder_in_the_cache,
        r"found a folder \(two.txt\); (to be )?removed",
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
    "folder of a run without an entry": (
        lambda: only(".dvc/cache/runs/*/*/*").unlink(),
        "runs/.*: found an empty folder of DVC's cache of runs; ",
    ),
    "lost objects": (lambda: cached("data/high").unlink(), "^data: found 1 links to lost files, such as high; "),
    "moved checkout": (
        lambda: relink(Path.cwd(), Path("/old")),
        r"^links: found 4 that lead into /old/\.dvc/cache/files/md5, such as ",
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
    "record of a stage": (lambda: records("1-a"), "^work/tracking/1-a: found a damaged record of a stage; "),
    "database that is none": (
        lambda: write("mlflow.db", "x" * 9000),
        r"^mlflow.db: found a damaged database \(file is not",
    ),
    "database, overwritten": (
        overwrite_database,
        r"^mlflow.db: found a damaged database \(.*; (to be )?moved to mlflow.db.damaged",
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
        except (OSError, sqlite3.Error):
            continue  # an earlier damage has removed what this one damages
    assert call(capsys)[0] == 0
    repro()
    assert len(results) == 4 and all(path.read_bytes() == (whole / path).read_bytes() for path in results)
    assert Path("dvc.lock").read_bytes() == (whole / "dvc.lock").read_bytes()
    assert call(capsys, check=True) == (0, [])


def test_takes_the_copy_of_a_stage_before_the_last_commit(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer = Path("dvc.lock").read_bytes().replace(b"cat data/high", b"cat  data/high")
    Path("dvc.lock").write_bytes(newer)
    lockfile.keep()
    Path("dvc.lock").write_bytes(newer[:400])
    assert call(capsys)[1] == [
        "dvc.lock: found a damaged record; restored from work/dvc.lock, a copy from the start of a stage"
    ]
    assert Path("dvc.lock").read_bytes() == newer


def test_without_an_older_version_results_come_back_from_the_cache(
    whole: Path, checkout: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(".git")
    write(".dvc/config.local", "[core]\n    no_scm = true\n")
    write("dvc.lock")
    cure = "removed: dvc repro takes results from DVC's cache"
    assert call(capsys) == (0, [f"dvc.lock: found 0 bytes; {cure}"]) and not Path("dvc.lock").exists()
    repro()
    assert caplog.text.count("is cached - skipping run") == 2
    assert Path("dvc.lock").read_bytes() == (whole / "dvc.lock").read_bytes()


CONFLICT = "<<<<<<< HEAD\nschema: '2.0'\n=======\nschema: '2.0'\n>>>>>>> other\n"
CHOICE = "expected one of both versions: git checkout --ours dvc.lock (or --theirs), then dvc repro"
PERSONS: dict[str, tuple[Callable[[], object], str]] = {
    "conflict": (lambda: write("dvc.lock", CONFLICT), f"dvc.lock: found conflict markers of git; {CHOICE}"),
    "folder": (
        lay_a_folder,
        "dvc.lock: found a folder; expected a file: remove it, then call dvc repro",
    ),
    "lock on a file system without flock": (
        lambda: write(".dvc/config.local", "[core]\n    hardlink_lock = true\n"),
        ".dvc/tmp/lock: found a lock that no process of this machine holds; expected no lock: if no DVC runs on any "
        "machine, remove .dvc/tmp/lock",
    ),
}
"""Faults that need a person, each with its line."""


@pytest.mark.parametrize("name", PERSONS)
def test_says_the_cure_of_what_needs_a_person(name: str, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage, line = PERSONS[name]
    damage()
    before = snapshot(checkout)
    assert call(capsys) == (1, [line])
    assert snapshot(checkout) == before
    with pytest.raises(SystemExit) as ended:
        quick.main()
    assert ended.value.code == 1


def test_a_record_that_dvc_may_be_writing_is_left(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("dvc.lock")
    with Path(".dvc/tmp/lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        code, lines = call(capsys)
    wanted = "expected .dvc/tmp/lock to be free: wait for DVC or end it"
    assert (code, lines) == (1, [f"dvc.lock: found 0 bytes, and DVC at work; {wanted}"])
    assert Path("dvc.lock").read_bytes() == b""


def test_what_a_process_at_work_uses_is_left(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(".snakemake/locks/0.input.lock", "x")
    write(".dvc/tmp/rwlock", ENDED)
    write(f"data/.x.{os.getpid()}.0a1b2c3d.part")
    keep_damaged()
    sleep = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)", "/x/bin/dvc"]
    with subprocess.Popen(sleep, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        before = snapshot(checkout)
        try:
            assert call(capsys) == (0, [])
            write(".dvc/tmp/rwlock", ENDED[:9])
            wanted = f"expected no process at work: end dvc (process {process.pid}), then call doctor"
            assert call(capsys) == (1, [f".dvc/tmp/rwlock: found a damaged list; {wanted}"])
        finally:
            process.kill()
    write(".dvc/tmp/rwlock", ENDED)
    assert snapshot(checkout) == before
    assert len(call(capsys)[1]) == 3, "the files of the test itself are still in use"


def test_the_cache_may_lie_elsewhere(checkout: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shutil.move(".dvc/cache", tmp_path / "shared")
    write(".dvc/config.local", "[cache]\n    dir = ../../shared\n")
    assert call(capsys)[0] == 0
    assert Path("two.txt").readlink().is_relative_to(tmp_path / "shared")
    rewrite(cached("two.txt"), flip)
    assert call(capsys)[0] == 0 and not Path("two.txt").is_symlink()


def test_unfinished_work_without_a_digest_is_left(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("work/download/corpus/train.tgz", "half a download")
    write("work/tracking/1-a/messages", "a record")
    before = snapshot(checkout)
    assert call(capsys) == (0, []) and snapshot(checkout) == before


def test_links_that_are_not_dvcs_are_left(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("data/mine").symlink_to("/nowhere")
    assert call(capsys) == (0, []) and Path("data/mine").is_symlink()


def test_a_small_disk_is_told(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10_000_000))
    line = "disk: found 0.01 GB free; expected 0.20 GB: dvc gc --workspace removes results of other parameters"
    assert call(capsys) == (1, [line])


def test_what_cannot_be_written_remains(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "full")

    write("dvc.lock")
    monkeypatch.setattr(files, "write_bytes", full)
    cure = "could not be restored from git's last commit: no space left on device"
    assert call(capsys) == (1, [f"dvc.lock: found 0 bytes; {cure}"])


DEAD = f"{os.uname().nodename} {GONE} 1.0"
ALIVE = f"{os.uname().nodename} {os.getpid()} {time.time()}"


@pytest.mark.parametrize(
    ("rows", "ended"),
    [
        (
            [("a", "RUNNING", "process", DEAD), ("b", "RUNNING", "process", ALIVE)],
            "1 runs RUNNING that have ended, such as stage a",
        ),
        (
            [("a", "RUNNING", "pipeline", "x"), ("b", "FINISHED", "mlflow.parentRunId", "a")],
            "1 runs RUNNING that have ended",
        ),
        ([("a", "RUNNING", "pipeline", "x"), ("b", "RUNNING", "mlflow.parentRunId", "a")], ""),
        ([("a", "RUNNING", "process", "elsewhere 12 1.0"), ("b", "FINISHED", "process", DEAD)], ""),
    ],
)
def test_runs_of_dead_processes_get_their_end(
    rows: list[tuple[str, str, str, str]],
    ended: str,
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swept: list[str] = []
    monkeypatch.setattr(tracked, "sweep", lambda experiment, waiting: swept.append(experiment))
    database(*rows)
    code, lines = call(capsys, check=True)
    assert (code, len(lines), swept) == (bool(ended), bool(ended), []) and all(ended in line for line in lines)
    assert call(capsys)[0] == 0 and swept == ["mine"] * bool(ended)


def test_records_that_did_not_arrive_are_delivered(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = records("1-a", process=DEAD, store="sqlite:///mlflow.db")
    monkeypatch.setattr(outbox, "settle", lambda seconds: [record])
    fault = "work/tracking: found 1 runs of stages that wait for MLflow"
    assert call(capsys) == (1, [f"{fault}; could not be delivered: connection timed out"])
    monkeypatch.setattr(outbox, "settle", lambda seconds: shutil.rmtree(record))
    assert call(capsys) == (0, [f"{fault}; delivered"])
    assert call(capsys, check=True) == (0, [])


def test_a_folder_without_a_pipeline_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"dvc\.yaml: found no such file here; expected the folder of the project"):
        doctor.main()
