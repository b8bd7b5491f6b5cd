"""Measure the speed of each kind of network in training and search against the paper's, and print JSON.

    python -m bench.networks --updates 20 --rounds 3
    python -m bench.networks --hidden 8 --vocabulary 50 --batch-sentences 4 --updates 2 --rounds 1 --beam 2

All have random weights and the same random text, with 15 tokens in each source and target.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from bench import report
from bench.floor import gpu_name, timed
from bench.train import RECIPE, measured
from pipeline.running import program
from s2s.data.corpus import EncodedCorpus, write_split
from s2s.device import prepare
from s2s.inference.search import SearchSettings, beam_search
from s2s.model.interface import Architecture
from s2s.model.seq2seq import Seq2Seq
from s2s.text.vocabulary import EOS, SPECIAL

KINDS: dict[str, dict[str, object]] = {
    "lstm": {},
    "lstm_peephole": {"cell": "lstm_peephole"},
    "gru": {"cell": "gru"},
    "gru_cho": {"cell": "gru_cho"},
    "rnn_tanh": {"cell": "rnn_tanh"},
    "every_step": {"cell": "gru", "context": "every_step"},
    "bahdanau": {"cell": "gru", "context": "bahdanau", "bidirectional": True},
    "luong_general": {"context": "luong_general", "bidirectional": True},
    "transformer": {"network": "transformer", "layers": 2, "initialization": "xavier"},
}
BASE = "lstm"
TOKENS = 15


def main(
    hidden: int = 256,
    vocabulary: int = 8000,
    batch_sentences: int = 64,
    updates: int = 20,
    rounds: int = 3,
    beam: int = 5,
    threads: int = 2,
    device: str = "auto",
) -> None:
    """Measure target words per second in training and sentences per second in search, for each kind of network.

    Args:
        hidden: units of a layer, and size of word vectors.
        vocabulary: entries of each side's vocabulary.
        batch_sentences: sentence pairs of an update, and sentences translated together.
        updates: timed updates of a round.
        rounds: rounds of all kinds, one after another; medians are printed.
        beam: beam size of the search.
        threads: CPU threads.
        device: auto, cpu or cuda.
    """
    place = prepare(device, threads)
    shapes = {name: shape(changes, hidden, vocabulary) for name, changes in KINDS.items()}
    trained: dict[str, list[float]] = {name: [] for name in KINDS}
    searched: dict[str, list[float]] = {name: [] for name in KINDS}
    recipe = replace(RECIPE, batch_sentences=batch_sentences)
    with tempfile.TemporaryDirectory() as folder:
        corpus = drawn(Path(folder), batch_sentences * 20, vocabulary)
        for _ in range(rounds):
            for name, kind in shapes.items():
                trained[name].append(measured(kind, recipe, corpus, updates, place, False)["target_words_per_second"])
                searched[name].append(sentences_per_second(kind, corpus, batch_sentences, beam, place))
    speeds = {name: (median(trained[name]), median(searched[name])) for name in KINDS}
    kinds = {
        name: {
            "target_words_per_second": round(words),
            "sentences_per_second": round(sentences, 1),
            "training_ratio": round(words / speeds[BASE][0], 2),
            "search_ratio": round(sentences / speeds[BASE][1], 2),
        }
        for name, (words, sentences) in speeds.items()
    }
    settings = {"hidden": hidden, "vocabulary": vocabulary, "beam": beam, "threads": threads, "device": str(place)}
    report.show("speed of all kinds of networks", {"kinds": kinds} | settings, gpu_name(place))


def shape(changes: dict[str, object], hidden: int, vocabulary: int) -> Architecture:
    """Return a network of one layer with the changes of its kind."""
    plain = Architecture("lstm", 1, hidden, hidden, 0.0, False, 0.08, vocabulary, vocabulary)
    sizes = {"maxout": hidden, "heads": 4, "feed_forward": 4 * hidden}
    return replace(plain, **sizes | changes)  # type: ignore[arg-type]


def drawn(folder: Path, pairs: int, vocabulary: int) -> EncodedCorpus:
    """Draw sentences of `TOKENS` tokens with equal probabilities."""
    ids = np.random.default_rng(1).integers(len(SPECIAL), vocabulary, (2, pairs, TOKENS)).tolist()
    write_split(folder, "train", ids[0], [[*target, EOS] for target in ids[1]])
    return EncodedCorpus.open(folder, "train")


def sentences_per_second(
    kind: Architecture, corpus: EncodedCorpus, sentences: int, beam: int, place: torch.device
) -> float:
    """Return the speed of translating into as many tokens as the sources have."""
    model = Seq2Seq(kind).to(place).eval()
    settings = SearchSettings(beam, min_tokens=TOKENS, max_tokens=TOKENS)
    sources = [corpus.source[row].tolist() for row in range(sentences)]
    beam_search([model], sources[:2], settings)
    return sentences / timed(lambda: beam_search([model], sources, settings), place)


if __name__ == "__main__":
    program.program(main)
