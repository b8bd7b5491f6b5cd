"""The download stage: the demo corpus, local files, archives from servers and mirrors, and interrupted downloads."""

import gzip
import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.fetching import transfer
from pipeline.parameters.sections import Operation
from pipeline.running import resuming
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import SIDES, SPLITS
from pipeline.schemas.data.raw import Manifest, RawCorpus
from pipeline.sources.catalog import LISTED
from pipeline.stages import download
from s2s import progress
from s2s.errors import UserError
from s2s.text.lines import pairs
from tests.support import project, servers
from tests.support.servers import Conduct

pytestmark = pytest.mark.process

SMALL = {"seed": 1, "train_pairs": 100, "dev_pairs": 10, "test_pairs": 10, "max_words": 20}
MULTI30K = Path(os.environ.get("S2S_MULTI30K", project.ROOT.parent / "shared" / "data" / "multi30k"))
GOOD = {"train": ("a\nb\n", "c\nd\n"), "dev": ("e\n", "f\n"), "test": ("g\n", "h\n")}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(folder: Path, listed: Path = LISTED, **settings: Any) -> Manifest:
    operation = {key: settings.pop(key) for key in Operation.model_fields.keys() & settings.keys()}
    project.write_parameters(folder, download=settings, operation=operation)
    download.main(folder / "raw", listed)
    return records.read(Manifest, folder / "raw" / "manifest.json")


def write_files(folder: Path, changes: dict[str, bytes] | None = None) -> dict[str, str]:
    """Write six text files of a user, and return the value of download.files."""
    (folder / "my").mkdir()
    paths = {}
    for split, texts in GOOD.items():
        for side, text in zip(SIDES, texts, strict=True):
            path = folder / "my" / f"{split}.{side}"
            path.write_bytes((changes or {}).get(path.name, text.encode()))
            paths[f"{split}_{side}"] = str(path)
    return paths


def test_the_demo_is_generated_the_same_each_time(workspace: Path) -> None:
    manifest = run(workspace, source="demo", demo=SMALL)
    assert manifest == Manifest(
        "demo",
        "en",
        "fr",
        {
            split: [RawCorpus("demo", f"{split}.en", f"{split}.fr", pairs)]
            for split, pairs in (("train", 100), ("dev", 10), ("test", 10))
        },
    )
    assert len(list(pairs(workspace / "raw" / "train.en", workspace / "raw" / "train.fr"))) == 100
    before = {path.name: path.read_bytes() for path in (workspace / "raw").iterdir()}
    assert len(before) == 7
    run(workspace, source="demo", demo=SMALL)
    assert before == {path.name: path.read_bytes() for path in (workspace / "raw").iterdir()}


def test_the_demo_can_be_learned_in_the_other_direction(workspace: Path) -> None:
    manifest = run(workspace, source="demo", demo=SMALL, source_language="fr", target_language="en")
    assert manifest.splits["train"] == [RawCorpus("demo", "train.fr", "train.en", 100)]
    assert "le " in (workspace / "raw" / "train.fr").read_text()


def test_own_files_are_copied_as_they_are_gzip_by_their_bytes(workspace: Path) -> None:
    packed = gzip.compress(b"c\nd\n", mtime=0)
    manifest = run(
        workspace,
        source="files",
        source_language="de",
        target_language="nl",
        files=write_files(workspace, {"train.target": packed}),
    )
    assert manifest.splits["train"] == [RawCorpus("files", "train.de", "train.nl.gz", 2)]
    assert manifest.splits["test"] == [RawCorpus("files", "test.de", "test.nl", 1)]
    assert (workspace / "raw" / "train.nl.gz").read_bytes() == packed
    assert (workspace / "raw" / "dev.de").read_bytes() == b"e\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.source", b"a\n", r"train.source has 1 lines and .*train.target has 2; expected as many of each"),
        ("dev.target", b"", r"dev.target: found no line; expected text, one sentence a line"),
        ("dev.target", b"\xff\n", r"dev.target line 1: found byte 0xff; expected UTF-8 text"),
        ("dev.source", b" \n", r"dev.source line 1: found an empty line; expected text on every line to be scored"),
        ("test.target", b"\n", r"test.target line 1: found an empty line; expected text on every line"),
        (
            "test.source",
            gzip.compress(b"g\n", mtime=0)[:-3],
            r"test.source: damaged gzip \(.*\); expected",
        ),
    ],
)
def test_bad_files_are_refused_and_nothing_is_written(name: str, content: bytes, message: str, workspace: Path) -> None:
    with pytest.raises(UserError, match=message):
        run(workspace, source="files", files=write_files(workspace, {name: content}))
    assert not {path.partition("/")[0] for path in left(workspace)} - {"my", "params.yaml"}


