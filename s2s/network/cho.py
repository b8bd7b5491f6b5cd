"""The encoder-decoder of Cho et al. 2014: what was read is one vector, which the decoder sees at each step.

Shapes: B batch, R hypotheses, T target length, E embedding, H hidden, L layers, O maxout units.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from s2s.network.interface import Architecture, Decoder, State, Step
from s2s.network.maxout import Maxout
from s2s.network.recurrent import RecurrentEncoder
from s2s.network.stack import Stack


class ChoEncoder(RecurrentEncoder):
    """Reads a source sentence into that vector, its summary, and into the decoder's state before the first token."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        self.layers, self.parts = architecture.layers, self.stack.cell.states
        self.summary = nn.Linear(self.parts * architecture.hidden, architecture.hidden)  # V
        self.start = nn.Linear(architecture.hidden, self.parts * self.layers * architecture.hidden)  # V'

    def forward(self, sources: PackedSequence) -> State:
        """The decoder's state before the first token, [L, B, H] each, and the summary, [1, B, H].

        Appendix A.1: the summary is tanh(V h), h the top layer's last state, and the decoder's is tanh(V' summary). Of
        an LSTM, which the paper does not have, V reads h and memory side by side, and memories start as V' summary,
        without the tanh, which would bound them. Each layer of the decoder has rows of V' to itself.
        """
        _, state = self.read(sources)
        summary = torch.tanh(self.summary(torch.cat([part[-1] for part in state], dim=1)))  # [B, H]
        starts = self.start(summary).unflatten(1, (self.parts, self.layers, -1)).permute(1, 2, 0, 3)
        h, *memory = (part.contiguous() for part in starts)  # [L, B, H] each; cuDNN reads no other layout
        return State((torch.tanh(h), *memory), (summary.unsqueeze(0),))


class ChoDecoder(Decoder):
    """Says the translation token by token; the summary stands beside each token that it reads, and before the softmax.

    So the summary enters every gate of the lowest layer. In the paper the reset gate is laid on the summary's share of
    the candidate too; here, as in Bahdanau et al. 2015, appendix A.2.2, on what is left of h alone, so that torch's
    fused layers take all steps together.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        E, H = architecture.embedding, architecture.hidden
        self.embedding = nn.Embedding(architecture.target_vocabulary, E)
        self.dropout = nn.Dropout(architecture.dropout)
        self.stack = Stack(architecture, E + H)
        self.maxout = Maxout(H + E + H, architecture.maxout)
        self.output = nn.Linear(architecture.maxout, architecture.target_vocabulary)

    def forward(self, target_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """What the softmax reads is the maxout layer over [h; last token; summary], [T, B, O]."""
        (summary,) = state.source
        seen = summary.expand(len(target_inputs), -1, -1)  # [T, B, H]
        inputs = torch.cat((self.dropout(self.embedding(target_inputs)), seen), dim=2)  # [T, B, E + H]
        h, after = self.stack(inputs, state.own)
        return self.maxout(torch.cat((h, inputs), dim=2)), State(after, state.source)

    def stepper(self) -> Step:
        """All layers, then the maxout layer, a token at a time."""
        step, maxout = self.stack.stepper(), self.maxout.stepper()

        def one(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            (summary,) = state.source
            seen = summary[0].repeat_interleave(len(tokens) // summary.shape[1], dim=0)  # [R, H]
            inputs = torch.cat((self.embedding(tokens), seen), dim=1)  # [R, E + H]
            h, after = step(inputs, state.own)
            return maxout(torch.cat((h, inputs), dim=1)), State(after, state.source)

        return one
