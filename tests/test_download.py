import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import download, schemas, sources
from pipeline.lines import pairs
from pipeline.schemas import Manifest, RawCorpus
from pipeline.sources import Corpus, File, Source
from s2s.errors import UserError
from tests import project, servers

SMALL = {"seed": 1, "train_pairs": 100, "dev_pairs": 10, "test_pairs": 10, "max_words": 20}
MULTI30K = Path(os.environ.get("S2S_MULTI30K", project.ROOT.parent / "shared" / "data" / "multi30k"))
GOOD = {"train": ("a\nb\n", "c\nd\n"), "dev": ("e\n", "f\n"), "test": ("g\n", "h\n")}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(folder: Path, **settings: object) -> Manifest:
    project.write_parameters(folder, download=settings)
    download.main(folder / "raw")
    return schemas.read(Manifest, folder / "raw" / "manifest.json")


def write_files(folder: Path, changes: dict[str, bytes] | None = None) -> dict[str, str]:
    """Writes a person's six files and returns download.files."""
    (folder / "my").mkdir()
    named = {}
    for split, texts in GOOD.items():
        for side, text in zip(schemas.SIDES, texts, strict=True):
            path = folder / "my" / f"{split}.{side}"
            path.write_bytes((changes or {}).get(path.name, text.encode()))
            named[f"{split}_{side}"] = str(path)
    return named


def test_the_demo_is_generated_the_same_each_time(here: Path) -> None:
    manifest = run(here, source="demo", demo=SMALL)
    assert manifest == Manifest(
        "demo",
        "en",
        "fr",
        {split: [RawCorpus("demo", f"{split}.en", f"{split}.fr")] for split in ("train", "dev", "test")},
    )
    assert len(list(pairs(here / "raw" / "train.en", here / "raw" / "train.fr"))) == 100
    before = {path.name: path.read_bytes() for path in (here / "raw").iterdir()}
    assert len(before) == 7
    run(here, source="demo", demo=SMALL)
    assert before == {path.name: path.read_bytes() for path in (here / "raw").iterdir()}


def test_the_demo_can_be_learned_in_the_other_direction(here: Path) -> None:
    manifest = run(here, source="demo", demo=SMALL, source_language="fr", target_language="en")
    assert manifest.splits["train"] == [RawCorpus("demo", "train.fr", "train.en")]
    assert "le " in (here / "raw" / "train.fr").read_text()


def test_own_files_are_copied_as_they_are_gzip_by_their_bytes(here: Path) -> None:
    packed = gzip.compress(b"c\nd\n", mtime=0)
    manifest = run(
        here,
        source="files",
        source_language="de",
        target_language="nl",
        files=write_files(here, {"train.target": packed}),
    )
    assert manifest.splits["train"] == [RawCorpus("files", "train.de", "train.nl.gz")]
    assert manifest.splits["test"] == [RawCorpus("files", "test.de", "test.nl")]
    assert (here / "raw" / "train.nl.gz").read_bytes() == packed
    assert (here / "raw" / "dev.de").read_bytes() == b"e\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.source", b"a\n", r"train.source has 1 lines and .*train.target has 2; expected as many of each"),
        ("dev.target", b"", r"dev.target: found no line; expected text, one sentence a line"),
        ("train.target", b"c\n\xff\n", r"train.target line 2: found byte 0xff; expected UTF-8 text"),
        ("dev.source", b" \n", r"dev.source line 1: found an empty line; expected text on every line to be scored"),
        ("test.target", b"\n", r"test.target line 1: found an empty line; expected text on every line"),
        (
            "test.source",
            gzip.compress(b"g\n", mtime=0)[:-3],
            r"test.source: damaged gzip after line 1 \(.*\); expected",
        ),
    ],
)
def test_bad_files_are_refused_and_nothing_is_written(name: str, content: bytes, message: str, here: Path) -> None:
    with pytest.raises(UserError, match=message):
        run(here, source="files", files=write_files(here, {name: content}))
    assert sorted(path.name for path in here.iterdir()) == ["my", "params.yaml"]


def test_empty_lines_of_training_are_left_to_the_clean_stage(here: Path) -> None:
    run(here, source="files", files=write_files(here, {"train.source": b"a\n\n"}))


def program(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.download", "--out", "raw"]
    environment = os.environ | {"PYTHONPATH": str(project.ROOT), "LANG": "C"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def test_a_mistake_is_one_line_and_exit_code_2(here: Path) -> None:
    project.write_parameters(here, download={"source": "files", "files": write_files(here, {"dev.source": b"e\nx\n"})})
    done = program(here)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{here}/my/dev.source has 2 lines and {here}/my/dev.target has 1; expected as many of each\n"
    assert not (here / "raw").exists()


def test_an_address_that_does_not_answer_is_one_line_and_exit_code_2(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S2S_MIRRORS", servers.dead())
    for name in ("http_proxy", "https_proxy", "all_proxy"):  # the public address is not to be called by a test
        monkeypatch.setenv(name, servers.dead())
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    project.write_parameters(here, download={"source": "multi30k"})
    done = program(here)
    assert done.returncode == 2
    assert done.stderr.startswith("train.en.gz: found at no place: http://127.0.0.1:")
    assert "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/train.en.gz (" in done.stderr
    assert done.stderr.endswith("; expected one that has it, see S2S_MIRRORS\n")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in here.iterdir()] == ["params.yaml"]


def test_a_listed_source_is_taken_from_a_mirror_and_verified(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "mirror").mkdir()
    listed = []
    for name, text in {"t.xx.gz": b"a\n", "t.yy.gz": b"b\n"}.items():
        content = gzip.compress(text, mtime=0)
        (here / "mirror" / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        listed.append(File(f"{servers.dead()}/{name}", len(content), f"sha256:{digest}"))
    texts = {"xx": "t.xx.gz", "yy": "t.yy.gz"}
    source = Source(tuple(listed), tuple(Corpus("mine", split, texts, 1) for split in schemas.SPLITS))
    monkeypatch.setitem(sources.SOURCES, "multi30k", source)
    settings = {"source": "multi30k", "mirrors": ["mirror"], "source_language": "yy", "target_language": "xx"}
    manifest = run(here, **settings)
    assert manifest.splits["dev"] == [RawCorpus("mine", "t.yy.gz", "t.xx.gz")]
    (here / "mirror" / "t.xx.gz").write_bytes(b"other")
    before = json.loads((here / "raw" / "manifest.json").read_text())
    with pytest.raises(
        UserError, match=r"t.xx.gz: found at no place: mirror/t.xx.gz \(found sha256 .* of 5 bytes; expe"
    ):
        run(here, **settings)
    assert json.loads((here / "raw" / "manifest.json").read_text()) == before  # what was whole stays whole


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"source": "wmt14"},
            r"download.source: found wmt14, whose archives this version lists and does not unpack yet",
        ),
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
def test_what_a_source_does_not_have_is_refused(settings: dict[str, str], message: str, here: Path) -> None:
    with pytest.raises(UserError, match=message):
        run(here, **settings)
    assert not (here / "raw").exists()


def test_the_real_multi30k_comes_from_its_mirror_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not MULTI30K.is_dir():
        pytest.skip(f"no Multi30k at {MULTI30K}: set S2S_MULTI30K to a folder of its six files")
    monkeypatch.setenv("S2S_MIRRORS", str(MULTI30K))
    manifest = run(here, source="multi30k")
    for split, expected in {"train": 29_000, "dev": 1_014, "test": 1_000}.items():
        [corpus] = manifest.splits[split]
        assert len(list(pairs(here / "raw" / corpus.source, here / "raw" / corpus.target))) == expected