def test_empty_and_undecodable_lines_of_training_are_left_to_the_clean_stage(workspace: Path) -> None:
    manifest = run(workspace, source="files", files=write_files(workspace, {"train.source": b"\xff\n\n"}))
    assert manifest.splits["train"][0].pairs == 2


LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv.pop(1))))
runpy.run_module("pipeline.stages.download", run_name="__main__")
"""


def program(folder: Path, *options: str, most_bytes: int | None = None, **environment: str) -> "subprocess.Popen[str]":
    """Start the stage as a program, with an optional limit on the size of files in bytes."""
    arguments = ["-m", "pipeline.stages.download"] if most_bytes is None else ["-c", LIMITED, str(most_bytes)]
    return subprocess.Popen(
        [sys.executable, *arguments, "--out", "raw", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(project.ROOT), "LANG": "C"} | environment,
    )


def test_a_mistake_is_one_line_and_exit_code_2(workspace: Path) -> None:
    project.write_parameters(
        workspace, download={"source": "files", "files": write_files(workspace, {"dev.source": b"e\nx\n"})}
    )
    process = program(workspace)
    out, errors = process.communicate()
    assert (process.returncode, out) == (2, "")
    source, target = workspace / "my" / "dev.source", workspace / "my" / "dev.target"
    assert errors == f"{source} has 2 lines and {target} has 1; expected as many of each\n"
    assert not (workspace / "raw").exists()


def test_an_address_that_does_not_answer_is_one_line_and_exit_code_2(workspace: Path) -> None:
    # Dead proxies keep the test from calling the public address.
    proxies: dict[str, Any] = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), servers.dead())
    project.write_parameters(workspace, download={"source": "multi30k"}, operation={"parallel_files": 1})
    process = program(workspace, S2S_MIRRORS=servers.dead(), no_proxy="127.0.0.1", **proxies)
    _, errors = process.communicate()
    assert process.returncode == 2
    assert errors.startswith("train.en.gz: found at no place: http://127.0.0.1:")
    assert "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/train.en.gz (" in errors
    assert errors.endswith("; expected one that has it, see S2S_MIRRORS\n")
    assert errors.count("\n") == 1
    assert left(workspace) == ["params.yaml"]


def left(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# Archives in every format that WMT uses, with their members.
NOISE = (
    hashlib.shake_128(b"seed").hexdigest(50_000).encode()
)  # random text compresses badly, so sending it takes a while
SEGMENTS = '<doc>\n<seg id="1">{0} &amp; {0}</seg>\n<seg id="2"> {0}\u00a0 </seg>\n</doc>\n'
ARCHIVES: dict[str, dict[str, bytes]] = {
    "plain.tgz": {
        "training/one.fr-en.en": b"a\rb\nc\n" + NOISE + b"\n",
        "training/one.fr-en.fr": b"d\ne\nf\n",
        "training/two.en": b"one\n",
        "training/two.fr": b"un\ndeux\n",
        "training/one.de-en.de": b"other languages\n",
    },
    "giga.tar": {
        f"giga.{name}.gz": gzip.compress(text, mtime=0) for name, text in {"en": b"g\n", "fr": b"h\n"}.items()
    },
    "dev.tgz": {"dev/old.en": b"i\nj\n", "dev/old.fr": b"k\nl\n"},
    "test.tgz": {f"test/new-{name}.sgm": SEGMENTS.format(name).encode() for name in ("src.en", "ref.fr")},
}
CORPORA: list[dict[str, Any]] = [
    {
        "name": "one",
        "split": "train",
        "archive": "plain.tgz",
        "texts": "training/one.fr-en.{language}",
        "pairs": 3,
        "tokenized": True,
    },
    {"name": "giga", "split": "train", "archive": "giga.tar", "texts": "giga.{language}.gz"},
    {
        "name": "old",
        "split": "dev",
        "archive": "dev.tgz",
        "texts": "dev/old.{language}",
        "checksums": {"en": f"md5:{hashlib.md5(b'i' + bytes([10]) + b'j' + bytes([10])).hexdigest()}"},
    },
    {
        "name": "new",
        "split": "test",
        "archive": "test.tgz",
        "texts": {"en": "test/new-src.en.sgm", "fr": "test/new-ref.fr.sgm"},
        "format": "sgm",
        "pairs": 2,
    },
]


def packed(name: str, members: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    if name.endswith("zip"):
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(zipfile.ZipInfo(member), content)
        return file.getvalue()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for member, content in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(file.getvalue(), mtime=0) if name.endswith("tgz") else file.getvalue()


def listed_file(address: str, content: bytes) -> dict[str, object]:
    return {"address": address, "bytes": len(content), "checksum": f"sha256:{hashlib.sha256(content).hexdigest()}"}


def write_site(folder: Path, url: str, **changes: Any) -> Path:
    """Write the archives to `site`, and return the path of a catalog that lists them as the source wmt14."""
    (folder / "site").mkdir(exist_ok=True)
    files = {}
    for name, members in ARCHIVES.items():
        content = packed(name, members)
        (folder / "site" / name).write_bytes(content)
        files[name] = [listed_file(f"{url}/{name}", content)]
    source = {"languages": ["en", "fr"], "files": files, "corpora": CORPORA} | changes
    (folder / "listed.yaml").write_text(yaml.safe_dump({"wmt14": source}, sort_keys=False))
    return folder / "listed.yaml"


EXPECTED = {
    "train.one.en": ARCHIVES["plain.tgz"]["training/one.fr-en.en"],
    "train.one.fr": b"d\ne\nf\n",
    "train.giga.en.gz": ARCHIVES["giga.tar"]["giga.en.gz"],
    "train.giga.fr.gz": ARCHIVES["giga.tar"]["giga.fr.gz"],
    "dev.old.en": b"i\nj\n",
    "dev.old.fr": b"k\nl\n",
    "test.new.en": b"src.en &amp; src.en\nsrc.en\n",
    "test.new.fr": b"ref.fr &amp; ref.fr\nref.fr\n",
}


@pytest.fixture
def conduct() -> Conduct:
    return Conduct()


@pytest.fixture
def site(workspace: Path, conduct: Conduct, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(transfer, "PAUSES_SECONDS", (0.0, 0.0, 0.0))
    (workspace / "site").mkdir()
    with servers.serving(workspace / "site", conduct) as url:
        yield url


def texts(raw: Path) -> dict[str, bytes]:
    by_name = contents(raw)
    by_name.pop("manifest.json")
    return by_name


def test_archives_become_texts_side_by_side(workspace: Path, site: str) -> None:
    manifest = run(workspace, write_site(workspace, site), source="wmt14")
    assert manifest.splits == {
        "train": [
            RawCorpus("one", "train.one.en", "train.one.fr", 3, tokenized=True),
            RawCorpus("giga", "train.giga.en.gz", "train.giga.fr.gz", 1),
        ],
        "dev": [RawCorpus("old", "dev.old.en", "dev.old.fr", 2)],
        "test": [RawCorpus("new", "test.new.en", "test.new.fr", 2)],
    }
    assert texts(workspace / "raw") == EXPECTED
    assert left(workspace / "work") == []  # archives are deleted at the end


@pytest.mark.parametrize("parallel_files", [1, 4])
def test_the_bytes_do_not_depend_on_what_is_fetched_at_the_same_time(
    parallel_files: int, workspace: Path, site: str
) -> None:
    run(workspace, write_site(workspace, site), source="wmt14", parallel_files=parallel_files)
    assert texts(workspace / "raw") == EXPECTED


def test_progress_of_all_files_together_is_told_in_plain_lines(
    workspace: Path, site: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.0)
    listed = write_site(workspace, site)
    total = sum((workspace / "site" / name).stat().st_size for name in ARCHIVES)
    run(workspace, listed, source="wmt14")
    printed = capsys.readouterr().err.splitlines()
    assert printed[0] == f"download wmt14:   0%, 0.0 of {total / 1e6:.1f} MB"
    assert printed[-1] == f"download wmt14: 100%, {total / 1e6:.1f} of {total / 1e6:.1f} MB"
    assert any(line.endswith(" s left") for line in printed)


def test_a_mirror_may_pack_the_texts_in_another_way(workspace: Path, site: str) -> None:
    listed = write_site(workspace, site)
    archive = packed("one.zip", ARCHIVES["plain.tgz"])
    (workspace / "mirror").mkdir()
    (workspace / "mirror" / "one.zip").write_bytes(archive)
    values = yaml.safe_load(listed.read_text())
    values["wmt14"]["files"]["plain.tgz"].append(listed_file("https://never.invalid/one.zip", archive))
    listed.write_text(yaml.safe_dump(values, sort_keys=False))
    (workspace / "site" / "plain.tgz").unlink()
    run(workspace, listed, source="wmt14", mirrors=["mirror"])
    assert texts(workspace / "raw") == EXPECTED
    assert (workspace / "mirror" / "one.zip").exists()  # a user's files are not deleted


def test_texts_that_are_files_by_themselves_come_from_a_mirror_folder(workspace: Path) -> None:
    (workspace / "mirror").mkdir()
    files = {}
    for name in [f"{split}.{language}" for split in SPLITS for language in ("en", "fr")]:
        content = gzip.compress(name.encode() + b"\n", mtime=0)
        (workspace / "mirror" / name).write_bytes(content)
        files[name] = [listed_file(f"https://never.invalid/{name}", content)]
    corpora = [{"name": "mine", "split": split, "texts": split + ".{language}"} for split in SPLITS]
    settings: dict[str, Any] = {
        "source": "wmt14",
        "mirrors": ["mirror"],
        "source_language": "fr",
        "target_language": "en",
    }
    listed = write_site(workspace, "https://never.invalid", files=files, corpora=corpora)
    manifest = run(workspace, listed, **settings)
    assert manifest.splits["dev"] == [RawCorpus("mine", "dev.mine.fr.gz", "dev.mine.en.gz", 1)]
    before = contents(workspace / "raw")
    assert gzip.decompress(before["dev.mine.fr.gz"]) == b"dev.fr\n"
    (workspace / "mirror" / "dev.fr").write_bytes(b"other")
    with pytest.raises(
        UserError, match=r"dev.fr: found at no place: mirror/dev.fr \(found 5 bytes; expected \d+\), http"
    ):
        run(workspace, listed, **settings)
    assert contents(workspace / "raw") == before  # earlier output is unchanged


@pytest.mark.parametrize(
    ("number", "changes", "message"),
    [
        (0, {"pairs": 4}, r"one: found 3 lines in train.one.en and 3 in train.one.fr; expected 4 of each"),
        (1, {"pairs": 2}, r"giga: found 1 lines in .*; expected 2 of each"),
        (2, {"checksums": {"fr": f"md5:{'0' * 32}"}}, r"dev.old.fr: found md5 [0-9a-f]{32}; expected 0{32}"),
        (3, {"format": "text"}, r"new: found 4 lines in .*; expected 2 of each"),
        (
            2,
            {"texts": "dev/older.{language}"},
            r"dev.tgz.[0-9a-f]{16}: found no member dev/older.en, dev/older.fr; expe",
        ),
        (
            2,
            {"texts": "../old.{language}"},
            r"dev.tgz.*: found member ../old.en, which leads out of the archive; expected",
        ),
        (2, {"format": "sgm"}, r"dev.old.en: found no line that starts with <seg; expected WMT's SGM"),
        (
            2,
            {"archive": "plain.tgz", "texts": "training/two.{language}"},
            r"old: found 1 lines in dev.old.en and 2 in dev.old.fr; expected as many of each",
        ),
    ],
)
def test_texts_that_are_not_what_is_listed_are_refused(
    number: int, changes: dict[str, Any], message: str, workspace: Path, site: str
) -> None:
    corpora = [dict(corpus) for corpus in CORPORA]
    corpora[number] |= changes
    corpora[number].pop("checksums", None) if "checksums" not in changes else None
    values: dict[str, Any] = {"corpora": corpora}
    listed = write_site(workspace, site, **values)
    used = {corpus["archive"] for corpus in corpora}
    content = yaml.safe_load(listed.read_text())
    content["wmt14"]["files"] = {name: file for name, file in content["wmt14"]["files"].items() if name in used}
    listed.write_text(yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(UserError, match=message):
        run(workspace, listed, source="wmt14")
    assert not (workspace / "raw").exists()
    assert any(name.startswith("work/download/plain.tgz.") for name in left(workspace))  # kept for the next run


def test_archives_of_a_run_that_failed_are_not_fetched_again(workspace: Path, site: str, conduct: Conduct) -> None:
    listed = write_site(workspace, site)
    (workspace / "site" / "test.tgz").unlink()
    with pytest.raises(UserError, match=r"test.tgz: found at no place: .*HTTP 404"):
        run(workspace, listed, source="wmt14", parallel_files=1)
    conduct.requests.clear()
    write_site(workspace, site)
    run(workspace, listed, source="wmt14")
    assert conduct.requests == [("test.tgz", None)]
    assert texts(workspace / "raw") == EXPECTED


def test_a_connection_that_is_cut_goes_on_where_it_was(workspace: Path, site: str, conduct: Conduct) -> None:
    conduct.cuts = [0.6]
    run(workspace, write_site(workspace, site), source="wmt14", parallel_files=1)
    size = (workspace / "site" / "plain.tgz").stat().st_size
    assert conduct.requests[:2] == [("plain.tgz", None), ("plain.tgz", f"bytes={int(size * 0.6)}-")]
    assert texts(workspace / "raw") == EXPECTED


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_download_that_is_killed_goes_on_where_it_was(
    sent: signal.Signals, workspace: Path, site: str, conduct: Conduct
) -> None:
    write_site(workspace, site)
    size = (workspace / "site" / "plain.tgz").stat().st_size
    conduct.bytes_per_second = size / 2
    project.write_parameters(workspace, download={"source": "wmt14"}, operation={"parallel_files": 2})
    killed = program(workspace, "--listed", "listed.yaml")
    part = next(
        wait_for(
            lambda: list((workspace / "work" / "download").glob("plain.tgz.*")) if (workspace / "work").exists() else []
        )
    )
    for _ in wait_for(lambda: part.stat().st_size > size / 5):
        killed.send_signal(sent)
    killed.communicate()
    assert not (workspace / "raw").exists()
    had = part.stat().st_size
    assert size / 5 < had < size
    conduct.bytes_per_second = 0
    conduct.requests.clear()
    again = program(workspace, "--listed", "listed.yaml")
    _, errors = again.communicate()
    assert again.returncode == 0, errors
    assert ("plain.tgz", f"bytes={had}-") in conduct.requests
    assert texts(workspace / "raw") == EXPECTED
    assert left(workspace / "work") == []


def wait_for(condition: Callable[[], Any]) -> Iterator[Any]:
    """Wait until a condition is true, and yield its items or its value."""
    end = time.monotonic() + 30
    while not (result := condition()):
        assert time.monotonic() < end, "waited for 30 s"
        time.sleep(0.01)
    yield from result if isinstance(result, list) else [result]


@pytest.mark.parametrize("source", ["demo", "wmt14"])
def test_what_a_killed_run_left_beside_its_output_is_removed(workspace: Path, site: str, source: str) -> None:
    (workspace / ".raw.0123.part").mkdir()
    (workspace / ".raw.0123.part" / "train.one.en").write_bytes(b"half")
    run(workspace, write_site(workspace, site), source=source)
    assert not (workspace / ".raw.0123.part").exists()


def test_two_runs_take_turns(workspace: Path, site: str) -> None:
    write_site(workspace, site)
    project.write_parameters(workspace, download={"source": "wmt14"})
    (workspace / "work" / "download").mkdir(parents=True)
    with resuming.alone(Path("work/download")):
        waiting = program(workspace, "--listed", "listed.yaml")
        assert waiting.stderr is not None
        assert waiting.stderr.readline() == "work/download: waits for another process that works on it\n"
        assert not (workspace / "raw").exists()
    _, errors = waiting.communicate()
    assert waiting.returncode == 0, errors
    assert texts(workspace / "raw") == EXPECTED


def test_files_on_their_way_lie_in_the_repository_even_when_it_runs_in_a_copy(
    workspace: Path, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(workspace / "repository"))
    run(workspace, write_site(workspace, site), source="wmt14")
    assert (workspace / "repository/work/download").is_dir()
    assert left(workspace / "repository") == []


def test_a_disk_without_room_is_refused_before_anything_is_fetched(
    workspace: Path, site: str, conduct: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = write_site(workspace, site)
    sizes = {name: (workspace / "site" / name).stat().st_size for name in ARCHIVES}
    needed = 3 * sum(sizes.values())  # packed, and about twice that unpacked
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(0, 0, needed - 1))
    message = r"work/download: found 0.00 GB free; expected 0.00 GB \(0.00 GB to download and about 0.00 GB of text\)"
    with pytest.raises(UserError, match=message):
        run(workspace, listed, source="wmt14")
    assert conduct.requests == []
    (workspace / "mirror").mkdir()
    shutil.copyfile(workspace / "site" / "plain.tgz", workspace / "mirror" / "plain.tgz")  # saves a download
    run(workspace, listed, source="wmt14", mirrors=["mirror"])
    assert texts(workspace / "raw") == EXPECTED


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a disk of 40 KB at `work` within the block, or skip the test."""
    (folder / "work").mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(folder / "work")]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk: the same is tested with a limit for files")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder / "work")], check=True)


