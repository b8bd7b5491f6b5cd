"""Measure the speed of training against the matrix products of the same batches, and print JSON.

    python -m bench.train --layers 4 --hidden 256 --batch-sentences 64 --updates 60
    python -m bench.train --source FILE --target FILE
    python -m bench.train --layers 1 --hidden 8 --pairs 200 --source-vocabulary 50 --target-vocabulary 40 --updates 3

Updates and products alternate in one process with the same threads, so that other load on the machine slows both.
A word is a token: of a source without </s>, of a target with it.
"""

import resource
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench import plain, report
from bench.floor import Floor, gpu_name, multiply, products, timed
from pipeline.running import program
from s2s.data.corpus import EncodedCorpus
from s2s.data.prefetch import prefetched
from s2s.device import prepare
from s2s.model.interface import Architecture
from s2s.model.seq2seq import Seq2Seq
from s2s.training.recipe import Recipe
from s2s.training.trainer import Trainer

RECIPE = Recipe(
    optimizer="adam",
    learning_rate=0.001,
    adam_beta2=0.999,
    weight_decay=0.0,
    warmup_updates=0,
    decay="constant",
    halve_after_epochs=5.0,
    halve_every_epochs=0.5,
    epochs=1000.0,
    patience_epochs=0,
    evaluations_per_epoch=1,
    average_updates=0,
    batch_sentences=64,
    batch_tokens=10_000_000,
    bucketing=True,
    clip_norm=5.0,
    normalize_loss="tokens",
    label_smoothing=0.0,
    bptt_tokens=0,
    mixed_precision=False,
    memory_gb=0.0,
)
WARM_UP = 5  # updates before the clock starts
BLOCK = 10  # updates before each turn of the products

Batch = NDArray[np.int32]  # row numbers of its pairs


def main(
    source: Path | None = None,
    target: Path | None = None,
    layers: int = 4,
    hidden: int = 256,
    batch_sentences: int = 64,
    updates: int = 60,
    source_vocabulary: int = 16_000,
    target_vocabulary: int = 8_000,
    pairs: int = 20_000,
    threads: int = 2,
    device: str = "auto",
    floor: bool = True,
    text: Path | None = None,
) -> None:
    """Measure words per second in training, memory, and the share of the speed of the matrix products alone.

    Args:
        source: tokenized text, one sentence a line; by default random text, log-normal lengths and Zipf's words.
        target: its translation, with as many lines.
        layers: layers of the encoder, and of the decoder.
        hidden: units of a layer, and size of word vectors.
        batch_sentences: sentence pairs of an update.
        updates: timed updates.
        source_vocabulary: most entries of the source vocabulary, <pad>, <unk> and </s> included.
        target_vocabulary: most entries of the target vocabulary.
        pairs: sentence pairs of the random text.
        threads: CPU threads.
        device: auto, cpu or cuda.
        floor: time the matrix products too; without them, memory is that of training alone.
        text: folder for source.txt and target.txt, so that another toolkit can read the same text.
    """
    place, vocabularies = prepare(device, threads), (source_vocabulary, target_vocabulary)
    chosen = plain.read_or_draw(source, target, pairs, vocabularies)
    if text is not None:
        chosen.write(text / "source.txt", text / "target.txt")
    with tempfile.TemporaryDirectory() as folder:
        prepared = plain.prepare(chosen, vocabularies, Path(folder))
        del chosen
        entries = (len(prepared.source), len(prepared.target))
        shape = Architecture("lstm", layers, hidden, hidden, 0.0, True, 0.08, *entries)
        recipe = replace(RECIPE, batch_sentences=batch_sentences)
        figures = measured(shape, recipe, prepared.corpus, updates, place, floor)
    report.show("speed of training", figures | settings(shape, recipe, threads, place), gpu_name(place))


def settings(shape: Architecture, recipe: Recipe, threads: int, place: torch.device) -> dict[str, object]:
    """Return the settings that decide speed, by name."""
    return {
        "layers": shape.layers,
        "hidden": shape.hidden,
        "batch_sentences": recipe.batch_sentences,
        "source_vocabulary": shape.source_vocabulary,
        "target_vocabulary": shape.target_vocabulary,
        "optimizer": recipe.optimizer,
        "threads": threads,
        "device": str(place),
    }


