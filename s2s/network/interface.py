"""What fixes a model, and the terms on which its parts meet: an encoder makes a state, a decoder steps it.

Search, ensembles, scoring and training know nothing else of a network. Adding one is a module with an encoder and a
decoder, and its line in `s2s/model.py`.

Shapes: N or B sentences, R hypotheses, S source length, T target length, O what the softmax reads, L layers, H hidden.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

Tensors = tuple[Tensor, ...]


class State(NamedTuple):
    """What a decoder goes on from: R hypotheses of N sentences, R / N of each, those of a sentence side by side.

    Training has one of each, the right one; search has as many as its beam is wide, and they share their source.
    """

    own: Tensors
    """Of each hypothesis, [.., R, ..], what a step changes: tensors of any kind."""
    source: Tensors = ()
    """Of each sentence, [.., N, ..], what steps only look at."""

    def each(self, change: Callable[[Tensor], Tensor]) -> "State":
        """All tensors changed."""
        return State(*(tuple(map(change, part)) for part in self))

    def take(self, hypotheses: Tensor, sentences: Tensor | None) -> "State":
        """The hypotheses of these numbers, in this order, and the sentences that they are of; None: all as they are."""
        own = tuple(part.index_select(1, hypotheses) for part in self.own)
        if sentences is None:
            return State(own, self.source)
        return State(own, tuple(part.index_select(1, sentences) for part in self.source))


Step = Callable[[Tensor, State], tuple[Tensor, State]]
"""The last tokens, [R], and the state before them to what the softmax reads, [R, O], and the state after."""


@dataclass(frozen=True)
class Architecture:
    """What fixes the shape of a model and how it reads; params.yaml explains each field, model.json keeps all."""

    cell: str
    layers: int
    hidden: int
    embedding: int
    dropout: float
    reverse_source: bool
    init_uniform: float
    source_vocabulary: int
    target_vocabulary: int
    network: str = "recurrent"
    context: str = "initial"
    bidirectional: bool = False
    residual: bool = False
    layer_norm: bool = False
    maxout: int = 1
    heads: int = 1
    feed_forward: int = 1
    initialization: str = "uniform"


class Encoder(nn.Module, ABC):
    """Reads source sentences."""

    embedding: nn.Embedding

    @abstractmethod
    def forward(self, sources: PackedSequence) -> State:
        """What the decoder goes on from, of each sentence."""

    @abstractmethod
    def vectors(self, sources: PackedSequence) -> dict[str, Tensor]:
        """What it has made of each sentence, a vector a layer: by name, h and perhaps c, [L, B, H] each."""


class Decoder(nn.Module, ABC):
    """Says translations, token by token."""

    embedding: nn.Embedding
    dropout: nn.Dropout
    output: nn.Linear
    """What the softmax reads, [O], to unnormalized log-probabilities, [V]."""
    attends = False
    """It has an `attention`."""

    @abstractmethod
    def forward(self, target_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Teacher forcing: input tokens [T, B] and the state before them to what the softmax reads, [T, B, O].

        Returns:
            It, before dropout, and the state after the last token.
        """

    @abstractmethod
    def stepper(self) -> Step:
        """One token at a time, in evaluation: the same as `forward` of one step, with weights laid out once."""

    def attention(self, target_inputs: Tensor, state: State) -> Tensor:
        """How much each step looks at each source position, [T, B, S]: adds up to 1 over a sentence's positions.

        Args:
            target_inputs: tokens, [T, B].
            state: of the encoder. Positions are in the order in which it read.
        """
        raise NotImplementedError
