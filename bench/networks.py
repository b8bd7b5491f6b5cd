"""Measures how fast each kind of network trains and translates, in turn with the paper's, and prints JSON.

    python -m bench.networks --updates 20 --rounds 3

All have random weights and the same drawn text, of which each sentence is 15 tokens long on either side.
"""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from bench.floor import timed
from bench.train import RECIPE, measured, versions
from pipeline import stage
from s2s.corpus_writer import write_split
from s2s.data import EncodedCorpus
from s2s.device import prepare
from s2s.model import Seq2Seq
from s2s.network.interface import Architecture
from s2s.search import SearchSettings, beam_search
from s2s.vocabulary import EOS, SPECIAL

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
    """Prints of each kind target words per second in training and sentences per second in search, and their ratios.

    Args:
        hidden: units a layer, and word vector size.
        vocabulary: entries on either side.
        batch_sentences: sentence pairs an update, and sentences translated together.
        updates: timed in each round.
        rounds: in each of which every kind has its turn; medians are printed.
        beam: of the search.
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
    found = {
        name: {
            "target_words_per_second": round(words),
            "sentences_per_second": round(sentences, 1),
            "training_ratio": round(words / speeds[BASE][0], 2),
            "search_ratio": round(sentences / speeds[BASE][1], 2),
        }
        for name, (words, sentences) in speeds.items()
    }
    settings = {"hidden": hidden, "vocabulary": vocabulary, "beam": beam, "threads": threads, "device": str(place)}
    print(json.dumps({"kinds": found} | settings | versions(), indent=2))


def shape(changes: dict[str, object], hidden: int, vocabulary: int) -> Architecture:
    """A network of one layer, or as its kind says."""
    plain = Architecture("lstm", 1, hidden, hidden, 0.0, False, 0.08, vocabulary, vocabulary)
    sizes = {"maxout": hidden, "heads": 4, "feed_forward": 4 * hidden}
    return replace(plain, **sizes | changes)  # type: ignore[arg-type]


def drawn(folder: Path, pairs: int, vocabulary: int) -> EncodedCorpus:
    """Sentences of `TOKENS` tokens, each token as likely."""
    ids = np.random.default_rng(1).integers(len(SPECIAL), vocabulary, (2, pairs, TOKENS)).tolist()
    write_split(folder, "train", ids[0], [[*target, EOS] for target in ids[1]])
    return EncodedCorpus.open(folder, "train")


def sentences_per_second(
    kind: Architecture, corpus: EncodedCorpus, sentences: int, beam: int, place: torch.device
) -> float:
    """How fast a network translates sentences to as many tokens as they have."""
    model = Seq2Seq(kind).to(place).eval()
    settings = SearchSettings(beam, min_tokens=TOKENS, max_tokens=TOKENS)
    sources = [corpus.source[row].tolist() for row in range(sentences)]
    beam_search([model], sources[:2], settings)
    return sentences / timed(lambda: beam_search([model], sources, settings), place)


if __name__ == "__main__":
    stage.program(main)
