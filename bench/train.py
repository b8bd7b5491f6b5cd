"""Measures training speed, beside the matrix products of the same batches, and prints JSON.

    python -m bench.train --source FILE --target FILE --layers 4 --hidden 256 --batch-sentences 64 --updates 60

Updates and products take turns in one process with the same threads: what else the machine does slows both.
"""

import json
import platform
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

from bench import plain
from bench.floor import Floor, multiply, products, timed
from pipeline import stage
from s2s.data import EncodedCorpus
from s2s.device import prepare
from s2s.errors import check
from s2s.model import Seq2Seq
from s2s.network.interface import Architecture
from s2s.prefetch import prefetched
from s2s.recipe import Recipe
from s2s.trainer import Trainer

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
WARM_UP = 5  # updates that are not counted
BLOCK = 10  # updates between two turns of the products

Batch = NDArray[np.int32]  # the numbers of its pairs


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
    """Trains for some updates and prints words per second, memory, and the share of the products' speed reached.

    A word is a token: of a source without </s>, of a target with it.

    Args:
        source: tokenised text, a sentence a line; without it text is drawn, lengths log-normal, words by Zipf's law.
        target: its translation, as many lines.
        layers: of encoder and of decoder.
        hidden: cells a layer, and word vector size.
        batch_sentences: sentence pairs an update.
        updates: to be timed.
        source_vocabulary: most frequent words that are known, at most, <pad>, <unk> and </s> included.
        target_vocabulary: likewise.
        pairs: of drawn text.
        threads: CPU threads.
        device: auto, cpu or cuda.
        floor: time the matrix products too; without them only training takes memory.
        text: folder to write the text to, source.txt and target.txt, so that a peer reads the same.
    """
    check((source is None) == (target is None), "--source and --target: found one of them; expected both or none")
    place, vocabularies = prepare(device, threads), (source_vocabulary, target_vocabulary)
    chosen = plain.read(source, target) if source and target else plain.drawn_text(pairs, vocabularies)
    if text is not None:
        chosen.write(text / "source.txt", text / "target.txt")
    with tempfile.TemporaryDirectory() as folder:
        prepared = plain.prepare(chosen, vocabularies, Path(folder))
        del chosen
        known = (len(prepared.source), len(prepared.target))
        shape = Architecture("lstm", layers, hidden, hidden, 0.0, True, 0.08, *known)
        recipe = replace(RECIPE, batch_sentences=batch_sentences)
        found = measured(shape, recipe, prepared.corpus, updates, place, floor)
    settings = {
        "layers": layers,
        "hidden": hidden,
        "batch_sentences": batch_sentences,
        "source_vocabulary": known[0],
        "target_vocabulary": known[1],
        "threads": threads,
        "device": str(place),
    }
    print(json.dumps(found | settings | versions(), indent=2))


def measured(
    shape: Architecture, recipe: Recipe, corpus: EncodedCorpus, updates: int, place: torch.device, floor: bool
) -> dict[str, Any]:
    """Trains on a corpus, in turn with the products of the same batches."""
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
    """How near training comes to its products, in all and by block: how far blocks differ is the machine's noise."""
    shares = [floor / took for floor, took in zip(floor_seconds, seconds, strict=True)]
    return {
        "floor_share": round(sum(floor_seconds) / sum(seconds), 3),
        "floor_shares": [round(share, 3) for share in shares],
        "floor_target_words_per_second": round(target_words / sum(floor_seconds)),
        "floor_gflops": round(operations / sum(floor_seconds) / 1e9),
    }


def start(shape: Architecture, recipe: Recipe, corpus: EncodedCorpus, place: torch.device, seed: int = 1) -> Trainer:
    """A trainer that is ready: it has tried its costliest batch."""
    torch.manual_seed(seed)
    trainer = Trainer(Seq2Seq(shape), recipe, corpus, corpus, seed, place)
    trainer.model.train()
    trainer.updater.plan()
    return trainer


def take(trainer: Trainer, count: int) -> list[Batch]:
    """The first batches of training, of several epochs if one has too few."""
    found: list[Batch] = []
    while len(found) < count:
        found += trainer.epoch_batches()
        trainer.position.epoch += 1
    return found[:count]


def make_updates(trainer: Trainer, batches: Iterable[Batch]) -> None:
    """Makes an update of each batch, as the trainer's own loop does."""
    with closing(prefetched(trainer.updater.share, batches)) as shares:
        for share in shares:
            trainer.update(share, trainer.recipe.learning_rate)
            trainer.position.update += 1


def lengths(corpus: EncodedCorpus, batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens of each source and of each target of a batch."""
    return corpus.source.lengths_of(batch), corpus.target.lengths_of(batch)


def sides(corpus: EncodedCorpus, batches: Iterable[Batch]) -> Iterable[tuple[NDArray[np.int64], ...]]:
    """The lengths of batches, those of all sources, then those of all targets."""
    return zip(*(lengths(corpus, batch) for batch in batches), strict=True)


def operations(shape: Architecture, corpus: EncodedCorpus, batches: Iterable[Batch]) -> int:
    """The operations of the matrix products of some updates."""
    return sum(one.operations for batch in batches for one in products(shape, *lengths(corpus, batch)))


def peak_memory_mb(place: torch.device) -> float:
    """The most memory that was in use at a time: the GPU's, or what this process had resident."""
    if place.type == "cuda":
        return torch.cuda.max_memory_allocated(place) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def versions() -> dict[str, str]:
    """What computed."""
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}


if __name__ == "__main__":
    stage.program(main)
