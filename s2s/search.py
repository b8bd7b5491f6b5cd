"""Left-to-right beam search over a batch of sentences, with one model or an ensemble.

Sutskever et al. 2014, section 3.2. Shapes: N sentences still searched, K beam, V vocabulary, L layers, H hidden.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from s2s.data import move, pack_sources
from s2s.model import Seq2Seq, State
from s2s.vocabulary import EOS, PAD

EXTRA_LENGTH = 10  # tokens that a translation may have beyond its ratio to the source


@dataclass(frozen=True)
class Hypothesis:
    """A translation and the sum of the log-probabilities of its tokens, </s> included, in nats."""

    ids: tuple[int, ...]  # without </s>
    log_prob: float
    complete: bool = True  # False: the length limit came before any </s>


@torch.inference_mode()
def beam_search(
    models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], beam: int, max_length_ratio: float
) -> list[Hypothesis]:
    """Finds the most probable translation of each sentence that a beam of this width meets.

    At each step the `beam` best of all extensions are looked at: one that ends in </s> leaves the beam for the
    finished ones, and the best others go on. A sentence is done when its best finished hypothesis is at least as
    probable as every living one, which can only lose by going on: stopping then changes nothing. A beam of one is
    greedy search. Of equally probable extensions the earlier hypothesis, then the lower token id, is preferred.

    Args:
        models: one, or several with the same vocabularies, whose probabilities are averaged (section 3.6).
        sources: token ids of each sentence, without </s>.
        beam: hypotheses kept, K.
        max_length_ratio: tokens that a translation may have for each source token, beside `EXTRA_LENGTH`.

    Returns:
        One hypothesis a sentence, in order; an empty source has the empty translation.
    """
    found = [Hypothesis((), 0.0) for _ in sources]
    rows = [row for row, source in enumerate(sources) if source]
    if rows:
        search = Search(models, [sources[row] for row in rows], beam, max_length_ratio)
        for row, hypothesis in zip(rows, search.run(), strict=True):
            found[row] = hypothesis
    return found


class Search:
    """The living hypotheses of all unfinished sentences, [N, K], and the best finished one of each."""

    def __init__(
        self, models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], beam: int, max_length_ratio: float
    ) -> None:
        self.models, self.beam = models, beam
        self.device = next(models[0].parameters()).device
        self.best: list[Hypothesis | None] = [None] * len(sources)
        self.limits = torch.tensor([math.ceil(len(source) * max_length_ratio) + EXTRA_LENGTH for source in sources])
        self.rows = torch.arange(len(sources))  # which sentence each of the N rows is
        self.states = [repeat(encode(model, sources), beam) for model in models]
        self.log_probs = torch.full((len(sources), beam), -math.inf, device=self.device)
        self.log_probs[:, 0] = 0.0  # all start alike: only one may go on
        self.tokens = torch.full((len(sources), beam, 0), PAD, device=self.device)

    def run(self) -> list[Hypothesis]:
        """Steps until every sentence has its translation."""
        last = torch.full((self.log_probs.numel(),), EOS, device=self.device)  # [N * K]
        while len(self.rows):
            last = self.advance(last)
        return [hypothesis or Hypothesis((), 0.0, complete=False) for hypothesis in self.best]

    def advance(self, last: Tensor) -> Tensor:
        """Extends every living hypothesis by a token, and returns the tokens to go on from, [N * K]."""
        N, K = self.log_probs.shape
        scores = self.log_probs.unsqueeze(2) + self.next_log_probs(last).view(N, K, -1)  # [N, K, V]
        V = scores.shape[2]
        top, flat = top_extensions(scores.view(N, K * V), 2 * K)  # at most K of 2 K end, for each ends once
        parents, tokens = flat // V, flat % V  # [N, 2 K]
        ended = tokens == EOS
        self.finish(top[:, :K], parents[:, :K], ended[:, :K])
        order = torch.argsort(ended.to(torch.int8), dim=1, stable=True)[:, :K]  # the living, best first
        self.log_probs, parents, tokens = top.gather(1, order), parents.gather(1, order), tokens.gather(1, order)
        self.log_probs = self.log_probs.masked_fill(ended.gather(1, order), -math.inf)
        history = self.tokens.gather(1, parents.unsqueeze(2).expand(-1, -1, self.tokens.shape[2]))
        self.tokens = torch.cat((history, tokens.unsqueeze(2)), dim=2)  # [N, K, length]
        return self.keep(self.undecided(), parents, tokens)

    def next_log_probs(self, last: Tensor) -> Tensor:
        """The log-probability of every next token, [N * K, V]: of the mean of the models' probabilities."""
        log_probs = []
        for number, model in enumerate(self.models):
            logits, self.states[number] = model.decoder.step(last, self.states[number])
            log_probs.append(logits.float().log_softmax(dim=-1))
        if len(log_probs) == 1:
            return log_probs[0]
        return torch.stack(log_probs).logsumexp(dim=0) - math.log(len(log_probs))

    def finish(self, log_probs: Tensor, parents: Tensor, ended: Tensor) -> None:
        """Takes extensions by </s> among the K best, [N, K], into the best finished of their sentences."""
        for row, column in ended.nonzero().tolist():
            log_prob = float(log_probs[row, column])
            sentence = int(self.rows[row])
            known = self.best[sentence]
            if math.isfinite(log_prob) and (known is None or log_prob > known.log_prob):
                ids = self.tokens[row, parents[row, column]].tolist()
                self.best[sentence] = Hypothesis(tuple(ids), log_prob)

    def undecided(self) -> Tensor:
        """Which rows go on, [N]: a living hypothesis could still win, and the length limit is not reached."""
        alive = self.log_probs[:, 0].tolist()
        length = self.tokens.shape[2]
        going = []
        for row, sentence in enumerate(self.rows.tolist()):
            known = self.best[sentence]
            at_limit = length >= int(self.limits[sentence])
            if at_limit and known is None:
                self.best[sentence] = Hypothesis(tuple(self.tokens[row, 0].tolist()), alive[row], complete=False)
            going.append(not at_limit and (known is None or alive[row] > known.log_prob))
        return torch.tensor(going)

    def keep(self, going: Tensor, parents: Tensor, tokens: Tensor) -> Tensor:
        """Drops the rows that are done and lets each hypothesis take its parent's state."""
        K = self.beam
        places = going.nonzero().squeeze(1).to(self.device)
        self.rows = self.rows[going]
        self.log_probs, self.tokens = self.log_probs[places], self.tokens[places]
        chosen = (places.unsqueeze(1) * K + parents[places]).flatten()  # [N * K], into the old rows
        self.states = [(h.index_select(1, chosen), c.index_select(1, chosen)) for h, c in self.states]
        return tokens[places].flatten()


def top_extensions(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The best `count` of each row of scores, best first; of equal ones the first: [N, count] values and places."""
    top, places = scores.topk(min(count, scores.shape[1]), dim=1)
    by_place = places.argsort(dim=1, stable=True)
    top, places = top.gather(1, by_place), places.gather(1, by_place)
    by_score = top.argsort(dim=1, descending=True, stable=True)
    return top.gather(1, by_score), places.gather(1, by_score)


def encode(model: Seq2Seq, sources: Sequence[Sequence[int]]) -> State:
    """The decoder's start for each sentence, h and c [L, N, H]."""
    device = next(model.parameters()).device
    packed = pack_sources([torch.tensor(source) for source in sources], model.architecture.reverse_source)
    return model.encoder(move(packed, device))  # type: ignore[no-any-return]


def repeat(state: State, beam: int) -> State:
    """The state of each sentence once a hypothesis, [L, N * K, H]."""
    h, c = state
    return h.repeat_interleave(beam, dim=1), c.repeat_interleave(beam, dim=1)
