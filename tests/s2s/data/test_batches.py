"""Encoded text on disk, and the batches made from it."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_sequence, pad_packed_sequence, pad_sequence

from s2s import files
from s2s.data.batches import Batch, make_batch, pack_sources
from s2s.data.buckets import bucket, mixed
from s2s.data.corpus import EncodedCorpus, write_split
from s2s.errors import UserError
from s2s.text.vocabulary import EOS, PAD

SOURCES = [[3, 4, 5], [6], [7, 8], [9, 10, 11]]
TARGETS = [[13, 14, EOS], [15, EOS], [16, 17, 18, 19, EOS], [EOS]]


@pytest.fixture
def corpus(tmp_path: Path) -> EncodedCorpus:
    write_split(tmp_path, "train", SOURCES, TARGETS)
    return EncodedCorpus.open(tmp_path, "train")


def random_corpus(folder: Path, pairs: int, longest: int = 14) -> EncodedCorpus:
    draw = np.random.default_rng(0)
    sides = [[draw.integers(3, 20, size).tolist() for size in draw.integers(1, longest + 1, pairs)] for _ in range(2)]
    write_split(folder, "train", *sides)
    return EncodedCorpus.open(folder, "train")


def test_what_is_written_is_read(corpus: EncodedCorpus) -> None:
    assert len(corpus) == 4
    assert [corpus.source[pair].tolist() for pair in range(4)] == SOURCES
    assert [corpus.target[pair].tolist() for pair in range(4)] == TARGETS
    assert corpus.target.lengths.tolist() == [3, 2, 5, 1]
    assert corpus.target.lengths_of(np.array([2, 0])).tolist() == [5, 3]


def test_opening_reads_no_sentence(corpus: EncodedCorpus) -> None:
    arrays = (corpus.source.ids, corpus.source.offsets, corpus.target.ids, corpus.target.offsets, corpus.order)
    assert all(isinstance(array, np.memmap) for array in arrays)


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


IDS = "train.target_ids.npy"
DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "missing": (IDS, Path.unlink),
    "cut": (IDS, lambda path: os.truncate(path, 40)),
    "zeros": (IDS, lambda path: path.write_bytes(path.read_bytes()[:-8] + bytes(8))),
    "flipped": ("train.order.npy", lambda path: path.write_bytes(path.read_bytes()[:-4] + b"\1\0\0\0")),
    "of another split": (IDS, lambda path: path.with_name("other.target_ids.npy").replace(path)),
    "fifo": (IDS, fifo),
    "no digests": ("train.sha256", Path.unlink),
    "empty digests": ("train.sha256", lambda path: path.write_bytes(b"")),
    "digests of others": ("train.sha256", lambda path: path.with_name("other.sha256").replace(path)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named(tmp_path: Path, corpus: EncodedCorpus, damage: str) -> None:
    write_split(tmp_path, "other", SOURCES[:2], TARGETS[:2])
    name, spoil = DAMAGES[damage]
    spoil(tmp_path / name)
    with pytest.raises(UserError, match=rf"^{tmp_path}/{name}: (found|no such file).*; expected "):
        EncodedCorpus.open(tmp_path, "train")


def test_digests_are_those_that_sha256sum_checks(tmp_path: Path, corpus: EncodedCorpus) -> None:
    lines = [f"{files.sha256(path)}  {path.name}" for path in sorted(tmp_path.glob("train.*.npy"))]
    assert sorted((tmp_path / "train.sha256").read_text().splitlines(), key=lambda line: line[66:]) == lines


@pytest.mark.parametrize(
    ("reverse", "read"),
    [(True, [[5, 4, 3], [6], [EOS]]), (False, [[3, 4, 5], [6], [EOS]])],
    ids=["reversed", "forward"],
)
def test_sources_are_read_in_the_stated_order(reverse: bool, read: list[list[int]]) -> None:
    sentences = [torch.tensor([3, 4, 5]), torch.tensor([6]), torch.tensor([], dtype=torch.int64)]
    padded, lengths = pad_packed_sequence(pack_sources(sentences, reverse), batch_first=True)
    assert [row[:length].tolist() for row, length in zip(padded, lengths, strict=True)] == read


def test_the_decoder_reads_what_it_has_to_say_one_step_later(corpus: EncodedCorpus) -> None:
    batch = make_batch(corpus, [0, 2], reverse_source=True)
    assert batch.target_inputs.T.tolist() == [[EOS, 13, 14, 0, 0], [EOS, 16, 17, 18, 19]]
    assert batch.targets.T.tolist() == [[13, 14, EOS, 0, 0], [16, 17, 18, 19, EOS]]
    assert batch.right_tokens.tolist() == [13, 16, 14, 17, EOS, 18, 19, EOS]
    assert (batch.source_tokens, batch.target_tokens) == (5, 8)


def assert_same_sentences(packed: PackedSequence, expected: PackedSequence) -> None:
    """Check that two packed sequences hold the same sentences.

    They are compared padded, since torch does not define the order of sentences of equal length.
    """
    for part, expected_part in zip(pad_packed_sequence(packed), pad_packed_sequence(expected), strict=True):
        assert torch.equal(part, expected_part)
    assert torch.equal(packed.batch_sizes, expected.batch_sizes)


@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize("shortest", [0, 1, 6], ids=["some empty", "none empty", "one length"])
def test_a_batch_is_what_torch_packs_and_pads_sentence_by_sentence(
    tmp_path: Path, shortest: int, reverse: bool
) -> None:
    draw = np.random.default_rng(shortest)
    sizes = [draw.integers(shortest, 7, 50), draw.integers(0, 9, 50)]
    sources, targets = ([draw.integers(3, 20, size).tolist() for size in side] for side in sizes)
    write_split(tmp_path, "train", sources, [[*target, EOS] for target in targets])
    pairs = draw.permutation(50)[:30]
    batch = make_batch(EncodedCorpus.open(tmp_path, "train"), pairs, reverse)

    read = [torch.tensor(sources[pair][:: -1 if reverse else 1] or [EOS]) for pair in pairs]
    assert_same_sentences(batch.sources, pack_sequence(read, enforce_sorted=False))
    assert torch.equal(batch.targets, pad_sequence([torch.tensor([*targets[pair], EOS]) for pair in pairs]))
    fed = [torch.tensor([EOS, *targets[pair]]) for pair in pairs]
    assert torch.equal(batch.target_inputs, pad_sequence(fed, padding_value=PAD))
    assert torch.equal(batch.right_tokens, batch.targets[batch.is_text])
    assert batch.target_tokens == sum(len(targets[pair]) + 1 for pair in pairs)


def test_text_is_counted_step_by_step(corpus: EncodedCorpus) -> None:
    batch = make_batch(corpus, [0, 2], reverse_source=True)
    assert batch.text.tolist() == [0, 1, 2, 3, 4, 5, 7, 9]  # of 5 steps x 2 sentences; the first has 3 tokens
    assert torch.equal(batch.targets.flatten()[batch.text], batch.right_tokens)
    assert batch.step_starts.tolist() == [0, 2, 4, 6, 7, 8]


def tensors(batch: Batch) -> list[torch.Tensor]:
    """Return all tensors of a batch."""
    return [batch.sources.data, batch.target_inputs, batch.targets, batch.text, batch.right_tokens]


def test_a_batch_moves_as_a_whole(corpus: EncodedCorpus) -> None:
    moved = make_batch(corpus, [0, 2], reverse_source=True).to(torch.device("meta"), non_blocking=True)
    assert {part.device.type for part in tensors(moved)} == {"meta"}
    assert moved.sources.batch_sizes.device.type == "cpu", "an LSTM wants them there"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="only CUDA has pinned memory")
def test_a_pinned_batch_is_the_same(corpus: EncodedCorpus) -> None:
    batch = make_batch(corpus, [0, 2], reverse_source=True)
    pinned = batch.pin()
    assert all(part.is_pinned() for part in tensors(pinned))
    on_device = pinned.to(torch.device("cuda"), non_blocking=True)
    assert all(
        torch.equal(copied.cpu(), original) for copied, original in zip(tensors(on_device), tensors(batch), strict=True)
    )


@pytest.mark.parametrize("shuffled", [False, True])
def test_every_pair_is_in_one_batch_within_both_limits(tmp_path: Path, shuffled: bool) -> None:
    corpus = random_corpus(tmp_path, 500)
    batches = bucket(corpus, 16, 100, np.random.default_rng(1) if shuffled else None)
    assert sorted(np.concatenate(batches).tolist()) == list(range(500))
    assert max(map(len, batches)) <= 16
    lengths = corpus.target.lengths
    assert max(lengths[pairs].max() * len(pairs) for pairs in batches) <= 100


def runs(corpus: EncodedCorpus, batch_sentences: int, batch_tokens: int) -> Iterator[list[int]]:
    """Yield the batches of `bucket`, by a simple search."""
    order, targets = corpus.order.tolist(), corpus.target.lengths
    while order:
        run = order[:batch_sentences]
        while len(run) > 1 and max(targets[run]) * len(run) > batch_tokens:
            run.pop()
        yield run
        order = order[len(run) :]


@pytest.mark.parametrize("longest", [3, 15, 60], ids=["large cells", "small cells", "single pairs"])
@pytest.mark.parametrize(("batch_sentences", "batch_tokens"), [(1, 1000), (16, 1000), (16, 100), (300, 400)])
def test_batches_are_the_longest_runs_within_both_limits(
    tmp_path: Path, longest: int, batch_sentences: int, batch_tokens: int
) -> None:
    corpus = random_corpus(tmp_path, 500, longest)
    batches = [pairs.tolist() for pairs in bucket(corpus, batch_sentences, batch_tokens)]
    assert batches == list(runs(corpus, batch_sentences, batch_tokens))


def test_nothing_makes_no_batch(tmp_path: Path) -> None:
    write_split(tmp_path, "train", [], [])
    for cut in (bucket, mixed):
        assert cut(EncodedCorpus.open(tmp_path, "train"), 16, 100, np.random.default_rng(1)) == []


def test_a_sentence_over_the_limit_makes_a_batch_of_its_own(corpus: EncodedCorpus) -> None:
    for cut in (bucket, mixed):
        batches = cut(corpus, 16, 2, np.random.default_rng(1))
        assert sorted(pairs.tolist() for pairs in batches) == [[0], [1], [2], [3]]


def test_batches_hold_sentences_of_about_equal_length(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path, 500)
    spreads = [np.ptp(corpus.source.lengths[pairs]) for pairs in bucket(corpus, 16, 10_000, np.random.default_rng(1))]
    assert max(spreads) <= 1


def test_without_buckets_each_pair_is_in_one_batch_of_any_lengths_within_both_limits(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path, 500)
    batches = mixed(corpus, 16, 100, np.random.default_rng(1))
    order, lengths = np.concatenate(batches), corpus.target.lengths
    assert sorted(order.tolist()) == list(range(500))
    starts = np.cumsum([0, *map(len, batches[:-1])])
    for start, pairs in zip(starts, batches, strict=True):  # as many pairs as fit, at least one
        fitting = [n for n in range(1, 17) if n == 1 or lengths[order[start : start + n]].max() * n <= 100]
        assert len(pairs) == min(fitting[-1], 500 - start)
    assert np.mean([np.ptp(corpus.source.lengths[pairs]) for pairs in batches]) > 8  # 13 is the largest possible
    assert order.tolist() == np.concatenate(mixed(corpus, 16, 100, np.random.default_rng(1))).tolist()
    assert order.tolist() != np.concatenate(mixed(corpus, 16, 100, np.random.default_rng(2))).tolist()


def test_the_order_is_drawn_from_the_generator_alone(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path, 200)
    orders = [np.concatenate(bucket(corpus, 16, 100, np.random.default_rng(seed))).tolist() for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_pairs_of_equal_lengths_come_in_every_order_equally_often(tmp_path: Path) -> None:
    write_split(tmp_path, "train", [[7], [7, 8], [7], [7], [7]], [[EOS], [EOS], [8, EOS], [EOS], [EOS]])
    corpus, draw = EncodedCorpus.open(tmp_path, "train"), np.random.default_rng(1)
    runs = [sorted(bucket(corpus, 5, 1000, draw), key=len)[-1].tolist() for _ in range(3000)]
    assert all(run[3:] == [2, 1] for run in runs)
    counts = Counter(tuple(run[:3]) for run in runs)
    assert len(counts) == 6
    assert all(400 < count < 600 for count in counts.values())  # 500 expected, standard deviation 20
