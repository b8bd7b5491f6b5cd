"""Measures training speed beside its reference, operations over the rate of torch.mm, and prints JSON.

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

from s2s.corpus_writer import write_split
from s2s.data import Batch, EncodedCorpus, bucket, make_batch
from s2s.device import prepare
from s2s.model import Architecture, Seq2Seq
from s2s.recipe import Recipe
from s2s.trainer import Trainer
from s2s.vocabulary import EOS, SPECIAL

WORDS, SPREAD, LONGEST = 25, 0.4, 80  # of the drawn sentences: median, sigma of the logarithm, limit
RECIPE = Recipe(
    "adam", 1e-3, 0.0, 0, "constant", 5.0, 0.5, 1.0, 0, 1, 0, 64, 1_000_000, 5.0, "tokens", 0.0, 0, False, 0.0, 1
)


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
    """Trains for some updates and prints words per second, memory, and the share of the reference reached."""
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
    peak = peak_rate(place)
    reference = sum(operations(shape, batch) for batch in batches[3:]) / peak
    source, target = (sum(getattr(batch, f"{side}_tokens") for batch in batches[3:]) for side in ("source", "target"))
    measured = {
        "updates": len(batches) - 3,
        "target_words_per_second": round(target / seconds),
        "source_and_target_words_per_second": round((source + target) / seconds),
        "reference_share": round(reference / seconds, 3),
        "product_gflops": round(peak / 1e9),
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


def operations(shape: Architecture, batch: Batch) -> int:
    """The floating-point operations of the matrix products of one update: forward, and twice that backward."""
    layer = 2 * 4 * shape.hidden * (shape.hidden + shape.hidden)  # a token: four gates of inputs and state
    tokens = batch.source_tokens + batch.target_tokens
    softmax = 2 * shape.hidden * shape.target_vocabulary * batch.target_tokens
    return 3 * (shape.layers * layer * tokens + softmax)


def peak_rate(place: torch.device, sizes: tuple[int, ...] = (512, 1024, 2048, 4096), count: int = 8) -> float:
    """Float32 operations a second of square matrix products, the best of several sizes: what this machine can do."""
    rates = []
    for size in sizes:
        a, b = torch.randn(size, size, device=place), torch.randn(size, size, device=place)
        out = a @ b
        rates.append(2 * size**3 / min(timed(lambda: torch.mm(a, b, out=out), place) for _ in range(count)))  # noqa: B023
    return max(rates)


if __name__ == "__main__":
    typer.run(main)
