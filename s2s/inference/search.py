"""Left-to-right beam search over a batch of sentences, with one model or an ensemble.

Sutskever et al. 2014, section 3.2. Shapes: N unfinished sentences, K live hypotheses of each, V vocabulary.
"""

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from s2s.errors import check
from s2s.inference.ensemble import NO_NUMBER, Ensemble
from s2s.model.seq2seq import Seq2Seq
from s2s.text.vocabulary import EOS, PAD, UNK

BLOCK = 64  # neighboring tokens whose maximum is compared first


def best_extensions(scores: Tensor, log_probs: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the best sums of a hypothesis' score and a token's log-probability for each sentence.

    The best `count` tokens lie in the `count` blocks with the best maxima, so only these blocks are sorted. Sorting all
    tokens would take half as long as the softmax.

    Args:
        scores: scores of the hypotheses, [N, K].
        log_probs: log-probability of each next token, [N, K, V].
        count: the number of extensions wanted; there may be fewer.

    Returns:
        Sums, hypotheses and tokens, [N, C] each, the best first. Equal sums are ordered by hypothesis, then by token.
    """
    N, K, V = log_probs.shape
    if V % BLOCK:
        log_probs = F.pad(log_probs, (0, -V % BLOCK), value=-math.inf)
    blocks = log_probs.view(N, -1, BLOCK)  # [N, K * blocks of a hypothesis, BLOCK]
    per_hypothesis = blocks.shape[1] // K
    best = (blocks.amax(dim=2).view(N, K, per_hypothesis) + scores.unsqueeze(2)).flatten(1)
    _, chosen = top(best, count)  # [N, C]
    chosen = chosen.sort(dim=1).values  # keeps the order of equal candidates
    candidates = blocks.gather(1, chosen.unsqueeze(2).expand(-1, -1, BLOCK))  # [N, C, BLOCK]
    candidates = candidates + scores.gather(1, chosen // per_hypothesis).unsqueeze(2)
    sums, places = top(candidates.flatten(1), count)
    block = chosen.gather(1, places // BLOCK)
    tokens = block % per_hypothesis * BLOCK + places % BLOCK
    return sums, block // per_hypothesis, tokens.clamp_max(V - 1)  # a sum of -inf may belong to padding


def top(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the best `count` of each row of scores and their indices, best first; of equal scores the first.

    `topk` takes any of the scores equal to the last one. In that rare case the whole row is sorted.
    """
    best, places = scores.topk(min(count, scores.shape[1]), dim=1)
    last = best[:, -1:]
    if ((scores == last).sum(1) > (best == last).sum(1)).logical_and(last.squeeze(1).isfinite()).any():
        best, places = scores.sort(dim=1, descending=True, stable=True)
        return best[:, :count], places[:, :count]
    by_place = places.argsort(dim=1)
    best, places = best.gather(1, by_place), places.gather(1, by_place)
    by_score = best.argsort(dim=1, descending=True, stable=True)
    return best.gather(1, by_score), places.gather(1, by_score)


EXTRA_LENGTH = 10  # tokens allowed beyond `max_length_ratio`
RANGES: dict[str, tuple[float, float]] = {
    "beam": (1, 1000),
    "n_best": (1, 1000),
    "length_penalty": (0, 2),
    "word_reward": (-10, 10),
    "min_length_ratio": (0, 10),
    "max_length_ratio": (0, 100),
    "min_tokens": (0, 10_000),
    "max_tokens": (1, 10_000),
}
"""Ranges of the settings that commands and the service allow."""


@dataclass(frozen=True)
class SearchSettings:
    """Settings of beam search. Lengths are in tokens without </s>."""

    beam: int = 2
    """Hypotheses kept at each step."""
    n_best: int = 1
    """The most translations of each sentence; at most `beam`."""
    length_penalty: float = 0.0
    """a in score = log_prob / ((5 + tokens with </s>) / 6)^a (Wu et al. 2016, equation 14); 0 as in the paper."""
    word_reward: float = 0.0
    """Added to the score for each token, </s> included."""
    min_length_ratio: float = 0.0
    """Least number of target tokens for each source token."""
    max_length_ratio: float = 3.0
    """Largest number of target tokens for each source token, plus `EXTRA_LENGTH`."""
    min_tokens: int = 0
    max_tokens: int = 1000
    forbid_unknown: bool = False
    """Never generate <unk>."""
    mean: str = "probabilities"
    """Mean over an ensemble's predictions: one of `ensemble.MEANS`."""

    def limits(self, source_tokens: int) -> tuple[int, int]:
        """Return the least and the most tokens of a translation; the most wins if they contradict each other."""
        most = min(self.max_tokens, math.ceil(source_tokens * self.max_length_ratio) + EXTRA_LENGTH)
        return min(most, max(self.min_tokens, math.ceil(source_tokens * self.min_length_ratio))), most

    def score(self, log_prob: float, tokens: int) -> float:
        """Return the score of a finished hypothesis; `tokens` includes </s>."""
        return log_prob / self.penalty(tokens) + self.word_reward * tokens

    def bound(self, log_prob: float, least: int, most: int) -> float:
        """Return an upper bound of the scores that extensions of a hypothesis can have.

        Log-probabilities are negative and only fall, so the largest penalty gives the highest score; the reward is
        largest at the shortest or the longest length.

        Args:
            log_prob: log-probability of the hypothesis.
            least: tokens of the shortest extension, with </s>.
            most: tokens of the longest extension, with </s>.
        """
        return log_prob / self.penalty(most) + self.word_reward * (most if self.word_reward > 0 else least)

    def penalty(self, tokens: int) -> float:
        """Return the divisor of a log-probability."""
        return float(((5 + tokens) / 6) ** self.length_penalty)


@dataclass(frozen=True)
class Hypothesis:
    """A translation as token ids, with its log-probability in nats, </s> included."""

    ids: tuple[int, ...]  # without </s>
    log_prob: float
    complete: bool = True  # False: ended by the length limit
    score: float = 0.0  # ranks hypotheses; equal to log_prob with default settings


@torch.inference_mode()
def beam_search(
    models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], settings: SearchSettings
) -> list[list[Hypothesis]]:
    """Translate sentences by beam search.

    At each step the `beam` most probable extensions count: those that end in </s> become finished hypotheses, and the
    best `beam` others stay alive. A sentence is done when no live hypothesis can still enter its `n_best` finished ones
    (`SearchSettings.bound`), so early stopping changes no result. A beam of 1 is greedy search. Ties go to the earlier
    hypothesis, then to the lower token id; among finished hypotheses to the one that ended first.

    Args:
        models: one or more models of equal vocabularies.
        sources: token ids of each sentence, without </s>.
        settings: beam width, ranking and length limits.

    Returns:
        1 to `n_best` different hypotheses for each sentence, the best first; an empty source has the empty translation.

    Raises:
        UserError: a model predicts what is no number.
    """
    assert 1 <= settings.n_best <= settings.beam, "n_best is at most the beam"
    lists = [[Hypothesis((), 0.0)] for _ in sources]
    rows = [row for row, source in enumerate(sources) if source]
    if rows:
        search = Search(models, [sources[row] for row in rows], settings)
        for row, hypotheses in zip(rows, search.run(), strict=True):
            lists[row] = hypotheses
    return lists


