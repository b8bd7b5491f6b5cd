"""The catalog of corpora: its own entries, and errors in lists that users write."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.sources import catalog
from pipeline.sources.catalog import Source
from s2s.errors import UserError

SOURCES = catalog.read()


@pytest.mark.parametrize("name", SOURCES)
def test_no_two_files_have_one_name_in_a_mirror(name: str) -> None:
    names = [copy.name for copies in SOURCES[name].files.values() for copy in copies]
    assert len(set(names)) == len(names)


def test_multi30k_is_29000_1014_and_1000_pairs() -> None:
    assert [(corpus.split, corpus.pairs) for corpus in SOURCES["multi30k"].corpora] == [
        ("train", 29_000),
        ("dev", 1_014),
        ("test", 1_000),
    ]


def of_split(source: Source, split: str) -> list[Any]:
    return [corpus for corpus in source.corpora if corpus.split == split]


def test_wmt14_is_as_large_as_its_owners_say() -> None:
    source = SOURCES["wmt14"]
    archives = {corpus.archive for corpus in of_split(source, "train")}
    assert len(archives) == 5
    assert sum(source.files[name][0].bytes or 0 for name in archives) == 6_617_099_128
    assert sum(corpus.pairs for corpus in of_split(source, "train")) == 40_842_333
    assert [corpus.name for corpus in of_split(source, "dev")] == ["newstest2012", "newstest2013"]
    assert [len(source.files[name]) for name in sorted(archives)] == [2] * 5  # each has a mirror


def test_the_papers_selection_comes_tokenized_and_is_scored_on_the_plain_test_set() -> None:
    source = SOURCES["wmt14_selected"]
    assert all(corpus.tokenized for split in ("train", "dev") for corpus in of_split(source, split))
    assert of_split(source, "test") == of_split(SOURCES["wmt14"], "test")
    assert not of_split(source, "test")[0].tokenized


def test_texts_are_named_by_a_pattern_or_one_by_one() -> None:
    corpora = {corpus.name: corpus for corpus in SOURCES["wmt14"].corpora}
    assert corpora["giga-fren"].text("en") == "giga-fren.release2.fixed.en.gz"
    assert corpora["newstest2014"].text("fr") == "test-full/newstest2014-fren-ref.fr.sgm"


def mine() -> dict[str, Any]:
    """Return a source as a user would write it in a catalog."""
    copy = {"address": "https://example.org/a.tgz", "checksum": f"sha256:{'0' * 64}"}
    corpora = [
        {"name": "mine", "split": split, "archive": "a.tgz", "texts": split + ".{language}"}
        for split in ("train", "dev", "test")
    ]
    return {"languages": ["de", "nl"], "files": {"a.tgz": [copy]}, "corpora": corpora}


def read(folder: Path, source: Any) -> dict[str, Source]:
    (folder / "mine.yaml").write_text(yaml.safe_dump({"mine": source}))
    return catalog.read(folder / "mine.yaml")


def test_a_person_can_list_a_source(tmp_path: Path) -> None:
    source = read(tmp_path, mine())["mine"]
    assert source.languages == ("de", "nl")
    assert source.files["a.tgz"][0].bytes is None
    assert source.corpora[2].pairs is None


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["corpora", 0, "pears"], 3, "unknown key mine.corpora.0.pears; the head of sources.yaml says which there are"),
        (["corpora", 0, "name"], None, "missing key mine.corpora.0.name; the head of sources.yaml says what is needed"),
        (["corpora", 0, "name"], "../x", "mine.corpora.0.name: found '../x'; expected to match pattern"),
        (["corpora", 0, "split"], "valid", "mine.corpora.0.split: found 'valid'; expected to be 'train', 'dev' or 'te"),
        (["files", "a.tgz", 0, "bytes"], "1", "mine.files.a.tgz.0.bytes: found '1'; expected to be a valid integer"),
        (["files", "a.tgz", 0, "checksum"], "12", "mine.files.a.tgz.0.checksum: found '12'; expected to match pattern"),
        (["files", "a.tgz", 0, "address"], "ftp://x/a", "mine.files.a.tgz.0.address: found 'ftp://x/a'; expected to"),
        (["files", "b.tgz"], mine()["files"]["a.tgz"], "mine: found no corpus of file 'b.tgz'; expected one, or not t"),
        (["corpora", 0, "archive"], "c.tgz", "mine: found a corpus of 'c.tgz'; expected a name under files"),
        (["corpora", 1, "split"], "train", "mine: found no corpus of split dev; expected train, dev and test"),
        (["corpora", 0, "texts"], "x", "mine: found texts 'x' of 'mine'; expected {language} in them"),
        (
            ["corpora", 0, "texts"],
            "dev.{language}",
            "mine: found text 'dev.de' twice; expected each in one corpus and la",
        ),
        (["corpora", 0, "texts"], {"de": "x"}, "mine: found texts of 'mine' in de; expected all languages"),
        (["corpora"], [*mine()["corpora"], mine()["corpora"][0]], "mine: found corpus 'mine' twice in a split; expect"),
    ],
)
def test_mistakes_are_named_on_one_line(place: list[Any], value: Any, message: str, tmp_path: Path) -> None:
    source = mine()
    inner: Any = source
    for part in place[:-1]:
        inner = inner[part]
    if value is None:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    with pytest.raises(UserError) as caught:
        read(tmp_path, source)
    assert str(caught.value).startswith(f"{tmp_path}/mine.yaml: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", "not YAML: "), ("a: {}\na: {}", "not YAML: .*key 'a' is there twice"), (None, "no such")],
)
def test_a_list_that_cannot_be_read_is_named(text: str | None, message: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match=rf"mine.yaml: {message}"):
        catalog.read(tmp_path / "mine.yaml")
