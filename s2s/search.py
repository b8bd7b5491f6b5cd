"""Left-to-right beam search over a batch of sentences, with one model or an ensemble.

Sutskever et al. 2014, section 3.2. Shapes: N sentences still searched, K live hypotheses of each, V vocabulary.
"""

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from s2s.ensemble import Ensemble
from s2s.extensions import best_extensions
from s2s.model import Seq2Seq
from s2s.vocabulary import EOS, PAD, UNK

EXTRA_LENGTH = 10  # tokens that a translation may have beyond its ratio to the source


@dataclass(frozen=True)
class SearchSettings:
    """How translations are searched for. Lengths are tokens without </s>."""

    beam: int = 2
    """Hypotheses kept at each step."""
    n_best: int = 1
    """Translations of each sentence, at most; no more than `beam`."""
    length_penalty: float = 0.0
    """a: scores are log_prob / ((5 + tokens with </s>) / 6)^a (Wu et al. 2016, equation 14); 0: the paper's."""
    word_reward: float = 0.0
    """Added to a score for each token, </s> included."""
    min_length_ratio: float = 0.0
    """Tokens that a translation has at least for each source token."""
    max_length_ratio: float = 3.0
    """Tokens that a translation may have for each source token, beside `EXTRA_LENGTH`."""
    min_tokens: int = 0
    max_tokens: int = 1000
    forbid_unknown: bool = False
    """Never say <unk>."""
    mean: str = "probabilities"
    """Of an ensemble: one of `ensemble.MEANS`."""

    def limits(self, source_tokens: int) -> tuple[int, int]:
        """The least and the most tokens of a translation; where they contradict each other, the most wins."""
        most = min(self.max_tokens, math.ceil(source_tokens * self.max_length_ratio) + EXTRA_LENGTH)
        return min(most, max(self.min_tokens, math.ceil(source_tokens * self.min_length_ratio))), most

    def score(self, log_prob: float, tokens: int) -> float:
        """What ranks a finished hypothesis of so many tokens, </s> included."""
        return log_prob / self.penalty(tokens) + self.word_reward * tokens

    def bound(self, log_prob: float, least: int, most: int) -> float:
        """No hypothesis that goes on from this one, to `least` to `most` tokens with </s>, has a higher score.

        Log-probability only falls, it is negative, so that the largest penalty makes the most of it, and the reward is
        largest at one of the ends.
        """
        return log_prob / self.penalty(most) + self.word_reward * (most if self.word_reward > 0 else least)

    def penalty(self, tokens: int) -> float:
        """What a log-probability is divided by."""
        return float(((5 + tokens) / 6) ** self.length_penalty)


@dataclass(frozen=True)
class Hypothesis:
    """A translation and the sum of the log-probabilities of its tokens, </s> included, in nats."""

    ids: tuple[int, ...]  # without </s>
    log_prob: float
    complete: bool = True  # False: the length limit made it end
    score: float = 0.0  # what ranks it; log_prob, unless lengths are rewarded


@torch.inference_mode()
def beam_search(
    models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], settings: SearchSettings
) -> list[list[Hypothesis]]:
    """Finds the best translations of each sentence that a beam of this width meets.

    At each step the `beam` most probable of all extensions are looked at: one that ends in </s> leaves the beam for the
    finished ones, and the best others go on. A sentence is done when no living hypothesis can come among its `n_best`
    finished ones any more (`SearchSettings.bound`): stopping then changes nothing. A beam of one is greedy search. Of
    equal extensions the earlier hypothesis, then the lower token id, is preferred; of equal scores the earlier end.

    Args:
        models: one, or several with the same vocabularies.
        sources: token ids of each sentence, without </s>.
        settings: width, ranking and limits.

    Returns:
        1 to `n_best` different hypotheses a sentence, the best first; an empty source has the empty translation.
    """
    assert 1 <= settings.n_best <= settings.beam, "as many translations as the beam is wide, at most"
    found = [[Hypothesis((), 0.0)] for _ in sources]
    rows = [row for row, source in enumerate(sources) if source]
    if rows:
        search = Search(models, [sources[row] for row in rows], settings)
        for row, hypotheses in zip(rows, search.run(), strict=True):
            found[row] = hypotheses
    return found


