"""The benchmark of data: archives generated from catalog, seed and stated counts, and measured costs."""

import gzip
import io
import json
import re
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from bench import defects, footprint, registry, wmt
from bench.sentences import draw_block
from bench.serve import serving
from bench.words import REAL_WORDS, draw_ranks
from pipeline.sources import catalog
from pipeline.workers import cores

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]

PAIRS = 2_000
LINE_BREAKS = {kind: sign.encode() for kind, sign in defects.BREAKS.items()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wmt.generate(tmp_path_factory.mktemp("made"), PAIRS, seed=1, workers=1)


@pytest.fixture(scope="module")
def expected(made: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((made / wmt.EXPECTED).read_text(encoding="utf-8"))
    return content


def member(made: Path, corpus: catalog.Corpus, language: str) -> bytes:
    """Return an uncompressed text from its archive."""
    with tarfile.open(made / str(corpus.archive)) as archive:
        file = archive.extractfile(corpus.text(language))
        assert file is not None
        content = file.read()
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def lines(made: Path, corpus: catalog.Corpus, language: str) -> list[bytes]:
    """Return the sentences of a text."""
    content = member(made, corpus, language)
    return re.findall(rb'<seg id="\d+">(.*)</seg>', content) if corpus.format == "sgm" else content.split(b"\n")[:-1]


def test_archives_have_the_names_the_nesting_and_the_neighbours_of_the_real_ones(made: Path) -> None:
    assert {path.name for path in made.iterdir()} == {*registry.wmt14().files, wmt.EXPECTED}
    giga = (made / "training-giga-fren.tar").read_bytes()
    assert giga[257:262] == b"ustar"
    with tarfile.open(fileobj=io.BytesIO(giga)) as archive:
        assert [entry.name for entry in archive] == [f"giga-fren.release2.fixed.{side}.gz" for side in ("en", "fr")]
    with tarfile.open(made / "training-parallel-nc-v9.tgz", "r:gz") as archive:
        beside = {entry.name for entry in archive if entry.isfile() and ".de-en." in entry.name}
    assert beside == {"training/news-commentary-v9.de-en.de"}
    assert (made / "training-parallel-nc-v9.tgz").read_bytes()[:2] == b"\x1f\x8b"


def test_corpora_share_the_pairs_as_the_real_ones_do(made: Path, expected: dict[str, Any]) -> None:
    for corpus in registry.corpora():
        counts = {len(lines(made, corpus, language)) for language in registry.LANGUAGES}
        assert counts == {expected["corpora"][corpus.name]["pairs"]}, corpus.name
    sizes = wmt.sizes_of(1_000_000)
    train = [size for size, corpus in zip(sizes, registry.corpora(), strict=True) if corpus.split == "train"]
    assert sum(train) == 1_000_000
    assert train == pytest.approx([49_158, 79_431, 315_526, 4_487, 551_398], abs=1)  # shares of the catalog's pairs
    assert [size for size, corpus in zip(sizes, registry.corpora(), strict=True) if corpus.split != "train"] == [
        3003,
        3000,
        3003,
    ]


def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_workers(
    made: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    again = wmt.generate(tmp_path, PAIRS, seed=1, workers=2)
    assert json.loads((again / wmt.EXPECTED).read_text(encoding="utf-8")) == expected
    different = wmt.generate(tmp_path, PAIRS, seed=2, workers=1)
    assert json.loads((different / wmt.EXPECTED).read_text(encoding="utf-8"))["files"] != expected["files"]


def test_every_defect_is_there_and_counted(made: Path, expected: dict[str, Any]) -> None:
    for corpus in registry.corpora():
        if corpus.split == "train":
            stated = expected["corpora"][corpus.name]["defects"]
            assert stated.keys() == defects.rates(corpus.name).keys(), corpus.name
            assert min(stated.values()) >= 1, corpus.name
            counts = observed(made, corpus)
            assert counts == {kind: stated[kind] for kind in counts}, corpus.name


def observed(made: Path, corpus: catalog.Corpus) -> dict[str, int]:
    """Count the pairs with each defect that is visible in the text."""
    counts = Counter[str]()
    held_out = {pair for entry in registry.corpora() if entry.split != "train" for pair in pairs(made, entry)}
    for source, target in pairs(made, corpus):
        both = source + b"\n" + target
        counts["copy"] += source == target
        counts["held_out"] += (source, target) in held_out
        counts["empty"] += not all(side.decode("utf-8", "replace").strip() for side in (source, target))
        counts["not_utf8"] += "\ufffd" in both.decode("utf-8", "replace")
        counts["soft_hyphen"] += "\u00ad".encode() in both
        counts["not_nfc"] += "e\u0301".encode() in both
        counts["thousands_of_words"] += both.count(b" ") > 2_000
        counts["long_word"] += max(map(len, both.decode("utf-8", "replace").split()), default=0) >= 200
        counts.update(kind for kind, sign in LINE_BREAKS.items() if sign in both)
    return dict(counts)


def pairs(made: Path, corpus: catalog.Corpus) -> list[tuple[bytes, bytes]]:
    """Return the pairs of a corpus."""
    source, target = (lines(made, corpus, language) for language in registry.LANGUAGES)
    return list(zip(source, target, strict=True))


def test_pairs_that_come_again_are_those_that_it_counts(made: Path, expected: dict[str, Any]) -> None:
    for corpus in registry.corpora():
        if corpus.split == "train":
            stated = expected["corpora"][corpus.name]
            texts = pairs(made, corpus)
            leaked = stated["dropped"]["held_out"]
            assert (
                stated["dropped"]["duplicate"]
                <= len(texts) - len(set(texts))
                <= stated["dropped"]["duplicate"] + leaked
            )


def test_other_languages_are_written_in_their_own_words(made: Path, expected: dict[str, Any]) -> None:
    foreign = set(REAL_WORDS["de"] + REAL_WORDS["es"])
    for corpus in registry.corpora():
        if corpus.split == "train":
            texts = [line.decode("utf-8", "replace") for pair in pairs(made, corpus) for line in pair]
            foreign_lines = sum(
                len(set(line.lower().rstrip(".").split()) - foreign) < 5 and line.count(" ") > 8 for line in texts
            )
            assert foreign_lines >= expected["corpora"][corpus.name]["defects"].get("other_language", 0)


def test_lengths_and_words_are_those_of_real_text() -> None:
    block = draw_block(np.random.default_rng(5), 5_000)
    assert block.source_words.mean() == pytest.approx(27, abs=0.7)
    assert block.target_words.mean() / block.source_words.mean() == pytest.approx(1.11, abs=0.02)
    assert [line.count("\n") for line in block.sources] == [0] * 5_000
    assert sum(line[-1] == "." for line in block.sources) / 5_000 == pytest.approx(0.86, abs=0.03)
    assert sum("é" in line for line in block.targets) > 4_000
    assert not any("é" in line for line in block.sources)


def test_types_grow_with_the_text_and_do_not_end() -> None:
    ranks = draw_ranks(np.random.default_rng(6), 2_000_000)
    small, large = (len(np.unique(ranks[:count])) for count in (200_000, 2_000_000))
    assert 2.5 < large / small < 5
    assert large > 90_000


def test_a_list_of_sources_leads_to_the_archives(made: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    sizes = {name: corpus["pairs"] for name, corpus in expected["corpora"].items()}
    registry.write_sources(path, "http://127.0.0.1:1", expected["files"], sizes)
    source = catalog.read(path)["wmt14"]
    assert source.files["dev.tgz"][0].address == "http://127.0.0.1:1/dev.tgz"
    assert source.files["dev.tgz"][0].bytes == (made / "dev.tgz").stat().st_size
    assert {corpus.name: corpus.pairs for corpus in source.corpora} == sizes


def test_the_server_sends_the_rest_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    with serving(tmp_path) as url:
        rest = httpx.get(f"{url}/file", headers={"Range": "bytes=4-"})
        assert (rest.status_code, rest.content, rest.headers["Content-Range"]) == (206, b"456789", "bytes 4-9/10")
        assert httpx.get(f"{url}/file").content == b"0123456789"
        assert httpx.get(f"{url}/file", headers={"Range": "bytes=10-"}).status_code == 416
        assert httpx.get(f"{url}/other").status_code == 404


FORKING = """
import os, time
held = os.urandom(100_000_000)  # shared with the child
if not os.fork():
    own = os.urandom(50_000_000)
    time.sleep(1)
    os._exit(0)
os.wait()
"""


def test_memory_that_processes_share_counts_once(tmp_path: Path) -> None:
    cost = footprint.run([sys.executable, "-c", FORKING], tmp_path, {})
    assert 150 < cost.peak_memory_mb < 190
    assert cost.processes == 2
    assert cost.seconds > 1


def test_a_program_that_fails_ends_the_measurement(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="exit code 3"):
        footprint.run([sys.executable, "-c", "raise SystemExit(3)"], tmp_path, {})


def bench_data(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run `python -m bench.data` and return its JSON."""
    command = [sys.executable, "-m", "bench.data", "--folder", str(folder), *arguments]
    figures: dict[str, Any] = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    return figures


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the real stages on generated archives."""
    return bench_data(tmp_path_factory.mktemp("bench"), "--pairs", "100000", "--no-customary")


def test_the_measurement_says_what_the_stages_took(measured: dict[str, Any]) -> None:
    assert list(measured)[:3] == ["benchmark", "command", "machine"]
    assert measured["command"].startswith("python -m bench.data --folder ")
    assert measured["seconds"].keys() == {"download", "clean", "vocab", "encode"}
    timed = sum(measured["seconds"][stage] for stage in ("clean", "vocab", "encode"))
    assert measured["pairs_per_second_per_core"] == pytest.approx(100_000 / timed / min(2, cores()), rel=0.01)
    assert 50 < measured["peak_memory_mb"] < 3_000
    assert measured["disk_mb"].keys() == {"archives", "raw", "clean", "vocab", "encoded"}
    assert 30 < measured["tokens_a_pair"][0] < measured["tokens_a_pair"][1] < 40


def test_the_ledger_accounts_for_every_pair(measured: dict[str, Any]) -> None:
    for corpus, ledger in measured["ledger"].items():
        dropped = sum(count for rule, count in ledger.items() if rule not in ("in", "out"))
        assert ledger["in"] == measured["planted"][corpus]["pairs"] == ledger["out"] + dropped, corpus


def test_every_defect_that_was_planted_is_in_the_ledger(measured: dict[str, Any]) -> None:
    vague = {"too_long", "other_language", "duplicate"}
    for corpus, planted in measured["planted"].items():
        ledger = measured["ledger"][corpus]
        exact = {rule: count for rule, count in planted["dropped"].items() if rule not in vague}
        assert {rule: ledger[rule] for rule in exact} == exact, corpus
        # Some pairs are too long by chance, and the language check also drops some good pairs and their copies.
        assert 0 <= ledger["too_long"] - planted["dropped"]["too_long"] <= 0.05 * ledger["in"], corpus
        foreign = planted["dropped"].get("other_language", 0)
        tolerance = max(1, 0.1 * foreign + 0.002 * ledger["in"])  # sentences
        assert abs(ledger["other_language"] - foreign) <= tolerance, corpus
        assert 0 <= planted["dropped"]["duplicate"] - ledger["duplicate"] <= ledger["other_language"], corpus
        assert {kind: measured["repairs"][corpus].get(kind, 0) for kind in planted["repaired"]} == planted["repaired"]
