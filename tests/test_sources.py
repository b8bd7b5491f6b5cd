import re

import pytest

from pipeline.sources import MULTI30K, SOURCES, WMT14

CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}")


@pytest.mark.parametrize("name", SOURCES)
def test_every_file_can_be_fetched_and_known(name: str) -> None:
    files = SOURCES[name].files
    assert len({file.name for file in files}) == len(files)
    for file in files:
        assert file.address.startswith("https://")
        assert CHECKSUM.fullmatch(file.checksum)
        assert file.size_bytes > 0


@pytest.mark.parametrize("name", SOURCES)
def test_every_text_is_in_a_listed_file_and_every_file_is_of_use(name: str) -> None:
    source = SOURCES[name]
    used = {
        text for corpus in source.corpora for text in ([corpus.archive] if corpus.archive else corpus.texts.values())
    }
    assert used == {file.name for file in source.files}
    assert {corpus.split for corpus in source.corpora} == {"train", "dev", "test"}
    assert all(tuple(corpus.texts) == source.languages for corpus in source.corpora)


def test_multi30k_is_29000_1014_and_1000_pairs() -> None:
    assert [(corpus.split, corpus.pairs) for corpus in MULTI30K.corpora] == [
        ("train", 29_000),
        ("dev", 1_014),
        ("test", 1_000),
    ]


def test_wmt14_is_as_large_as_its_owners_say() -> None:
    archives = {corpus.archive for corpus in WMT14.corpora if corpus.split == "train"}
    assert len(archives) == 5
    assert sum(file.size_bytes for file in WMT14.files if file.name in archives) == 6_617_099_128
    assert sum(corpus.pairs for corpus in WMT14.corpora if corpus.split == "train") == 40_842_333