class Search:
    """The living hypotheses of all unfinished sentences, best first, and the finished ones of each."""

    def __init__(self, models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], settings: SearchSettings) -> None:
        self.settings, self.ensemble = settings, Ensemble(models, sources, settings.mean)
        device, N = self.ensemble.device, len(sources)
        self.finished: list[list[Hypothesis]] = [[] for _ in sources]
        self.limits = [settings.limits(len(source)) for source in sources]
        self.sentences = list(range(N))  # which one each of the N rows is
        self.log_probs = torch.zeros(N, 1, device=device)  # [N, K]: at first one without a token, then `beam`
        self.tokens = torch.empty(N, 1, 0, dtype=torch.int64, device=device)  # [N, K, length]

    def run(self) -> list[list[Hypothesis]]:
        """Steps until every sentence has its translations."""
        last = torch.full((len(self.sentences),), EOS, device=self.ensemble.device)  # [N * K]
        while self.sentences:
            last = self.advance(last)
        return self.finished

    def advance(self, last: Tensor) -> Tensor:
        """Extends every living hypothesis by a token, and returns the tokens to go on from, [N * K]."""
        beam = self.settings.beam
        log_probs = self.ensemble.next_log_probs(last).view(*self.log_probs.shape, -1)  # [N, K, V]
        limits = [self.limits[sentence] for sentence in self.sentences]
        forbid(log_probs, self.tokens.shape[2], limits, self.settings.forbid_unknown)
        top, parents, tokens = best_extensions(self.log_probs, log_probs, 2 * beam)  # of 2 K, K end at most
        ended = tokens == EOS
        self.finish(top[:, :beam], parents[:, :beam], ended[:, :beam])
        living = torch.argsort(ended.to(torch.int8), dim=1, stable=True)[:, :beam]  # best first
        self.log_probs = top.masked_fill(ended, -math.inf).gather(1, living)
        return self.keep(parents.gather(1, living), tokens.gather(1, living))

    def finish(self, log_probs: Tensor, parents: Tensor, ended: Tensor) -> None:
        """Takes extensions by </s> among the best, [N, K], to the finished hypotheses of their sentences."""
        length = self.tokens.shape[2]
        rows, columns = (ended & log_probs.isfinite()).nonzero().unbind(1)
        ids = self.tokens[rows, parents[rows, columns]].tolist()
        for row, log_prob, tokens in zip(rows.tolist(), log_probs[rows, columns].tolist(), ids, strict=True):
            sentence = self.sentences[row]
            complete = length < self.limits[sentence][1]
            hypothesis = Hypothesis(tuple(tokens), log_prob, complete, self.settings.score(log_prob, length + 1))
            insort(self.finished[sentence], hypothesis, key=lambda one: -one.score)
            del self.finished[sentence][self.settings.n_best :]

    def keep(self, parents: Tensor, tokens: Tensor) -> Tensor:
        """Gives each hypothesis its parent's state and tokens, [N, K] each, and drops the sentences that are done."""
        N, K = self.tokens.shape[:2]
        history = self.tokens.gather(1, parents.unsqueeze(2).expand(-1, -1, self.tokens.shape[2]))
        self.tokens = torch.cat((history, tokens.unsqueeze(2)), dim=2)  # [N, K, length]
        going = self.undecided()
        rows = torch.tensor(going, device=self.ensemble.device, dtype=torch.int64)
        self.ensemble.keep((rows.unsqueeze(1) * K + parents[rows]).flatten(), rows if len(going) < N else None)
        if len(going) < N:
            self.sentences = [self.sentences[row] for row in going]
            self.log_probs, self.tokens, tokens = self.log_probs[rows], self.tokens[rows], tokens[rows]
        return tokens.flatten()

    def undecided(self) -> list[int]:
        """The rows that go on: a living hypothesis can still come among the best."""
        length, n_best = self.tokens.shape[2], self.settings.n_best
        going = []
        for row, log_prob in enumerate(self.log_probs[:, 0].tolist()):
            finished, (_, most) = self.finished[self.sentences[row]], self.limits[self.sentences[row]]
            if length > most or log_prob == -math.inf:
                continue
            bound = self.settings.bound(log_prob, length + 1, most + 1)
            if len(finished) < n_best or bound > finished[-1].score:
                going.append(row)
        return going


def forbid(log_probs: Tensor, length: int, limits: Sequence[tuple[int, int]], unknown: bool) -> None:
    """Takes away tokens that may not come next, in place.

    Args:
        log_probs: of every token, [N, K, V].
        length: tokens that all hypotheses have.
        limits: the least and the most tokens of each of the N sentences; at the most only </s> may come.
        unknown: forbid <unk>.
    """
    log_probs[:, :, PAD] = -math.inf
    if unknown:
        log_probs[:, :, UNK] = -math.inf
    for row, (least, most) in enumerate(limits):
        if length < least:
            log_probs[row, :, EOS] = -math.inf
        if length >= most:
            log_probs[row, :, :EOS] = log_probs[row, :, EOS + 1 :] = -math.inf
