"""The encoder-decoder of the paper: two stacks of recurrent layers, joined by one fixed-size state.

Sutskever et al. 2014, section 2. Shapes: B batch, S source length, T target length, E embedding, H hidden, L layers, V
vocabulary.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from s2s.network.interface import Architecture, Decoder, Encoder, State, Step, Tensors
from s2s.network.stack import Stack


class RecurrentEncoder(Encoder):
    """Reads a source sentence into the last state of every layer."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.embedding = nn.Embedding(architecture.source_vocabulary, architecture.embedding)
        self.dropout = nn.Dropout(architecture.dropout)
        self.stack = Stack(architecture, architecture.embedding)
        self.backward_stack = Stack(architecture, architecture.embedding) if architecture.bidirectional else None
        H, parts = architecture.hidden, range(self.stack.cell.states)
        self.bridges = nn.ModuleList(nn.Linear(2 * H, H) for _ in parts) if architecture.bidirectional else None

    def forward(self, sources: PackedSequence) -> State:
        """The state after the last token of each sentence, [L, B, H] each: h, and c if the cell has one.

        Of two directions h and c are joined by a layer each, the same for all layers: tanh(W [forward; backward] + b),
        for c without the tanh, which would bound it.
        """
        return State(self.read(sources)[1])

    def vectors(self, sources: PackedSequence) -> dict[str, Tensor]:
        """The state after the last token."""
        return dict(zip(("h", "c"), self.read(sources)[1], strict=False))

    def read(self, sources: PackedSequence) -> tuple[PackedSequence, Tensors]:
        """Every position's h of the top layer, [H] or [2 H] of two directions, beside the last state."""
        embedded = self.dropout(self.embedding(sources.data))  # [all tokens, E]
        outputs, state = self.stack.read(embedded, sources.batch_sizes)
        if self.backward_stack is not None:
            mirror = mirrored(sources.batch_sizes).to(embedded.device)
            back, back_state = self.backward_stack.read(embedded[mirror], sources.batch_sizes)
            outputs = torch.cat((outputs, back[mirror]), dim=1)
            state = self.join(state, back_state)
        order = sources.unsorted_indices
        if order is not None:
            state = tuple(part.index_select(1, order) for part in state)
        return sources._replace(data=outputs), state

    def join(self, state: Tensors, back_state: Tensors) -> Tensors:
        """The states of two directions as one, [L, B, H] each."""
        assert self.bridges is not None, "only two directions are joined"
        joined = zip(self.bridges, state, back_state, strict=True)
        h, *c = (bridge(torch.cat((one, other), dim=2)) for bridge, one, other in joined)
        return torch.tanh(h), *c


def mirrored(sizes: Tensor) -> Tensor:
    """Where each token of packed sentences goes when each sentence is turned around, [all tokens].

    Args:
        sizes: how many sentences each step has, the longest first, [S].
    """
    starts = sizes.cumsum(0) - sizes
    lengths = (sizes[:, None] > torch.arange(int(sizes[0]))).sum(0)  # [B]
    steps = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
    sentences = torch.arange(len(steps)) - starts[steps]
    return starts[lengths[sentences] - 1 - steps] + sentences


class RecurrentDecoder(Decoder):
    """Says the translation token by token, from the encoder's state and the tokens before."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.embedding = nn.Embedding(architecture.target_vocabulary, architecture.embedding)
        self.dropout = nn.Dropout(architecture.dropout)
        self.stack = Stack(architecture, architecture.embedding)
        self.output = nn.Linear(architecture.hidden, architecture.target_vocabulary)

    def forward(self, target_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """What the softmax reads is the top layer's h, [T, B, H]; the state is that of all layers."""
        h, after = self.stack(self.dropout(self.embedding(target_inputs)), state.own)
        return h, State(after)

    def stepper(self) -> Step:
        """All layers, a token at a time."""
        step = self.stack.stepper()

        def one(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            h, after = step(self.embedding(tokens), state.own)
            return h, State(after)

        return one
