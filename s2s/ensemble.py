"""Models of the same vocabularies that say the next token together (Sutskever et al. 2014, section 3.6).

Shapes: N sentences, R hypotheses, V vocabulary.
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from s2s.data import move, pack_sources
from s2s.model import Seq2Seq
from s2s.network.cells import product
from s2s.network.interface import State

SOURCE_TOKENS = 16_384  # read together, at most: their gates take 260 MB with layers of 1,000
MEANS = ("probabilities", "log_probabilities")


class Stepper:
    """The decoder of one model, with its weights laid out for steps of one token."""

    def __init__(self, model: Seq2Seq) -> None:
        self.model, self.reads = model, model.decoder.stepper()
        self.output = product(model.decoder.output.weight, model.decoder.output.bias)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.model.parameters()).device

    def start(self, sources: Sequence[Sequence[int]]) -> State:
        """The state before the first token of each sentence."""
        reverse = self.model.architecture.reverse_source
        packed = pack_sources([torch.tensor(source, dtype=torch.int64) for source in sources], reverse)
        return self.model.encoder(move(packed, self.device))  # type: ignore[no-any-return]

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """The last token of each hypothesis, [R], and the state before it to log-probabilities [R, V] and the next."""
        read, state = self.reads(tokens, state)
        return self.output(read).float().log_softmax(dim=1), state


class Ensemble:
    """The states of all models for the hypotheses that are searched, each on its model's device."""

    def __init__(self, models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], mean: str) -> None:
        """Reads the sources; each is one hypothesis without a token yet."""
        self.steppers = [Stepper(model) for model in models]
        self.mean = mean
        self.states = [stepper.start(sources) for stepper in self.steppers]

    @property
    def device(self) -> torch.device:
        """Where log-probabilities come out: that of the first model."""
        return self.steppers[0].device

    def next_log_probs(self, tokens: Tensor) -> Tensor:
        """The log-probability of every token after the last ones, [R], of all hypotheses: [R, V]."""
        found = []
        for number, stepper in enumerate(self.steppers):
            log_probs, self.states[number] = stepper.step(tokens.to(stepper.device), self.states[number])
            found.append(log_probs)
        return mean([log_probs.to(self.device) for log_probs in found], self.mean)

    def keep(self, hypotheses: Tensor, sentences: Tensor | None) -> None:
        """Goes on with the hypotheses of these numbers alone, in this order; one may be there several times.

        Args:
            hypotheses: as many of each sentence, those of a sentence side by side.
            sentences: the numbers of those that they are of; None: all, in the order in which they are.
        """
        for number, stepper in enumerate(self.steppers):
            chosen = None if sentences is None else sentences.to(stepper.device)
            self.states[number] = self.states[number].take(hypotheses.to(stepper.device), chosen)


def mean(log_probs: Sequence[Tensor], kind: str) -> Tensor:
    """What several models say together: log-probabilities of one shape each, to one of it.

    Args:
        log_probs: of each model.
        kind: "probabilities", their arithmetic mean, or "log_probabilities": their geometric one, which is no
            distribution, for it adds up to less than one.
    """
    if len(log_probs) == 1:
        return log_probs[0]
    together = torch.stack(list(log_probs))
    if kind == "log_probabilities":
        return together.mean(dim=0)
    return together.logsumexp(dim=0) - math.log(len(log_probs))


def spread(device: str, count: int) -> list[str]:
    """Where each of `count` models computes: on several GPUs in turn, where there are several."""
    gpus = torch.cuda.device_count() if device == "cuda" else 0
    return [f"cuda:{number % gpus}" if gpus else device for number in range(count)]


def batches(lengths: Sequence[int], sentences: int, tokens: int = SOURCE_TOKENS) -> Iterator[list[int]]:
    """The numbers of the sentences to be computed together, alike in length, the longest first.

    Args:
        lengths: tokens of each sentence.
        sentences: at most so many a batch.
        tokens: at most so many a batch; a longer sentence is a batch of its own.
    """
    batch: list[int] = []
    held = 0
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if batch and (len(batch) == sentences or held + lengths[row] > tokens):
            yield batch
            batch, held = [], 0
        batch.append(row)
        held += lengths[row]
    if batch:
        yield batch