def measured(
    shape: Architecture, recipe: Recipe, corpus: EncodedCorpus, updates: int, place: torch.device, floor: bool
) -> dict[str, Any]:
    """Train on a corpus, alternating with the products of the same batches, and return the figures."""
    trainer, reference = start(shape, recipe, corpus, place), Floor(place)
    batches = take(trainer, WARM_UP + updates)
    make_updates(trainer, batches[:WARM_UP])
    seconds, floor_seconds = [], []
    for first in range(WARM_UP, len(batches), BLOCK):
        block = batches[first : first + BLOCK]
        seconds.append(timed(lambda: make_updates(trainer, block), place))  # noqa: B023
        if floor:
            plans = [reference.plan(products(shape, *lengths(corpus, batch))) for batch in block]
            floor_seconds.append(timed(lambda: [multiply(plan) for plan in plans], place))  # noqa: B023
    timed_batches = batches[WARM_UP:]
    source, target = (sum(int(part.sum()) for part in side) for side in sides(corpus, timed_batches))
    return {
        "updates": updates,
        "sentences_an_update": round(sum(map(len, timed_batches)) / updates, 1),
        "target_words_per_second": round(target / sum(seconds)),
        "source_and_target_words_per_second": round((source + target) / sum(seconds)),
        **(compared(seconds, floor_seconds, target, operations(shape, corpus, timed_batches)) if floor else {}),
        "peak_memory_mb": round(peak_memory_mb(place)),
        "floor_memory_mb": round(reference.memory_mb),
    }


def compared(
    seconds: Sequence[float], floor_seconds: Sequence[float], target_words: int, operations: int
) -> dict[str, Any]:
    """Return the products' share of the time of training, in all and by block.

    Blocks differ by the machine's noise.
    """
    shares = [floor / training for floor, training in zip(floor_seconds, seconds, strict=True)]
    return {
        "floor_share": round(sum(floor_seconds) / sum(seconds), 3),
        "floor_shares": [round(share, 3) for share in shares],
        "floor_target_words_per_second": round(target_words / sum(floor_seconds)),
        "floor_gflops": round(operations / sum(floor_seconds) / 1e9),
    }


def start(shape: Architecture, recipe: Recipe, corpus: EncodedCorpus, place: torch.device, seed: int = 1) -> Trainer:
    """Return a trainer that has tried its largest batch and is ready to train."""
    torch.manual_seed(seed)
    trainer = Trainer(Seq2Seq(shape), recipe, corpus, corpus, seed, place)
    trainer.model.train()
    trainer.updater.plan()
    return trainer


def take(trainer: Trainer, count: int) -> list[Batch]:
    """Return the first batches of training, from as many epochs as necessary."""
    batches: list[Batch] = []
    while len(batches) < count:
        batches += trainer.epoch_batches()
        trainer.position.epoch += 1
    return batches[:count]


def make_updates(trainer: Trainer, batches: Iterable[Batch]) -> None:
    """Make an update from each batch, like the trainer's own loop."""
    with closing(prefetched(trainer.updater.share, batches)) as shares:
        for share in shares:
            trainer.update(share, trainer.recipe.learning_rate)
            trainer.position.update += 1


def lengths(corpus: EncodedCorpus, batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of tokens of all sources, and of all targets, of a batch."""
    return corpus.source.lengths_of(batch), corpus.target.lengths_of(batch)


def sides(corpus: EncodedCorpus, batches: Iterable[Batch]) -> Iterable[tuple[NDArray[np.int64], ...]]:
    """Return the lengths of all sources by batch, then those of all targets."""
    return zip(*(lengths(corpus, batch) for batch in batches), strict=True)


def operations(shape: Architecture, corpus: EncodedCorpus, batches: Iterable[Batch]) -> int:
    """Return the floating-point operations of the matrix products of some updates."""
    return sum(product.operations for batch in batches for product in products(shape, *lengths(corpus, batch)))


def peak_memory_mb(place: torch.device) -> float:
    """Return the peak memory in MB: the GPU's, or the resident memory of this process."""
    if place.type == "cuda":
        return torch.cuda.max_memory_allocated(place) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    program.program(main)
