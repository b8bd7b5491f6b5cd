"""Initial weights taken from a trained model and from word vectors."""

import gzip
from pathlib import Path

import pytest
import torch
from torch import nn

from s2s.errors import UserError
from s2s.model.seq2seq import Seq2Seq
from s2s.text.subwords import train_sentencepiece
from s2s.text.vocabulary import Vocabulary, WordVocabulary
from s2s.training.warm_start import Carried, from_model, from_vectors
from tests.support import model_folders, tiny

ENGLISH = WordVocabulary(["the", "cat", "dog", "sees", "a"])
FRENCH = WordVocabulary(["le", "chat", "chien", "voit", "un"])
OTHER_ENGLISH = WordVocabulary(["dog", "hen", "the"])
OTHER_FRENCH = WordVocabulary(["poule", "un", "renard", "voit", "chien", "chat"])
# Row numbers of shared tokens in the new and the old vocabulary, found by hand.
SOURCE_ROWS = {0: 0, 1: 1, 2: 2, 3: 5, 5: 3}
TARGET_ROWS = {0: 0, 1: 1, 2: 2, 4: 7, 6: 6, 7: 5, 8: 4}


def sides(source: Vocabulary, target: Vocabulary) -> dict[str, Vocabulary]:
    return {"source": source, "target": target}


def trained(folder: Path, source: Vocabulary = ENGLISH, target: Vocabulary = FRENCH, **changes: object) -> Seq2Seq:
    """Write a model's folder like the train stage."""
    sizes = {"source_vocabulary": len(source), "target_vocabulary": len(target)}
    network = tiny.network(2, **sizes | changes)
    model_folders.write(folder, network=network, vocabularies=(source, target))
    return network


def test_a_model_of_the_same_tokens_is_taken_up_whole(tmp_path: Path) -> None:
    old, new = trained(tmp_path / "old"), tiny.network(3)
    assert from_model(new, tmp_path / "old", sides(ENGLISH, FRENCH)) == Carried(source=8, target=8)
    assert all(torch.equal(tensor, old.state_dict()[name]) for name, tensor in new.state_dict().items())
    assert all(parameter.requires_grad for parameter in new.parameters())


def test_rows_go_by_token_and_new_tokens_keep_their_fresh_start(tmp_path: Path) -> None:
    old = trained(tmp_path / "old").state_dict()
    new = tiny.network(3, source_vocabulary=6, target_vocabulary=9, dropout=0.3)
    fresh = {name: tensor.clone() for name, tensor in new.state_dict().items()}
    assert from_model(new, tmp_path / "old", sides(OTHER_ENGLISH, OTHER_FRENCH)) == Carried(source=5, target=7)
    for name, tensor in new.state_dict().items():
        if name == "encoder.embedding.weight":
            rows = SOURCE_ROWS
        elif name in {"decoder.embedding.weight", "decoder.output.weight", "decoder.output.bias"}:
            rows = TARGET_ROWS
        else:
            assert torch.equal(tensor, old[name]), name
            continue
        for row in range(len(tensor)):
            expected = old[name][rows[row]] if row in rows else fresh[name][row]
            assert torch.equal(tensor[row], expected), f"{name} row {row}"


def test_subwords_go_by_their_names(tmp_path: Path) -> None:
    first = train_sentencepiece(["the cat sees the dog"] * 9, "bpe", 25)
    second = train_sentencepiece(["a dog sees the hen"] * 9, "bpe", 25)
    old = trained(tmp_path / "old", source=first)
    new = tiny.network(3, source_vocabulary=len(second))
    carried = from_model(new, tmp_path / "old", sides(second, FRENCH))
    shared = set(first.names()) & set(second.names())
    assert carried == Carried(source=len(shared), target=8)
    for name in ("</s>", "▁", "s"):
        rows = [vocabulary.names().index(name) for vocabulary in (first, second)]
        assert torch.equal(old.encoder.embedding.weight[rows[0]], new.encoder.embedding.weight[rows[1]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 1, "hidden": 3}, "has layers 1, hidden 3; expected layers 2, hidden 5, as in model:$"),
        ({"embedding": 6, "reverse_source": False}, "has embedding 6; expected embedding 4, as in model:$"),
    ],
)
def test_a_model_of_another_shape_is_refused(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    trained(tmp_path / "old", ENGLISH, FRENCH, **changes)
    with pytest.raises(UserError, match=f"^train.initial_weights: {tmp_path}/old {message}"):
        from_model(tiny.network(), tmp_path / "old", sides(ENGLISH, FRENCH))


def test_a_model_of_another_kind_of_tokens_is_refused(tmp_path: Path) -> None:
    trained(tmp_path / "old", source=train_sentencepiece(["the cat"] * 9, "bpe", 20))
    message = "train.initial_weights: .*old has tokens as in spm.model; expected words.txt, as in vocab.kind$"
    with pytest.raises(UserError, match=message):
        from_model(tiny.network(), tmp_path / "old", sides(ENGLISH, FRENCH))


def test_a_model_with_a_vocabulary_that_is_not_its_own_is_refused(tmp_path: Path) -> None:
    trained(tmp_path / "old")
    OTHER_FRENCH.save(tmp_path / "old", "target")
    with pytest.raises(UserError, match=r"old: found a target vocabulary of sha256 "):
        from_model(tiny.network(), tmp_path / "old", sides(ENGLISH, FRENCH))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r": found no model.json; expected the folder of a model$"):
        from_model(tiny.network(), tmp_path, sides(ENGLISH, FRENCH))


