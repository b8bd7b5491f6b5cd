"""N-best lists on disk, the models that score their candidates block by block, and the choices that follow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from pipeline.schemas.data.translated import Translation
from pipeline.schemas.reports.rescored import ListSize
from s2s.evaluation.candidates import Candidates, Floats, Integers, count_matches, oracle
from s2s.files import intact, kept
from s2s.inference import forcing, nbest
from s2s.inference.nbest import Candidate
from s2s.inference.translator import Translator
from s2s.progress import Meter
from s2s.text import tokenizer
from s2s.text.lines import lines
from s2s.text.vocabulary import UNK

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

    translator: Translator
    normalizes: bool
    """True for candidates of another system, whose text is not normalized as the training text was."""
    language: str
    """Language of the candidates."""
    mean: str
    """Mean over the models, as in search."""
    batch_tokens: int

    def score(self, lists: NBestList, place: Path, meter: Meter, done: int) -> Floats:
        """Return the log-probability of each candidate in nats, [all candidates].

        Args:
            lists: the candidates of a split.
            place: folder of the blocks that are done.
            meter: shows the progress.
            done: sentences that the meter has counted before.
        """
        scores, candidates = [np.zeros(0)], lists.read()
        for start in range(0, len(lists.sources), BLOCK):
            sources, block = lists.sources[start : start + BLOCK], list(islice(candidates, BLOCK))
            saved = place / f"{lists.split}-{start:07}.npy"
            if not intact(saved):
                with kept(saved) as beside, beside.open("wb") as file:
                    np.save(file, self.score_block(sources, block))
            scores.append(np.load(saved))
            meter.update(done + start + len(block), f"{done + start + len(block)} sentences")
        return np.concatenate(scores)

    def score_block(self, sources: Sequence[Sequence[int]], block: Sequence[Sequence[Candidate]]) -> Floats:
        """Return the log-probabilities of the candidates of some sentences in a row, [all candidates]."""
        repeated = [source for source, candidates in zip(sources, block, strict=True) for _ in candidates]
        targets = [self.ids(candidate.tokens) for candidates in block for candidate in candidates]
        scores = forcing.score_pairs(self.translator.models, repeated, targets, self.batch_tokens, self.mean)
        return np.round(np.array([tokens.sum() for tokens in scores]), DIGITS)

    def ids(self, tokens: str) -> list[int]:
        """Return the token ids of a candidate."""
        target, language = self.translator.target, self.language
        if self.normalizes:
            wanted = self.translator.description
            flags = {"punctuation": wanted.normalize_punctuation, "lowercase": wanted.lowercase}
            tokens = tokenizer.retokenize(tokens, language, partial(normal_tokens, language=language, **flags))
        return target.encode(tokens if target.reads_tokens else tokenizer.detokenize(tokens, language))


@lru_cache(1 << 20)
def normal_tokens(text: str, language: str, punctuation: bool, lowercase: bool) -> str:
    """Return the tokens of plain text, normalized as the training text."""
    return tokenizer.tokenize(tokenizer.normalize(text, language, punctuation, lowercase), language)


FEATURES = ("first_pass", "lstm", "words")
EVEN = np.array([0.5, 0.5, 0.0])  # section 3.7: the mean of both scores, without tuning


@dataclass(frozen=True)
class RescoredList:
    """The lists of a split with the features and BLEU statistics of their candidates."""

    lists: NBestList
    scorer: ListScorer
    numbers: Candidates
    references: dict[str, list[str]]
    """References by column of clean text: plain and tokenized."""

    @classmethod
    def make(
        cls, lists: NBestList, scorer: ListScorer, log_probs: Floats, references: dict[str, list[str]]
    ) -> "RescoredList":
        """Compute the features and BLEU statistics of each candidate, given its log-probability by the scorer, [M]."""
        sizes, scores, words, counts = [0], [], [], []
        for candidates, reference in zip(lists.read(), references["reference_tokens"], strict=True):
            tokens = [candidate.tokens for candidate in candidates]
            sizes.append(len(tokens))
            scores += [candidate.score for candidate in candidates]
            words += [len(line.split()) for line in tokens]
            counts.append(count_matches(tokens, reference))
        features = np.column_stack([scores, log_probs, words])
        return cls(lists, scorer, Candidates(np.cumsum(sizes), features, np.concatenate(counts)), references)

    @property
    def size(self) -> ListSize:
        """The number of lists and their mean and largest lengths."""
        lengths = np.diff(self.numbers.starts)
        return ListSize(len(lengths), round(float(lengths.mean()), 4), int(lengths.max()))

    @property
    def even(self) -> Floats:
        """The mean of both scores, [M]."""
        average: Floats = np.round(self.numbers.features @ EVEN, DIGITS)
        return average

    def choices(self, weights: Floats) -> dict[str, Integers]:
        """Return each sentence's candidate [N] by each way of choosing; the oracle uses the references."""
        numbers = self.numbers
        return {
            "first": numbers.best(numbers.features[:, 0]),
            "even": numbers.best(self.even),
            "tuned": numbers.choose(weights),
            "oracle": oracle(numbers),
        }

    def translations(self, choices: dict[str, Integers]) -> dict[str, list[Translation]]:
        """Return the translations that each way chooses, with their log-probability by the scorer."""
        chosen: dict[str, list[Translation]] = {name: [] for name in choices}
        for sentence, candidates in enumerate(self.lists.read()):
            for name, choice in choices.items():
                place = int(choice[sentence])
                tokens = candidates[place - self.numbers.starts[sentence]].tokens
                chosen[name].append(self.translation(tokens, float(self.numbers.features[place, 1])))
        return chosen

    def translation(self, tokens: str, log_prob: float) -> Translation:
        """Return a candidate as a line of translations."""
        plain = tokenizer.detokenize(tokens, self.scorer.language)
        return Translation(plain, tokens, log_prob, self.scorer.ids(tokens).count(UNK))

    def ranked(self) -> Iterator[list[Candidate]]:
        """Yield each sentence's candidates with the new features, ranked by the mean of both scores."""
        even, features = self.even, self.numbers.features
        for (start, end), candidates in zip(pairwise(self.numbers.starts), self.lists.read(), strict=True):
            order = np.argsort(-even[start:end], kind="stable").tolist()
            yield [with_features(candidates[n], features[start + n], float(even[start + n])) for n in order]


def with_features(candidate: Candidate, features: Floats, score: float) -> Candidate:
    """Return a candidate with added features and a new score."""
    added = {name: (value,) for name, value in zip(FEATURES, features.tolist(), strict=True)}
    return replace(candidate, score=score, features=candidate.features | added)
