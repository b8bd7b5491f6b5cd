"""Scores all candidates of n-best lists by the models of a run, block by block, and goes on where it was stopped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from pipeline.lines import lines
from s2s import forcing, nbest, text
from s2s.candidates import Floats
from s2s.files import whole
from s2s.model import Seq2Seq
from s2s.nbest import Candidate
from s2s.progress import Meter
from s2s.vocabulary import Vocabulary

BLOCK = 32  # sentences whose candidates are scored before that is put aside
DIGITS = 6  # of log-probabilities, behind the point


@dataclass(frozen=True)
class NBestList:
    """The candidates of a split, on disk, and the sources that they translate."""

    split: str
    path: Path
    sources: list[list[int]]

    def read(self) -> Iterator[list[Candidate]]:
        """Yields the candidates of each sentence."""
        return nbest.read(lines(self.path), str(self.path), len(self.sources))


@dataclass(frozen=True)
class ListScorer:
    """Models of the same vocabularies that say how probable candidates are."""

    models: Sequence[Seq2Seq]
    target: Vocabulary
    language: str
    """That of the candidates."""
    mean: str
    """What of several models is averaged, as in search."""
    batch_tokens: int
    place: Path
    """Where blocks are put aside."""

    def score(self, lists: NBestList, meter: Meter, done: int) -> Floats:
        """The log-probability of each candidate, nats, [all candidates]; `done` sentences were told to the meter."""
        found, candidates = [np.zeros(0)], lists.read()
        for start in range(0, len(lists.sources), BLOCK):
            sources, block = lists.sources[start : start + BLOCK], list(islice(candidates, BLOCK))
            saved = self.place / f"{lists.split}-{start:07}.npy"
            if not saved.exists():
                with whole(saved) as beside, beside.open("wb") as file:
                    np.save(file, self.score_block(sources, block))
            found.append(np.load(saved))
            meter.update(done + start + len(block), f"{done + start + len(block)} sentences")
        return np.concatenate(found)

    def score_block(self, sources: Sequence[Sequence[int]], block: Sequence[Sequence[Candidate]]) -> Floats:
        """The log-probabilities of the candidates of some sentences, in a row."""
        repeated = [source for source, candidates in zip(sources, block, strict=True) for _ in candidates]
        targets = [self.ids(candidate.tokens) for candidates in block for candidate in candidates]
        found = forcing.score_pairs(self.models, repeated, targets, self.batch_tokens, self.mean)
        return np.round(np.array([tokens.sum() for tokens in found]), DIGITS)

    def ids(self, tokens: str) -> list[int]:
        """A candidate as the models know it."""
        return self.target.encode(tokens if self.target.reads_tokens else text.detokenize(tokens, self.language))
