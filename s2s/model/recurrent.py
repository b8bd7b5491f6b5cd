"""The encoder-decoder of the paper: two stacks of recurrent layers joined by a state of fixed size.

Sutskever et al. 2014, section 2. Shapes: B batch, S source length, T target length, E embedding, H hidden, L layers, V
vocabulary.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from s2s.model.interface import Architecture, Decoder, Encoder, State, Step, Tensors
from s2s.model.stack import Stack


class RecurrentEncoder(Encoder):
    """An encoder that turns a source sentence into the last state of every layer."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.embedding = nn.Embedding(architecture.source_vocabulary, architecture.embedding)
        self.dropout = nn.Dropout(architecture.dropout)
        self.stack = Stack(architecture, architecture.embedding)
        self.backward_stack = Stack(architecture, architecture.embedding) if architecture.bidirectional else None
        H, parts = architecture.hidden, range(self.stack.cell.states)
        self.bridges = nn.ModuleList(nn.Linear(2 * H, H) for _ in parts) if architecture.bidirectional else None

    def forward(self, sources: PackedSequence) -> State:
        """Return the state after the last token of each sentence, [L, B, H] each: h, and c if the cell has one.

        With two directions, h becomes tanh(W [forward; backward] + b), with the same W for all layers. c has its own W,
        and no tanh, which would bound it.
        """
        return State(self.read(sources)[1])

    def vectors(self, sources: PackedSequence) -> dict[str, Tensor]:
        """Return the state after the last token of each sentence, [L, B, H], by name."""
        return dict(zip(("h", "c"), self.read(sources)[1], strict=False))

    def read(self, sources: PackedSequence) -> tuple[PackedSequence, Tensors]:
        """Return the top layer's h at every position, [H], or [2 H] with two directions, and the last state."""
        embedded = self.dropout(self.embedding(sources.data))  # [all tokens, E]
        outputs, state = self.stack.read(embedded, sources.batch_sizes)
        if self.backward_stack is not None:
            mirror = mirrored(sources.batch_sizes).to(embedded.device)
            back_outputs, back_state = self.backward_stack.read(embedded[mirror], sources.batch_sizes)
            outputs = torch.cat((outputs, back_outputs[mirror]), dim=1)
            state = self.join(state, back_state)
        order = sources.unsorted_indices
        if order is not None:
            state = tuple(part.index_select(1, order) for part in state)
        return sources._replace(data=outputs), state

    def join(self, state: Tensors, back_state: Tensors) -> Tensors:
        """Join the states of two directions into one, [L, B, H] each."""
        assert self.bridges is not None, "only an encoder of two directions joins states"
        parts = zip(self.bridges, state, back_state, strict=True)
        h, *c = (bridge(torch.cat((forward, backward), dim=2)) for bridge, forward, backward in parts)
        return torch.tanh(h), *c


def mirrored(sizes: Tensor) -> Tensor:
    """Return the index that reverses each of several packed sentences, [all tokens].

    Args:
        sizes: number of sentences at each step, the longest first, [S].
    """
    starts = sizes.cumsum(0) - sizes
    lengths = (sizes[:, None] > torch.arange(int(sizes[0]))).sum(0)  # [B]
    steps = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
    sentences = torch.arange(len(steps)) - starts[steps]
    return starts[lengths[sentences] - 1 - steps] + sentences


class RecurrentDecoder(Decoder):
    """A decoder that predicts each token from the encoder's state and the tokens before."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.embedding = nn.Embedding(architecture.target_vocabulary, architecture.embedding)
        self.dropout = nn.Dropout(architecture.dropout)
        self.stack = Stack(architecture, architecture.embedding)
        self.output = nn.Linear(architecture.hidden, architecture.target_vocabulary)

    def forward(self, target_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the top layer's h at all steps, [T, B, H], and the state of all layers after them."""
        h, after = self.stack(self.dropout(self.embedding(target_inputs)), state.own)
        return h, State(after)

    def stepper(self) -> Step:
        """Return a function that computes all layers of one token."""
        layers = self.stack.stepper()

        def step(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            h, after = layers(self.embedding(tokens), state.own)
            return h, State(after)

        return step
