"""Sample translations from a model's distribution instead of searching for the best.

Shapes: R hypotheses, V vocabulary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from s2s.errors import check
from s2s.inference.ensemble import NO_NUMBER, Ensemble
from s2s.inference.search import Hypothesis, SearchSettings, forbid
from s2s.model.seq2seq import Seq2Seq
from s2s.text.vocabulary import EOS


@dataclass(frozen=True)
class Sampling:
    """Settings of sampling."""

    temperature: float = 1.0
    """Divisor of log-probabilities, above 0; below 1 it makes probable tokens more probable."""
    top_k: int = 0
    """Number of most probable tokens to sample from; 0: all."""
    top_p: float = 1.0
    """Sample from the fewest tokens that together have this probability; above 0, at most 1."""
    seed: int = 1


@torch.inference_mode()
def sample(
    models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], settings: SearchSettings, sampling: Sampling
) -> list[list[Hypothesis]]:
    """Sample `n_best` translations of each sentence within the length limits of `settings`; its beam is not used.

    Args:
        models: one or more models of equal vocabularies.
        sources: token ids of each sentence, without </s>.
        settings: length limits, number of translations and scoring.
        sampling: settings of sampling; equal sentences and seeds give equal translations.

    Returns:
        The sampled hypotheses of each sentence, the best first; log-probabilities are the models' own, without
        temperature. An empty source has the empty translation.
    """
    lists: list[list[Hypothesis]] = [[] if source else [Hypothesis((), 0.0)] for source in sources]
    owners = [row for row, source in enumerate(sources) if source for _ in range(settings.n_best)]
    if owners:
        draw = Draw(models, [sources[row] for row in owners], settings, sampling)
        for row, hypothesis in zip(owners, draw.run(), strict=True):
            lists[row].append(hypothesis)
    return [sorted(hypotheses, key=lambda hypothesis: -hypothesis.score) for hypotheses in lists]


class Draw:
    """The state of sampling: hypotheses that are extended by sampled tokens until all have ended."""

    def __init__(
        self,
        models: Sequence[Seq2Seq],
        sources: Sequence[Sequence[int]],
        settings: SearchSettings,
        sampling: Sampling,
    ) -> None:
        self.settings, self.sampling = settings, sampling
        self.ensemble = Ensemble(models, sources, settings.mean)
        self.generator = torch.Generator(self.ensemble.device).manual_seed(sampling.seed)
        self.limits = [settings.limits(len(source)) for source in sources]
        self.ids: list[list[int]] = [[] for _ in sources]
        self.log_probs = [0.0] * len(sources)
        self.rows = list(range(len(sources)))  # hypotheses that have not ended

    def run(self) -> list[Hypothesis]:
        """Sample until all hypotheses have ended, and return them."""
        last = torch.full((len(self.rows),), EOS, device=self.ensemble.device)  # [R]
        length = 0
        while self.rows:
            last = self.advance(last, length)
            length += 1
        return [self.hypothesis(row) for row in range(len(self.ids))]

    def advance(self, last: Tensor, length: int) -> Tensor:
        """Sample a token for each live hypothesis and return the tokens of those that go on, [R]."""
        log_probs = self.ensemble.next_log_probs(last)  # [R, V]
        check(not log_probs.isnan().any(), NO_NUMBER)
        own = log_probs.clone()
        forbid(log_probs.unsqueeze(1), length, [self.limits[row] for row in self.rows], self.settings.forbid_unknown)
        drawn = torch.multinomial(weights(log_probs, self.sampling), 1, generator=self.generator)  # [R, 1]
        tokens, gained = drawn.squeeze(1).tolist(), own.gather(1, drawn).squeeze(1).tolist()
        for row, token, gain in zip(self.rows, tokens, gained, strict=True):
            self.ids[row].append(token)
            self.log_probs[row] += gain
        going = [place for place, token in enumerate(tokens) if token != EOS]
        self.rows = [self.rows[place] for place in going]
        places = torch.tensor(going, device=self.ensemble.device, dtype=torch.int64)
        self.ensemble.keep(places, places)
        return drawn.squeeze(1)[places]

    def hypothesis(self, row: int) -> Hypothesis:
        """Return the hypothesis of a row, which has ended."""
        ids, log_prob = tuple(self.ids[row][:-1]), self.log_probs[row]
        return Hypothesis(ids, log_prob, len(ids) < self.limits[row][1], self.settings.score(log_prob, len(ids) + 1))


def weights(log_probs: Tensor, sampling: Sampling) -> Tensor:
    """Return the sampling weights of tokens [R, V], given log-probabilities [R, V].

    The most probable token always has a weight above 0.
    """
    ordered, places = (log_probs / sampling.temperature).sort(dim=1, descending=True, stable=True)
    if sampling.top_k:
        ordered[:, sampling.top_k :] = -math.inf
    probabilities = ordered.softmax(dim=1)
    before = probabilities.cumsum(dim=1) - probabilities  # of all more probable tokens
    probabilities = probabilities.masked_fill((before >= sampling.top_p) & (before > 0), 0.0)
    return torch.zeros_like(probabilities).scatter_(1, places, probabilities)
