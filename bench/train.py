"""Measures training speed beside its floor, the matrix products alone, and prints JSON.

    python -m bench.train --layers 4 --hidden 256 --batch-sentences 64 --updates 60

The text is drawn: lengths log-normal around 25 words, words by Zipf's law.
"""

import json
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from s2s.data import Batch, EncodedCorpus, bucket, make_batch, write_split
from s2s.device import prepare
from s2s.model import Architecture, Seq2Seq
from s2s.recipe import Recipe
from s2s.trainer import Trainer
from s2s.vocabulary import EOS, SPECIAL

WORDS, SPREAD, LONGEST = 25, 0.4, 80  # of the drawn sentences: median, sigma of the logarithm, limit
RECIPE = Recipe("adam", 1e-3, 0, "constant", 5.0, 0.5, 1.0, 0, 64, 1_000_000, 5.0, "tokens", 0.0)


def main(
    layers: Annotated[int, typer.Option(help="of encoder and of decoder")] = 4,
    hidden: Annotated[int, typer.Option(help="cells a layer, and word vector size")] = 256,
    batch_sentences: int = 64,
    updates: int = 60,
    pairs: int = 20_000,
    source_vocabulary: int = 16_000,
    target_vocabulary: int = 8_000,
    threads: int = 2,
    device: str = "auto",
) -> None:
    """Trains for some updates and prints words per second, memory, and the share of the floor."""
    place = prepare(device, threads)
    shape = Architecture("lstm", layers, hidden, hidden, 0.0, True, 0.08, source_vocabulary, target_vocabulary)
    with tempfile.TemporaryDirectory() as folder:
        corpus = drawn_corpus(Path(folder), pairs, source_vocabulary, target_vocabulary)
        draw = np.random.default_rng(1)
        chosen = bucket(corpus, batch_sentences, RECIPE.batch_tokens, draw)[: updates + 3]
        batches = [make_batch(corpus, numbers.tolist(), True) for numbers in chosen]
        torch.manual_seed(1)
        trainer = Trainer(Seq2Seq(shape), RECIPE, corpus, corpus, 1, place, lambda status: None)
        train(trainer, batches[:3])  # warm up
        seconds = timed(lambda: train(trainer, batches[3:]), place)
    floor = sum(products_seconds(shape, batch, place) for batch in batches[3:])
    source, target = (sum(getattr(batch, f"{side}_tokens") for batch in batches[3:]) for side in ("source", "target"))
    measured = {
        "updates": len(batches) - 3,
        "target_words_per_second": round(target / seconds),
        "source_and_target_words_per_second": round((source + target) / seconds),
        "floor_share": round(floor / seconds, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    settings = {"layers": layers, "hidden": hidden, "batch_sentences": batch_sentences, "threads": threads}
    versions = {"torch": torch.__version__, "python": platform.python_version(), "device": str(place)}
    print(json.dumps(measured | settings | versions, indent=2))


def train(trainer: Trainer, batches: list[Batch]) -> None:
    """Makes an update of each batch."""
    for batch in batches:
        trainer.update(batch, RECIPE.learning_rate)


def drawn_corpus(folder: Path, pairs: int, source_vocabulary: int, target_vocabulary: int) -> EncodedCorpus:
    """Pairs of sentences of correlated lengths."""
    draw = np.random.default_rng(0)
    lengths = np.clip(draw.lognormal(np.log(WORDS), SPREAD, pairs), 1, LONGEST).astype(int)
    others = np.clip(lengths * draw.normal(1.1, 0.1, pairs), 1, LONGEST).astype(int)
    sides = []
    for size, counts in ((source_vocabulary, lengths), (target_vocabulary, others)):
        ranks = np.arange(1, size - len(SPECIAL) + 1)
        words = draw.choice(ranks + len(SPECIAL) - 1, int(counts.sum()), p=(1 / ranks) / (1 / ranks).sum())
        sides.append([part.tolist() for part in np.split(words, np.cumsum(counts)[:-1])])
    write_split(folder, "train", sides[0], [[*sentence, EOS] for sentence in sides[1]])
    return EncodedCorpus.open(folder, "train")


def timed(work: Callable[[], object], place: torch.device) -> float:
    """Seconds of wall time, the device's work included."""
    start = time.perf_counter()
    work()
    if place.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def products_seconds(shape: Architecture, batch: Batch, place: torch.device) -> float:
    """The time of the matrix products of one update and of nothing else: forward, and twice that backward.

    A layer multiplies its inputs at once and its state step by step, in both directions of time.
    """
    H, V = shape.hidden, shape.target_vocabulary
    total = 0.0
    sentences = batch.targets.shape[1]
    for tokens in (batch.source_tokens, batch.target_tokens):
        steps = max(1, round(tokens / sentences))
        total += 3 * shape.layers * product(tokens, H, 4 * H, place)  # inputs: forward, their and the weights' gradient
        total += 2 * shape.layers * steps * product(sentences, H, 4 * H, place)  # state: forward and its gradient
        total += shape.layers * product(tokens, H, 4 * H, place)  # state: the weights' gradient
    return total + 3 * product(batch.target_tokens, H, V, place)


KNOWN: dict[tuple[int, int, int], float] = {}


def product(rows: int, inner: int, columns: int, place: torch.device) -> float:
    """Seconds of one product [rows, inner] x [inner, columns], measured once a size."""
    rows = 32 * max(1, round(rows / 32))  # sizes that differ by less take about as long
    if (rows, inner, columns) not in KNOWN:
        a, b = torch.randn(rows, inner, device=place), torch.randn(inner, columns, device=place)
        out = a @ b
        count = max(3, int(1e9 / (2 * rows * inner * columns)))
        KNOWN[rows, inner, columns] = timed(lambda: [torch.mm(a, b, out=out) for _ in range(count)], place) / count
    return KNOWN[rows, inner, columns]


if __name__ == "__main__":
    typer.run(main)