def embedding(width: int = 2) -> nn.Embedding:
    """Make an embedding with a row of ones for each word of FRENCH."""
    return nn.Embedding(len(FRENCH), width, _weight=torch.ones(len(FRENCH), width))


GLOVE = "chat 0.5 -1\nétoile 7 7\nvoit 1e-2 3\n"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (GLOVE, {4: [0.5, -1.0], 6: [0.01, 3.0]}),
        (f"3 2\n{GLOVE}", {4: [0.5, -1.0], 6: [0.01, 3.0]}),
        ("chat 0.5 -1 \r\n\nvoit\t1e-2\t3", {4: [0.5, -1.0], 6: [0.01, 3.0]}),
        (f"{GLOVE}chat 9 9\nchat 8 8\n", {4: [0.5, -1.0], 6: [0.01, 3.0]}),
        (f"</s> 5 5\n<unk> 5 5\n{GLOVE}", {4: [0.5, -1.0], 6: [0.01, 3.0]}),
        (f". . . 5 5\n{GLOVE}", {4: [0.5, -1.0], 6: [0.01, 3.0]}),
        ("un\u00a0chat 5 5\nun 1 2\n", {7: [1.0, 2.0]}),
    ],
    ids=["glove", "word2vec", "white space", "twice", "special tokens", "a phrase", "no-break space"],
)
@pytest.mark.parametrize("name", ["vectors.txt", "vectors.vec.gz"])
def test_known_words_get_their_vectors(text: str, rows: dict[int, list[float]], name: str, tmp_path: Path) -> None:
    path, table = tmp_path / name, embedding()
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    assert from_vectors(table, FRENCH, path) == len(rows)
    expected = torch.ones(len(FRENCH), 2)
    for row, vector in rows.items():
        expected[row] = torch.tensor(vector)
    assert torch.equal(table.weight, expected)
    assert table.weight.requires_grad


def test_words_are_read_as_utf8_and_those_cut_within_a_character_are_passed_over(tmp_path: Path) -> None:
    words, path = WordVocabulary(["été", "漢字"]), tmp_path / "vectors.txt"
    path.write_bytes(b"\xc3\xa9t\xc3 5 5\n" + "漢字 1 2\nété 3 4\n".encode())
    table = nn.Embedding(5, 2)
    assert from_vectors(table, words, path) == 2
    assert table.weight[3:].tolist() == [[3.0, 4.0], [1.0, 2.0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9 300\nchat 1 2\n", "vectors.txt line 1: found vectors of 300 numbers; expected 2$"),
        ("3 2\nchat 1\n", "vectors.txt line 2: found 1 numbers after a word; expected 2, as model.embedding$"),
        (
            "chat 1 2\nhibou 1 2 3\n",
            "vectors.txt line 2: found 3 numbers after a word; expected 2, as model.embedding$",
        ),
        ("le 1 2\nchat 1 2,5\n", "vectors.txt line 2: found '2,5'; expected a number$"),
        ("le 1 2\nchat nan 2\n", "vectors.txt line 2: found 'nan'; expected a number$"),
        ("le 1 -1e39\n", "vectors.txt line 1: found '-1e39'; expected a number$"),
        ("hibou 1 2\n", "vectors.txt: found none of the 5 words of the vocabulary; expected vectors of some$"),
        ("", "vectors.txt: found none of the 5 words of the vocabulary; expected vectors of some$"),
    ],
)
def test_a_file_that_is_no_word_vectors_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        from_vectors(embedding(), FRENCH, path)


@pytest.mark.parametrize(
    "content", [b"chat 1 2\n", gzip.compress(GLOVE.encode())[:-9]], ids=["not compressed", "cut short"]
)
def test_a_damaged_compressed_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "vectors.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"vectors.gz: cannot be read \(.+\); expected word vectors as text, plain or"):
        from_vectors(embedding(), FRENCH, path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"vectors.txt: found no such file; expected word vectors as text, plain or"):
        from_vectors(embedding(), FRENCH, tmp_path / "vectors.txt")
