"""Does batching by length stay random enough? Trains one small model on four kinds of batches, and prints JSON.

    python -m bench.bucketing     # 8,000 pairs of the demo's text, 4 epochs, 2 seeds: four minutes on two free cores
    python -m bench.bucketing --source train.en --target train.fr --dev-source dev.en --dev-target dev.fr

- `buckets` are the project's own (`s2s.data.bucket`): cut from all pairs by source, then target length.
- `source_runs` are cut from all pairs by source length, with any target lengths.
- `windows` is the usual way of toolkits: pairs in random order, sorted by length within windows of some batches.
- `random` draws each batch from all pairs.

Same model, seeds, passes and schedule; only the batches differ.
"""

import json
import math
import platform
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Annotated

import numpy as np
import pyarrow as pa
import torch
import typer
from numpy.typing import NDArray

from pipeline.demo import corpus as demo
from s2s.corpus_writer import write_split
from s2s.counts import count_words, word_vocabulary
from s2s.data import EncodedCorpus, bucket, make_batch, mixed
from s2s.device import prepare
from s2s.loss import linear_cross_entropy
from s2s.model import Seq2Seq
from s2s.network.interface import Architecture
from s2s.optim import clip_gradient
from s2s.scoring import perplexity
from s2s.text import tokenize
from s2s.vocabulary import EOS

Draw = np.random.Generator
Batches = list[NDArray[np.int32]]
Lines = list[str]  # tokens joined by spaces

BATCH_TOKENS = 1_000_000  # no limit
WINDOW = 20  # batches sorted together
DEV_PAIRS = 1_000  # of the demo
CLIP_NORM = 5.0
WARMUP_UPDATES = 50


@dataclass(frozen=True)
class Course:
    """How long to train, and how fast: Adam, warmed up linearly, then along a cosine to zero."""

    batch_sentences: int
    epochs: int
    top_rate: float

    def rate(self, update: int, epoch: float) -> float:
        """The learning rate after so many updates and passes over the text."""
        warmup = min(1.0, (update + 1) / WARMUP_UPDATES)
        return self.top_rate * warmup * (1 + math.cos(math.pi * epoch / self.epochs)) / 2


def buckets(corpus: EncodedCorpus, batch_sentences: int, draw: Draw) -> Batches:
    """Runs of about one length on both sides."""
    return bucket(corpus, batch_sentences, BATCH_TOKENS, draw)


def source_runs(corpus: EncodedCorpus, batch_sentences: int, draw: Draw) -> Batches:
    """Runs of about one source length."""
    order = draw.permutation(len(corpus)).astype(np.int32)
    order = order[np.argsort(corpus.source.lengths_of(order), kind="stable")]
    found = np.split(order, range(batch_sentences, len(order), batch_sentences))
    return [found[number] for number in draw.permutation(len(found))]


def random(corpus: EncodedCorpus, batch_sentences: int, draw: Draw) -> Batches:
    """Any pairs together."""
    return mixed(corpus, batch_sentences, BATCH_TOKENS, draw)


def windows(corpus: EncodedCorpus, batch_sentences: int, draw: Draw) -> Batches:
    """Pairs of about one length, as far as some batches' worth of pairs has them."""
    found: Batches = []
    for window in random(corpus, batch_sentences * WINDOW, draw):
        order = window[np.lexsort((corpus.target.lengths_of(window), corpus.source.lengths_of(window)))]
        found += np.split(order, range(batch_sentences, len(order), batch_sentences))
    return [found[number] for number in draw.permutation(len(found))]


WAYS: dict[str, Callable[[EncodedCorpus, int, Draw], Batches]] = {
    "buckets": buckets,
    "source_runs": source_runs,
    "windows": windows,
    "random": random,
}


def main(
    source: Annotated[Path | None, typer.Option(help="tokens joined by spaces; none: the demo's text")] = None,
    target: Path | None = None,
    dev_source: Path | None = None,
    dev_target: Path | None = None,
    pairs: Annotated[int, typer.Option(help="trained on, at most")] = 8_000,
    layers: int = 1,
    hidden: Annotated[int, typer.Option(help="cells a layer, and word vector size")] = 64,
    vocabulary: Annotated[int, typer.Option(help="words of each side, at most")] = 4_000,
    batch_sentences: int = 64,
    epochs: int = 4,
    rate: Annotated[float, typer.Option(help="learning rate of Adam at the top of the cosine")] = 0.004,
    seeds: int = 2,
    threads: int = 2,
) -> None:
    """Trains with each kind of batches and seed; prints speed, padding, updates and development perplexity."""
    place = prepare("cpu", threads)
    files = [path for path in (source, target, dev_source, dev_target) if path is not None]
    texts = [path.read_text(encoding="utf-8").splitlines() for path in files] or demo_texts(pairs)
    course = Course(batch_sentences, epochs, rate)
    with tempfile.TemporaryDirectory() as folder:
        train, dev, sizes = encoded(Path(folder), texts, pairs, vocabulary)
        shape = Architecture("lstm", layers, hidden, hidden, 0.0, True, 0.08, *sizes)
        runs: dict[str, list[dict[str, float]]] = defaultdict(list)
        for seed, way in product(range(1, seeds + 1), WAYS):
            runs[way].append(trained(shape, course, train, dev, WAYS[way], seed))
    settings = {
        "pairs": len(train),
        "layers": layers,
        "hidden": hidden,
        "vocabularies": sizes,
        "batch_sentences": batch_sentences,
        "epochs": epochs,
        "seeds": seeds,
        "threads": threads,
    }
    versions = {"torch": torch.__version__, "python": platform.python_version(), "device": str(place)}
    print(json.dumps({"ways": {way: summary(found) for way, found in runs.items()}} | settings | versions, indent=2))


