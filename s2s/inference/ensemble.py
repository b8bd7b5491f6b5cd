"""Ensembles: several models of equal vocabularies that predict the next token jointly (Sutskever et al. 2014, 3.6).

Shapes: N sentences, R hypotheses, V vocabulary.
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from s2s.data.batches import move, pack_sources
from s2s.model.interface import State
from s2s.model.layers import product
from s2s.model.seq2seq import Seq2Seq

SOURCE_TOKENS = 16_384  # the most of an encoder batch: their gates take 260 MB with layers of 1,000
NO_NUMBER = "model: found a prediction that is no number; expected weights that give finite ones"
MEANS = ("probabilities", "log_probabilities")


class Stepper:
    """The decoder of one model, with its weights arranged for steps of one token."""

    def __init__(self, model: Seq2Seq) -> None:
        self.model, self.reads = model, model.decoder.stepper()
        self.output = product(model.decoder.output.weight, model.decoder.output.bias)

    @property
    def device(self) -> torch.device:
        """The device of the model's weights."""
        return next(self.model.parameters()).device

    def start(self, sources: Sequence[Sequence[int]]) -> State:
        """Encode the sources and return the decoder state before the first token."""
        reverse = self.model.architecture.reverse_source
        packed = pack_sources([torch.tensor(source, dtype=torch.int64) for source in sources], reverse)
        return self.model.encoder(move(packed, self.device))  # type: ignore[no-any-return]

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Return log-probabilities [R, V] and the next state, given each hypothesis' last token [R] and state."""
        read, state = self.reads(tokens, state)
        return self.output(read).float().log_softmax(dim=1), state


class Ensemble:
    """Several models and their decoder states for all live hypotheses, each on its model's device."""

    def __init__(self, models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], mean: str) -> None:
        """Encode the sources; each starts as one empty hypothesis."""
        self.steppers = [Stepper(model) for model in models]
        self.mean = mean
        self.states = [stepper.start(sources) for stepper in self.steppers]

    @property
    def device(self) -> torch.device:
        """The device of the combined log-probabilities: that of the first model."""
        return self.steppers[0].device

    def next_log_probs(self, tokens: Tensor) -> Tensor:
        """Return the log-probabilities [R, V] of the next token, given each hypothesis' last token [R]."""
        by_model = []
        for number, stepper in enumerate(self.steppers):
            log_probs, self.states[number] = stepper.step(tokens.to(stepper.device), self.states[number])
            by_model.append(log_probs.to(self.device))
        return mean(by_model, self.mean)

    def keep(self, hypotheses: Tensor, sentences: Tensor | None) -> None:
        """Keep the given hypotheses only, in the given order.

        Args:
            hypotheses: indices of hypotheses, equally many for each sentence; an index may occur several times.
            sentences: indices of the sentences that they belong to; None keeps all sentences in their order.
        """
        for number, stepper in enumerate(self.steppers):
            chosen = None if sentences is None else sentences.to(stepper.device)
            self.states[number] = self.states[number].take(hypotheses.to(stepper.device), chosen)


def mean(log_probs: Sequence[Tensor], kind: str) -> Tensor:
    """Return the mean of several models' predictions, as log-probabilities of the same shape.

    Args:
        log_probs: log-probabilities of each model.
        kind: "probabilities" for the arithmetic mean, or "log_probabilities" for the geometric mean, which is not
            normalized: it sums to less than one.
    """
    if len(log_probs) == 1:
        return log_probs[0]
    together = torch.stack(list(log_probs))
    if kind == "log_probabilities":
        return together.mean(dim=0)
    return together.logsumexp(dim=0) - math.log(len(log_probs))


def spread(device: str, count: int) -> list[str]:
    """Return a device for each of `count` models; "cuda" is spread over all GPUs in turn."""
    gpus = torch.cuda.device_count() if device == "cuda" else 0
    return [f"cuda:{number % gpus}" if gpus else device for number in range(count)]


def batches(lengths: Sequence[int], sentences: int, tokens: int = SOURCE_TOKENS) -> Iterator[list[int]]:
    """Yield batches of sentence indices, sorted by length, the longest first.

    Args:
        lengths: number of tokens of each sentence.
        sentences: the most sentences of a batch.
        tokens: the most tokens of a batch; a longer sentence has its own batch.
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