def test_a_disk_that_is_full_is_one_line_and_what_was_fetched_is_kept(
    workspace: Path, site: str, conduct: Conduct
) -> None:
    listed = write_site(workspace, site)
    values = yaml.safe_load(listed.read_text())
    del values["wmt14"]["files"]["plain.tgz"][0]["bytes"]  # the size is unknown before the download
    listed.write_text(yaml.safe_dump(values, sort_keys=False))
    project.write_parameters(workspace, download={"source": "wmt14"}, operation={"parallel_files": 1})
    with small_disk(workspace):
        process = program(workspace, "--listed", "listed.yaml")
        _, errors = process.communicate()
        assert process.returncode == 2, errors
        [kept] = [name for name in left(workspace / "work") if "plain.tgz" in name]
        assert errors == f"work/{kept}: no space left on the disk; expected to be able to write there and read it\n"
        had = (workspace / "work" / kept).stat().st_size
        assert had > 0
        subprocess.run(["mount", "-o", "remount,size=1m", str(workspace / "work")], check=True)
        conduct.requests.clear()
        again = program(workspace, "--listed", "listed.yaml")
        again.communicate()
        assert conduct.requests[0] == ("plain.tgz", f"bytes={had}-")
    assert texts(workspace / "raw") == EXPECTED


