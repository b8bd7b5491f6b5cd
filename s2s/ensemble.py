"""Models of the same vocabularies that say the next token together (Sutskever et al. 2014, section 3.6).

Shapes: N sentences, R hypotheses, L layers, E embedding, H hidden, V vocabulary.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from s2s.data import move, pack_sources
from s2s.model import Seq2Seq, State

SOURCE_TOKENS = 16_384  # read together, at most: their gates take 260 MB with layers of 1,000
MEANS = ("probabilities", "log_probabilities")

Product = Callable[[Tensor], Tensor]  # rows [R, inputs] to rows [R, outputs]


class Stepper:
    """The decoder of one model, with its weights laid out for steps of one token."""

    def __init__(self, model: Seq2Seq) -> None:
        decoder = model.decoder
        self.model = model
        self.layers = [gates_of(weights) for weights in decoder.lstm.all_weights]
        self.output = product(decoder.output.weight, decoder.output.bias)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.model.parameters()).device

    def start(self, sources: Sequence[Sequence[int]]) -> State:
        """The state before the first token of each sentence, h and c [L, N, H]."""
        reverse = self.model.architecture.reverse_source
        packed = pack_sources([torch.tensor(source, dtype=torch.int64) for source in sources], reverse)
        return self.model.encoder(move(packed, self.device))  # type: ignore[no-any-return]

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """The last token of each hypothesis, [R], and the state before it to log-probabilities [R, V] and the next.

        It is the same as `Decoder.step` in evaluation. torch's own LSTM lays its weights out anew in every call, which
        takes as long as a step of some ten hypotheses.
        """
        top, state = lstm_step(self.layers, self.model.decoder.embedding(tokens), state)
        return self.output(top).float().log_softmax(dim=1), state


def lstm_step(layers: Sequence[Product], inputs: Tensor, state: State) -> tuple[Tensor, State]:
    """One step of a stack of layers, each as `gates_of` makes it.

    Inputs [R, E] and the state before them to the top layer's h, [R, H], and the state of all layers after.
    """
    hs, cs = [], []
    for gates, h, c in zip(layers, *state, strict=True):
        inputs, c = lstm_cell(gates(torch.cat((inputs, h), dim=1)), c)  # noqa: PLW2901
        hs.append(inputs)
        cs.append(c)
    return inputs, (torch.stack(hs), torch.stack(cs))


def gates_of(weights: Sequence[Tensor]) -> Product:
    """The product of a layer that reads input and h side by side: [R, E + H] to the sums of the gates, [R, 4 H]."""
    of_input, of_hidden, bias, hidden_bias = weights
    return product(torch.cat((of_input, of_hidden), dim=1), bias + hidden_bias)


def product(weight: Tensor, bias: Tensor) -> Product:
    """x W' + b for many x one after the other, W [outputs, inputs].

    On a processor oneDNN lays W out once as its kernels read it. Doing it in every call makes the softmax of 64 rows
    take 1.5 times as long. This is how torch.compile freezes a layer; torch has no other name for it.
    """
    packs = weight.is_cpu and weight.dtype == torch.float32 and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not packs:
        return partial(F.linear, weight=weight, bias=bias)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
    return lambda rows: torch.ops.mkldnn._linear_pointwise(rows, packed, bias, "none", [], "")


def lstm_cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The sums of the four gates, [R, 4 H], and c before to h and c after, [R, H] each (Graves 2013, section 2)."""
    entry, forget, candidate, exit_ = gates.chunk(4, dim=1)
    c = torch.sigmoid(forget) * c + torch.sigmoid(entry) * torch.tanh(candidate)
    return torch.sigmoid(exit_) * torch.tanh(c), c


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

    def keep(self, hypotheses: Tensor) -> None:
        """Goes on with the hypotheses of these numbers alone, in this order; one may be there several times."""
        for number, stepper in enumerate(self.steppers):
            chosen = hypotheses.to(stepper.device)
            h, c = self.states[number]
            self.states[number] = h.index_select(1, chosen), c.index_select(1, chosen)


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
