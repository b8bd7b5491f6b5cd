import json
from pathlib import Path

import pytest

from pipeline import encode, schemas
from pipeline.schemas import Encoded, EncodedSplit
from s2s.data import EncodedCorpus
from s2s.errors import UserError
from s2s.vocabulary import EOS, UNK, Vocabulary, WordVocabulary, load, train_sentencepiece
from tests import project

PAIRS = {
    "train": [("the dog sleeps.", "le chien dort."), ("the dog.", "le chien.")],
    "dev": [("the cat.", "le chat.")],
    "test": [("dog", "chien")],
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for split, pairs in PAIRS.items():
        project.write_split(tmp_path / "clean", split, pairs)
    return tmp_path


def run(folder: Path, source: Vocabulary, target: Vocabulary) -> Encoded:
    source.save(folder / "vocab", "source")
    target.save(folder / "vocab", "target")
    encode.main(folder / "clean", folder / "vocab", folder / "encoded")
    return schemas.read(Encoded, folder / "encoded" / "encoded.json")


def words() -> tuple[Vocabulary, Vocabulary]:
    return WordVocabulary(["the", "dog", "."]), WordVocabulary([".", "le", "chien"])


def test_sources_end_as_they_are_and_targets_with_the_end_of_sentence(here: Path) -> None:
    run(here, *words())
    corpus = EncodedCorpus.open(here / "encoded", "train")
    assert [corpus.source[pair].tolist() for pair in range(2)] == [[3, 4, UNK, 5], [3, 4, 5]]
    assert [corpus.target[pair].tolist() for pair in range(2)] == [[4, 5, UNK, 3, EOS], [4, 5, 3, EOS]]
    assert [str(array.dtype) for array in (corpus.source.ids, corpus.source.offsets)] == ["int32", "int64"]


def test_the_description_counts_tokens_and_unknown_ones(here: Path) -> None:
    source, target = words()
    assert run(here, source, target) == Encoded(
        source.sha256,
        target.sha256,
        {
            "train": EncodedSplit(2, 7, 7, 1, 1),
            "dev": EncodedSplit(1, 3, 3, 1, 1),
            "test": EncodedSplit(1, 1, 1, 0, 0),
        },
    )


def test_subwords_read_the_plain_text(here: Path) -> None:
    sides = [train_sentencepiece((pair[side] for pair in PAIRS["train"]), "bpe", 40) for side in (0, 1)]
    run(here, *sides)
    corpus, target = EncodedCorpus.open(here / "encoded", "train"), load(here / "vocab", "target")
    assert target.text(corpus.target[0].tolist()) == "le chien dort."


def test_the_same_text_gives_the_same_bytes(here: Path) -> None:
    found = []
    for _ in range(2):
        run(here, *words())
        found.append({path.name: path.read_bytes() for path in (here / "encoded").iterdir()})
    assert found[0] == found[1]
    assert len(found[0]) == 13
    assert str(here) not in json.dumps(json.loads(found[0]["encoded.json"]))


def test_a_missing_vocabulary_is_refused_and_nothing_is_written(here: Path) -> None:
    with pytest.raises(UserError, match=r"vocab: found 0 source vocabularies; expected one of"):
        encode.main(here / "clean", here / "vocab", here / "encoded")
    assert not (here / "encoded").exists()