def test_a_file_over_the_users_limit_is_one_line_and_what_was_fetched_is_kept(
    workspace: Path, site: str, conduct: Conduct
) -> None:
    write_site(workspace, site)
    project.write_parameters(workspace, download={"source": "wmt14"}, operation={"parallel_files": 1})
    process = program(workspace, "--listed", "listed.yaml", most_bytes=30_000)
    _, errors = process.communicate()
    assert process.returncode == 2
    [kept] = [name for name in left(workspace) if name.startswith("work/download/plain.tgz.")]
    reason = "file too large for the disk or the limit of the shell"
    assert errors == f"{kept}: {reason}; expected to be able to write there and read it\n"
    assert (workspace / kept).stat().st_size == 30_000
    again = program(workspace, "--listed", "listed.yaml")
    again.communicate()
    assert ("plain.tgz", "bytes=30000-") in conduct.requests
    assert texts(workspace / "raw") == EXPECTED


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"source": "multi30k", "target_language": "de"},
            r"download.target_language: found de; expected one of en, fr for multi30k",
        ),
        (
            {"source": "demo", "source_language": "es"},
            r"download.source_language: found es; expected one of en, fr for",
        ),
        ({"target_language": "en"}, r"download.target_language: found en, the source language; expected another"),
    ],
)
def test_what_a_source_does_not_have_is_refused(settings: dict[str, Any], message: str, workspace: Path) -> None:
    with pytest.raises(UserError, match=message):
        run(workspace, **settings)
    assert not (workspace / "raw").exists()


def test_a_source_that_is_not_listed_is_refused(workspace: Path) -> None:
    listed = write_site(workspace, "https://never.invalid")
    with pytest.raises(UserError, match=r"download.source: found multi30k; expected one of demo, files, wmt14"):
        run(workspace, listed, source="multi30k")


def test_the_real_multi30k_comes_from_its_mirror_folder(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not MULTI30K.is_dir():
        pytest.skip(f"no Multi30k at {MULTI30K}: set S2S_MULTI30K to a folder of its six files")
    monkeypatch.setenv("S2S_MIRRORS", str(MULTI30K))
    manifest = run(workspace, source="multi30k")
    assert {split: [corpus.pairs for corpus in corpora] for split, corpora in manifest.splits.items()} == {
        "train": [29_000],
        "dev": [1_014],
        "test": [1_000],
    }
