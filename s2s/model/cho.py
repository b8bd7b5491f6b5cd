"""The encoder-decoder of Cho et al. 2014, whose decoder reads one summary vector of the source at each step.

Shapes: B batch, R hypotheses, T target length, E embedding, H hidden, L layers, O maxout units.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from s2s.model.interface import Architecture, Decoder, State, Step
from s2s.model.layers import Maxout
from s2s.model.recurrent import RecurrentEncoder
from s2s.model.stack import Stack


class ChoEncoder(RecurrentEncoder):
    """An encoder that turns a source sentence into its summary vector and the decoder's first state."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        self.layers, self.parts = architecture.layers, self.stack.cell.states
        self.summary = nn.Linear(self.parts * architecture.hidden, architecture.hidden)  # V
        self.start = nn.Linear(architecture.hidden, self.parts * self.layers * architecture.hidden)  # V'

    def forward(self, sources: PackedSequence) -> State:
        """Return the decoder's state before the first token, [L, B, H] each, and the summary, [1, B, H].

        Appendix A.1: the summary is tanh(V h) with h the top layer's last state, and the decoder starts from
        tanh(V' summary). For an LSTM, which the paper does not have, V reads [h; c], and c starts from V' summary
        without the tanh, which would bound it. Each layer of the decoder has its own rows of V'.
        """
        _, state = self.read(sources)
        summary = torch.tanh(self.summary(torch.cat([part[-1] for part in state], dim=1)))  # [B, H]
        starts = self.start(summary).unflatten(1, (self.parts, self.layers, -1)).permute(1, 2, 0, 3)
        h, *memory = (part.contiguous() for part in starts)  # [L, B, H] each, contiguous as cuDNN wants them
        return State((torch.tanh(h), *memory), (summary.unsqueeze(0),))


class ChoDecoder(Decoder):
    """A decoder whose lowest layer and maxout layer read the summary beside each token.

    So the summary enters every gate of the lowest layer. In the paper the reset gate also multiplies the summary's
    share of the candidate; here it multiplies only that of h, as in Bahdanau et al. 2015, appendix A.2.2, so that
    torch's fused layers can compute all steps together.
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
        """Return the maxout layer over [h; last token; summary], [T, B, O], and the state after."""
        (summary,) = state.source
        summaries = summary.expand(len(target_inputs), -1, -1)  # [T, B, H]
        inputs = torch.cat((self.dropout(self.embedding(target_inputs)), summaries), dim=2)  # [T, B, E + H]
        h, after = self.stack(inputs, state.own)
        return self.maxout(torch.cat((h, inputs), dim=2)), State(after, state.source)

    def stepper(self) -> Step:
        """Return a function that computes all layers and the maxout layer of one token."""
        layers, maxout = self.stack.stepper(), self.maxout.stepper()

        def step(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            (summary,) = state.source
            summaries = summary[0].repeat_interleave(len(tokens) // summary.shape[1], dim=0)  # [R, H]
            inputs = torch.cat((self.embedding(tokens), summaries), dim=1)  # [R, E + H]
            h, after = layers(inputs, state.own)
            return maxout(torch.cat((h, inputs), dim=1)), State(after, state.source)

        return step
