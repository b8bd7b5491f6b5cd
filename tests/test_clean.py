import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import clean, schemas, workers
from pipeline.clean import Cleaner
from pipeline.parameters import Clean
from pipeline.schemas import Manifest, RawCorpus
from s2s.errors import UserError
from tests import project

SETTINGS = {
    "normalize_punctuation": True,
    "lowercase": False,
    "max_words": 6,
    "max_length_ratio": 2.0,
    "drop_duplicates": True,
}
GOOD = [("The dog’s  bone.", "L’os du\u00a0chien.")]
TOKENS = ("The dog's bone.", "L'os du chien.", "The dog 's bone .", "L' os du chien .")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(
    folder: Path,
    train: dict[str, list[tuple[str, str]]],
    dev: list[tuple[str, str]] = GOOD,
    test: list[tuple[str, str]] = GOOD,
    **settings: Any,
) -> dict[str, Any]:
    """Runs the stage over corpora given as pairs; returns the report."""
    project.write_parameters(folder, clean=SETTINGS | settings)
    splits: dict[str, list[RawCorpus]] = {}
    for split, corpora in {"train": train, "dev": {"held": dev}, "test": {"held": test}}.items():
        for name, pairs in corpora.items():
            corpus = RawCorpus(name, f"{split}-{name}.en", f"{split}-{name}.fr")
            for number, file in enumerate((corpus.source, corpus.target)):
                (folder / "raw").mkdir(exist_ok=True)
                (folder / "raw" / file).write_bytes("".join(f"{pair[number]}\n" for pair in pairs).encode())
            splits.setdefault(split, []).append(corpus)
    schemas.write(folder / "raw" / schemas.MANIFEST, Manifest("files", "en", "fr", splits))
    clean.main(folder / "raw", folder / "clean", folder / "corpus.json")
    report: dict[str, Any] = json.loads((folder / "corpus.json").read_text())
    return report


def column(folder: Path, split: str, name: str) -> list[str]:
    return schemas.read_column(folder / "clean" / f"{split}.parquet", name)


def test_text_is_normalized_and_tokenized_in_both_languages(here: Path) -> None:
    run(here, {"a": GOOD})
    for split in schemas.SPLITS:
        rows = [
            row
            for rows in schemas.stream_columns(here / "clean" / f"{split}.parquet", schemas.PAIRS.names)
            for row in rows
        ]
        assert rows == [(0, *TOKENS)]


def test_punctuation_is_normalized_and_case_lost_only_on_demand(here: Path) -> None:
    run(here, {"a": GOOD}, normalize_punctuation=False, lowercase=True)
    assert column(here, "train", "source") == ["the dog’s bone."]


@pytest.mark.parametrize(
    ("pair", "rule"),
    [
        (("", "mot"), "empty"),
        (("word", " \u00a0\u200b"), "empty"),
        (("a b c d e f g", "a b c d"), "too_long"),
        (("a b c d e f", "a b c d e f !"), "too_long"),
        (("a b c d e", "a b"), "ratio"),
        (("a", "a b !"), "ratio"),
        (("a b c d", "a b"), "out"),
        (("a b c d e f", "a b c"), "out"),
    ],
)
def test_the_rule_that_a_training_pair_breaks(pair: tuple[str, str], rule: str, here: Path) -> None:
    ledger = run(here, {"a": [*GOOD, pair]})["ledger"]["a"]
    expected = {"in": 2, "out": 1, "empty": 0, "too_long": 0, "ratio": 0, "duplicate": 0}
    assert ledger == expected | {rule: expected[rule] + 1}


def test_the_ledger_accounts_for_every_pair_of_every_corpus(here: Path) -> None:
    first = [*GOOD, ("x", "y"), ("x", "z"), ("x ", "y"), ("", ""), ("a b c d e", "a b")]
    second = [("x", "y"), ("new", "neuf")]
    report = run(here, {"one": first, "two": second})
    assert report["splits"] == {"train": 4, "dev": 1, "test": 1}
    one, two = report["ledger"]["one"], report["ledger"]["two"]
    assert one == {"in": 6, "out": 3, "empty": 1, "too_long": 0, "ratio": 1, "duplicate": 1}
    assert two == {"in": 2, "out": 1, "empty": 0, "too_long": 0, "ratio": 0, "duplicate": 1}
    for ledger in (one, two):
        assert ledger["in"] == sum(count for rule, count in ledger.items() if rule != "in")
    assert column(here, "train", "target") == [TOKENS[1], "y", "z", "neuf"]


def test_the_report_says_how_hard_the_text_is(here: Path) -> None:
    report = run(here, {"a": [*GOOD, ("a b", "c d")]}, dev=GOOD, test=[*GOOD, ("b new word b", "d")])
    assert report["difficulty"]["source"]["types"] == 7
    assert report["difficulty"]["test_share_with_new_4gram"] == 0.5


def test_duplicates_are_kept_on_demand(here: Path) -> None:
    assert run(here, {"a": GOOD * 3}, drop_duplicates=False)["splits"]["train"] == 3


def test_no_pair_that_is_scored_is_dropped(here: Path) -> None:
    dev = [("a " * 20, "b"), ("a", "b"), ("a", "b")]
    assert run(here, {"a": GOOD}, dev=dev)["splits"]["dev"] == 3


def test_a_scored_line_that_normalizing_empties_is_refused(here: Path) -> None:
    with pytest.raises(
        UserError, match=r"test-held.en or test-held.fr line 2: found no text; expected some on every line"
    ):
        run(here, {"a": GOOD}, test=[*GOOD, ("word", "\u200b")])
    assert not (here / "clean").exists()
    assert not (here / "corpus.json").exists()


def test_a_corpus_of_which_nothing_is_left_is_refused(here: Path) -> None:
    with pytest.raises(
        UserError, match=r"raw: found no training pair that the rules of clean keep; expected some \(.*'e"
    ):
        run(here, {"a": [("", "")]})
    assert not (here / "clean").exists()


def test_raw_text_that_has_lost_lines_is_refused(here: Path) -> None:
    run(here, {"a": GOOD})
    (here / "raw" / "train-a.fr").write_text("un\ndeux\n")
    with pytest.raises(UserError, match=r"train-a.en has 1 lines and .*train-a.fr has 2; expected as many of each"):
        clean.main(here / "raw", here / "clean", here / "corpus.json")


def test_the_bytes_are_the_same_whatever_the_number_of_processes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean, "CHUNK_PAIRS", 3)
    monkeypatch.setattr(schemas, "ROW_GROUP", 4)
    pairs = [(f"a {number % 17}", f"b {number % 13}") for number in range(40)]
    found = []
    for cores in (1, 3):
        monkeypatch.setattr(workers, "cores", lambda cores=cores: cores)
        run(here, {"a": pairs}, drop_duplicates=False)
        found.append([(here / "clean" / f"{split}.parquet").read_bytes() for split in schemas.SPLITS])
    assert found[0] == found[1]
    assert column(here, "train", "source") == [source for source, _ in pairs]


def test_gzip_is_read(here: Path) -> None:
    run(here, {"a": GOOD})
    path = here / "raw" / "train-a.en"
    path.write_bytes(gzip.compress(path.read_bytes()))
    clean.main(here / "raw", here / "clean", here / "corpus.json")
    assert column(here, "train", "source") == [TOKENS[0]]


def test_words_are_counted_in_tokens() -> None:
    cleaner = Cleaner(Clean(**SETTINGS), ("en", "fr"), drops=True)  # type: ignore[arg-type]
    assert cleaner.clean("a, b, c, d", "a b c d") == (None, "too_long")