def demo_texts(pairs: int) -> list[Lines]:
    """Sources and targets to train on, and to evaluate on."""
    corpus = demo.generate(1, pairs, DEV_PAIRS, 1, 60)
    return [
        [tokenize(pair[side], language) for pair in corpus[split]]
        for split in ("train", "dev")
        for side, language in enumerate(("en", "fr"))
    ]


def encoded(
    folder: Path, texts: Sequence[Lines], pairs: int, size: int
) -> tuple[EncodedCorpus, EncodedCorpus, tuple[int, int]]:
    """The training and development pairs as token ids, and the sizes of both vocabularies."""
    texts = [lines[:pairs] for lines in texts]
    vocabularies = [word_vocabulary(count_words(pa.chunked_array([lines])), size, 1) for lines in texts[:2]]
    for split, sides in (("train", texts[:2]), ("dev", texts[2:])):
        ids = [[words.encode(line) for line in lines] for words, lines in zip(vocabularies, sides, strict=True)]
        write_split(folder, split, ids[0], [[*sentence, EOS] for sentence in ids[1]])
    train, dev = (EncodedCorpus.open(folder, split) for split in ("train", "dev"))
    return train, dev, (len(vocabularies[0]), len(vocabularies[1]))


def trained(
    shape: Architecture,
    course: Course,
    train: EncodedCorpus,
    dev: EncodedCorpus,
    way: Callable[[EncodedCorpus, int, Draw], Batches],
    seed: int,
) -> dict[str, float]:
    """Trains one model and says what it took and came to; batches are made within the time."""
    torch.manual_seed(seed)
    model = Seq2Seq(shape)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    tokens, positions, update, start = np.zeros(2), np.zeros(2), 0, time.perf_counter()
    for epoch in range(course.epochs):
        batches = way(train, course.batch_sentences, np.random.default_rng((seed, epoch)))
        for number, pairs in enumerate(batches):
            optimizer.param_groups[0]["lr"] = course.rate(update, epoch + number / len(batches))
            batch = make_batch(train, pairs, shape.reverse_source)
            optimizer.zero_grad()
            for states, right_tokens in model.segments(batch, 0):
                loss, _ = linear_cross_entropy(states, model.decoder.output, right_tokens, 0.0, 1 / batch.target_tokens)
                torch.autograd.backward(loss)
            clip_gradient(model.parameters(), CLIP_NORM)
            optimizer.step()
            tokens += batch.source_tokens, batch.target_tokens
            positions += len(batch.sources.batch_sizes) * len(pairs), batch.targets.numel()
            update += 1
    seconds = time.perf_counter() - start
    padding = 1 - tokens / positions
    return {
        "seconds": seconds,
        "words_per_second": tokens.sum() / seconds,
        "source_padding_share": padding[0],
        "target_padding_share": padding[1],
        "updates": update,
        "dev_perplexity": perplexity(model, dev, 4096).perplexity,
    }


def summary(runs: Sequence[dict[str, float]]) -> dict[str, object]:
    """What the seeds came to together; sources are packed, so that their padding is never computed."""
    found = {name: [run[name] for run in runs] for name in runs[0]}
    return {
        "seconds": round(median(found["seconds"]), 1),
        "words_per_second": round(median(found["words_per_second"])),
        "target_padding_computed": round(fmean(found["target_padding_share"]), 4),
        "source_padding_avoided": round(fmean(found["source_padding_share"]), 4),
        "updates": round(fmean(found["updates"])),
        "dev_perplexity": round(fmean(found["dev_perplexity"]), 3),
        "dev_perplexities": [round(one, 3) for one in found["dev_perplexity"]],
        "standard_error": round(stdev(found["dev_perplexity"]) / len(runs) ** 0.5, 3) if len(runs) > 1 else None,
    }


if __name__ == "__main__":
    typer.run(main)
