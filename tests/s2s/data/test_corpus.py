"""Encoded text written in parts equals text that NumPy writes at once."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from s2s.data import corpus
from s2s.data.corpus import GrowingArray, SplitWriter, write_split


def saved(values: NDArray[np.integer]) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


@pytest.mark.parametrize("parts", [[], [[]], [[1, 2], [], [3]], [range(100_000), range(100_000)]], ids=len)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_a_growing_array_is_the_file_that_numpy_saves(
    parts: list[list[int]], dtype: type[np.integer], tmp_path: Path
) -> None:
    array = GrowingArray(tmp_path / "array.npy", dtype)
    for part in parts:
        array.add(part)
    array.close()
    values = np.concatenate([[], *parts]).astype(dtype)
    assert (tmp_path / "array.npy").read_bytes() == saved(values)


def random_sides(pairs: int) -> list[list[list[int]]]:
    draw = np.random.default_rng(0)
    return [[draw.integers(3, 20, size).tolist() for size in draw.integers(0, 9, pairs)] for _ in range(2)]


@pytest.mark.parametrize("block", [1, 7, 50, 10**6])
def test_the_order_is_by_source_then_target_length_then_number(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "BLOCK", block)
    sides = random_sides(200)
    write_split(tmp_path, "train", *sides)
    sources, targets = ([len(sentence) for sentence in sentences] for sentences in sides)
    order = np.load(tmp_path / "train.order.npy")
    assert order.tolist() == sorted(range(200), key=lambda pair: (sources[pair], targets[pair], pair))
    assert order.dtype == np.int32


def test_parts_give_the_same_bytes_as_the_whole(tmp_path: Path) -> None:
    sides = random_sides(50)
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    write_split(tmp_path / "whole", "dev", *sides)
    with SplitWriter(tmp_path / "parts", "dev") as writer:
        for start, end in ((0, 20), (20, 20), (20, 50)):
            source, target = (corpus.in_a_row(side[start:end]) for side in sides)
            writer.add(*source, *target)
    whole, parts = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("whole", "parts")
    )
    assert whole == parts
    assert len(whole) == 6


def test_lengths_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    ids, lengths = corpus.in_a_row([[3, 4], [5]])
    with SplitWriter(tmp_path, "dev") as writer:
        with pytest.raises(AssertionError, match="each source has a target"):
            writer.add(ids, lengths, ids, lengths[:1])
        with pytest.raises(AssertionError, match="lengths add up to the tokens"):
            writer.add(ids[:2], lengths, ids, lengths)