class Search:
    """The state of a search: live hypotheses of all unfinished sentences, best first, and finished hypotheses."""

    def __init__(self, models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], settings: SearchSettings) -> None:
        self.settings, self.ensemble = settings, Ensemble(models, sources, settings.mean)
        device, N = self.ensemble.device, len(sources)
        self.finished: list[list[Hypothesis]] = [[] for _ in sources]
        self.limits = [settings.limits(len(source)) for source in sources]
        self.sentences = list(range(N))  # sentence of each of the N rows
        self.log_probs = torch.zeros(N, 1, device=device)  # [N, K]; K is 1 (the empty hypothesis), later `beam`
        self.tokens = torch.empty(N, 1, 0, dtype=torch.int64, device=device)  # [N, K, length]

    def run(self) -> list[list[Hypothesis]]:
        """Search until all sentences are done, and return their finished hypotheses."""
        last = torch.full((len(self.sentences),), EOS, device=self.ensemble.device)  # [N * K]
        while self.sentences:
            last = self.advance(last)
        check(all(self.finished), "search: found no translation; expected limits that allow one")
        return self.finished

    def advance(self, last: Tensor) -> Tensor:
        """Extend every live hypothesis by a token and return the last tokens of the new ones, [N * K]."""
        beam = self.settings.beam
        log_probs = self.ensemble.next_log_probs(last).view(*self.log_probs.shape, -1)  # [N, K, V]
        limits = [self.limits[sentence] for sentence in self.sentences]
        forbid(log_probs, self.tokens.shape[2], limits, self.settings.forbid_unknown)
        top, parents, tokens = best_extensions(self.log_probs, log_probs, 2 * beam)  # at most K of them end
        ended = tokens == EOS
        self.finish(top[:, :beam], parents[:, :beam], ended[:, :beam])
        living = torch.argsort(ended.to(torch.int8), dim=1, stable=True)[:, :beam]  # best first
        self.log_probs = top.masked_fill(ended, -math.inf).gather(1, living)
        return self.keep(parents.gather(1, living), tokens.gather(1, living))

    def finish(self, log_probs: Tensor, parents: Tensor, ended: Tensor) -> None:
        """Add the extensions that end in </s> to the finished hypotheses; all arguments are [N, K]."""
        length = self.tokens.shape[2]
        rows, columns = (ended & log_probs.isfinite()).nonzero().unbind(1)
        ids = self.tokens[rows, parents[rows, columns]].tolist()
        for row, log_prob, tokens in zip(rows.tolist(), log_probs[rows, columns].tolist(), ids, strict=True):
            sentence = self.sentences[row]
            complete = length < self.limits[sentence][1]
            hypothesis = Hypothesis(tuple(tokens), log_prob, complete, self.settings.score(log_prob, length + 1))
            insort(self.finished[sentence], hypothesis, key=lambda finished: -finished.score)
            del self.finished[sentence][self.settings.n_best :]

    def keep(self, parents: Tensor, tokens: Tensor) -> Tensor:
        """Move the state on to the chosen extensions, drop finished sentences, and return the last tokens [N * K].

        Args:
            parents: the hypothesis that each extension extends, [N, K].
            tokens: the token added, [N, K].
        """
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
        """Return the rows in which a live hypothesis can still enter the n best."""
        length, n_best = self.tokens.shape[2], self.settings.n_best
        going = []
        for row, log_prob in enumerate(self.log_probs[:, 0].tolist()):
            check(not math.isnan(log_prob), NO_NUMBER)
            finished, (_, most) = self.finished[self.sentences[row]], self.limits[self.sentences[row]]
            if length > most or log_prob == -math.inf:
                continue
            bound = self.settings.bound(log_prob, length + 1, most + 1)
            if len(finished) < n_best or bound > finished[-1].score:
                going.append(row)
        return going


def forbid(log_probs: Tensor, length: int, limits: Sequence[tuple[int, int]], unknown: bool) -> None:
    """Set the log-probabilities of forbidden next tokens to -inf, in place.

    Args:
        log_probs: log-probability of each next token, [N, K, V].
        length: number of tokens of all hypotheses.
        limits: the least and the most tokens of each of the N sentences; at the most only </s> is allowed.
        unknown: True to forbid <unk>.
    """
    log_probs[:, :, PAD] = -math.inf
    if unknown:
        log_probs[:, :, UNK] = -math.inf
    for row, (least, most) in enumerate(limits):
        if length < least:
            log_probs[row, :, EOS] = -math.inf
        if length >= most:
            log_probs[row, :, :EOS] = log_probs[row, :, EOS + 1 :] = -math.inf
