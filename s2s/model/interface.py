"""The interface of a network: an encoder makes a state, and a decoder advances it.

Search, ensembles, scoring and training use nothing else of a network. A new network is a module with an encoder and a
decoder, and a line in `NETWORKS`.

Shapes: N or B sentences, R hypotheses, S source length, T target length, O width of the softmax's input, L layers, H
hidden, V vocabulary.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

Tensors = tuple[Tensor, ...]


class State(NamedTuple):
    """A decoder's state: R hypotheses of N sentences, R / N of each, those of a sentence next to each other.

    Training has one hypothesis a sentence, the right translation. Search has as many as its beam is wide, and they
    share their source.
    """

    own: Tensors
    """Tensors of each hypothesis, [.., R, ..], which a step changes."""
    source: Tensors = ()
    """Tensors of each sentence, [.., N, ..], which steps only read."""

    def each(self, change: Callable[[Tensor], Tensor]) -> "State":
        """Return a state with all tensors changed by a function."""
        return State(*(tuple(map(change, part)) for part in self))

    def take(self, hypotheses: Tensor, sentences: Tensor | None) -> "State":
        """Select hypotheses and sentences by number, in this order.

        Args:
            hypotheses: numbers of hypotheses, which may repeat.
            sentences: numbers of the sentences that these are of; None: all sentences, unchanged.
        """
        own = tuple(part.index_select(1, hypotheses) for part in self.own)
        if sentences is None:
            return State(own, self.source)
        return State(own, tuple(part.index_select(1, sentences) for part in self.source))


Step = Callable[[Tensor, State], tuple[Tensor, State]]
"""A step: the last tokens, [R], and the state before them to the softmax's input, [R, O], and the state after."""


@dataclass(frozen=True)
class Architecture:
    """The settings that fix a model's shape and equations, explained in params.yaml and kept in model.json."""

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
    """A network that reads source sentences."""

    embedding: nn.Embedding

    @abstractmethod
    def forward(self, sources: PackedSequence) -> State:
        """Return the state that the decoder starts from."""

    @abstractmethod
    def vectors(self, sources: PackedSequence) -> dict[str, Tensor]:
        """Return a vector of each sentence from each layer, [L, B, H], by name: h, and c if the cell has one."""


class Decoder(nn.Module, ABC):
    """A network that predicts translations token by token."""

    embedding: nn.Embedding
    dropout: nn.Dropout
    output: nn.Linear
    """The layer from the softmax's input, [.., O], to logits, [.., V]."""
    attends = False
    """Whether the decoder has attention weights."""

    @abstractmethod
    def forward(self, target_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Compute all steps of given input tokens (teacher forcing).

        Args:
            target_inputs: tokens, [T, B].
            state: before the first of them.

        Returns:
            The softmax's input before dropout, [T, B, O], and the state after the last token.
        """

    @abstractmethod
    def stepper(self) -> Step:
        """Return a function for evaluation that computes `forward` of one token, with prepacked weights."""

    def attention(self, target_inputs: Tensor, state: State) -> Tensor:
        """Return each step's attention weights over source positions, [T, B, S], which add up to 1.

        Args:
            target_inputs: tokens, [T, B].
            state: from the encoder; positions are in the order in which the encoder read them.
        """
        raise NotImplementedError
