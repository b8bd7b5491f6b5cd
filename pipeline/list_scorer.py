"""Score the candidates of n-best lists with the models of a run, block by block, so that it can resume."""

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

BLOCK = 32  # sentences; each block is saved when it is done
DIGITS = 6  # decimals of log-probabilities


@dataclass(frozen=True)
class NBestList:
    """A file of candidates of a split, with the source sentences."""

    split: str
    path: Path
    sources: list[list[int]]
    """Token ids without </s>."""

    def read(self) -> Iterator[list[Candidate]]:
        """Yield the candidates of each sentence."""
        return nbest.read(lines(self.path), str(self.path), len(self.sources))


@dataclass(frozen=True)
class ListScorer:
    """An ensemble that computes the log-probabilities of candidates."""

    models: Sequence[Seq2Seq]
    target: Vocabulary
    language: str
    """Language of the candidates."""
    mean: str
    """Mean over the models, as in search."""
    batch_tokens: int
    place: Path
    """Folder of the blocks that are done."""

    def score(self, lists: NBestList, meter: Meter, done: int) -> Floats:
        """Return the log-probability of each candidate in nats, [all candidates].

        Args:
            lists: the candidates of a split.
            meter: shows the progress.
            done: sentences that the meter has counted before.
        """
        scores, candidates = [np.zeros(0)], lists.read()
        for start in range(0, len(lists.sources), BLOCK):
            sources, block = lists.sources[start : start + BLOCK], list(islice(candidates, BLOCK))
            saved = self.place / f"{lists.split}-{start:07}.npy"
            if not saved.exists():
                with whole(saved) as beside, beside.open("wb") as file:
                    np.save(file, self.score_block(sources, block))
            scores.append(np.load(saved))
            meter.update(done + start + len(block), f"{done + start + len(block)} sentences")
        return np.concatenate(scores)

    def score_block(self, sources: Sequence[Sequence[int]], block: Sequence[Sequence[Candidate]]) -> Floats:
        """Return the log-probabilities of the candidates of some sentences in a row, [all candidates]."""
        repeated = [source for source, candidates in zip(sources, block, strict=True) for _ in candidates]
        targets = [self.ids(candidate.tokens) for candidates in block for candidate in candidates]
        scores = forcing.score_pairs(self.models, repeated, targets, self.batch_tokens, self.mean)
        return np.round(np.array([tokens.sum() for tokens in scores]), DIGITS)

    def ids(self, tokens: str) -> list[int]:
        """Return the token ids of a candidate."""
        return self.target.encode(tokens if self.target.reads_tokens else text.detokenize(tokens, self.language))
