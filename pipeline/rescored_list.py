"""Rank the candidates of rescored n-best lists, and choose translations in several ways.

Shapes: N sentences, M candidates of all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from pipeline.list_scorer import DIGITS, ListScorer, NBestList
from pipeline.schemas.rescored import ListSize
from pipeline.schemas.translated import Translation
from s2s import oracle, text
from s2s.candidates import Candidates, Floats, Integers, count_matches
from s2s.nbest import Candidate
from s2s.vocabulary import UNK

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
        for candidates, reference in zip(lists.read(), references["target_tokens"], strict=True):
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
            "oracle": oracle.oracle(numbers),
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
        plain = text.detokenize(tokens, self.scorer.language)
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
