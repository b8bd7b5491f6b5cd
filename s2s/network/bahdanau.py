"""Attention that is added up: a decoder that looks at the source before each of its steps (Bahdanau et al. 2015).

Shapes: R hypotheses of N sentences, K = R / N, S source length, T target length, E embedding, H hidden, L layers, D
annotation, O maxout units.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from s2s.network.attention import AnnotatingEncoder, annotation_width, contexts, weigh
from s2s.network.cells import product
from s2s.network.interface import Architecture, Decoder, State, Step, Tensors
from s2s.network.maxout import Maxout
from s2s.network.stack import Stack

Advance = Callable[[Tensor, State], tuple[Tensor, Tensor, State]]
"""Word vectors [R, E] and the state before to [s; y; c], [R, H + E + D], weights, [R, S], and the state after."""


class BahdanauEncoder(AnnotatingEncoder):
    """Reads a source sentence into an annotation of each word; D is 2 H of two directions."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        H = architecture.hidden
        if self.bridges is not None:
            self.bridges = nn.ModuleList(nn.Linear(H, H) for _ in self.bridges)  # W_s
        self.score_keys = nn.Linear(annotation_width(architecture), H, bias=False)  # U_a

    def forward(self, sources: PackedSequence) -> State:
        """The state before the first token.

        Returns:
            Own: h, and c if the cell has one, [L, N, H] each. Source: U h of each annotation h, which no step changes,
            [S, N, H]; annotations, [S, N, D]; and where words stand, [S, N].
        """
        state, annotations, is_text = self.annotate(sources)
        return State(state, (self.score_keys(annotations), annotations, is_text))

    def join(self, state: Tensors, back_state: Tensors) -> Tensors:
        """s_0 = tanh(W_s h) of the last state of the second direction, which has just read the sentence's first word.

        Appendix A.2.2. Layers share W_s. An LSTM's memory, which the paper does not have, has a matrix of its own and
        no tanh, which would bound it.
        """
        assert self.bridges is not None, "only two directions are joined"
        h, *c = (bridge(part) for bridge, part in zip(self.bridges, back_state, strict=True))
        return torch.tanh(h), *c


class BahdanauDecoder(Decoder):
    """Says the translation token by token; each step reads the last token y and a context c, and so does the softmax.

    Appendices A.1.2 and A.2.2: the context of step i is a mean over annotations h_j by weights that are the softmax of
    v tanh(W s_(i-1) + U h_j), where s is h of the top layer. As in equation 4, the maxout layer reads [s_i; y_(i-1);
    c_i]; appendix A.2.2 has s_(i-1) there. The first y is </s>, in the paper nothing.
    """

    attends = True

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        E, H, D = architecture.embedding, architecture.hidden, annotation_width(architecture)
        self.embedding = nn.Embedding(architecture.target_vocabulary, E)
        self.dropout = nn.Dropout(architecture.dropout)
        self.stack = Stack(architecture, E + D)
        self.score_query = nn.Linear(H, H, bias=False)  # W_a
        self.score_vector = nn.Parameter(torch.empty(H))  # v_a
        self.maxout = Maxout(H + E + D, architecture.maxout)
        self.output = nn.Linear(architecture.maxout, architecture.target_vocabulary)

    def forward(self, target_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """What the softmax reads is the maxout layer, [T, R, O], computed of all steps together."""
        seen, _, state = self.run(target_inputs, state)
        return self.maxout(seen), state

    def stepper(self) -> Step:
        """Attention, all layers, then the maxout layer, a token at a time."""
        advance, maxout = self.advance(), self.maxout.stepper()

        def step(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            seen, _, state = advance(self.embedding(tokens), state)
            return maxout(seen), state

        return step

    def attention(self, target_inputs: Tensor, state: State) -> Tensor:
        """The weights by which each step's context was made, [T, R, S]."""
        return self.run(target_inputs, state)[1]

    def run(self, target_inputs: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """All steps one after the other: [T, R, H + E + D], [T, R, S], and the state after, as of `Advance`."""
        advance, seen, weights = self.advance(), [], []
        for words in self.dropout(self.embedding(target_inputs)).unbind(0):
            one, looked, state = advance(words, state)
            seen.append(one)
            weights.append(looked)
        return torch.stack(seen), torch.stack(weights), state

    def advance(self) -> Advance:
        """One step up to the maxout layer, with weights laid out once where no gradient is wanted."""
        query, step = product(self.score_query.weight, None), self.stack.stepper()

        def one(words: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
            keys, annotations, is_text = state.source
            queries = torch.unflatten(query(state.own[0][-1]), 0, (keys.shape[1], -1))  # [N, K, H]
            sums = (keys.unsqueeze(2) + queries).tanh_()  # [S, N, K, H], in place: nothing else of a step is as large
            weights = weigh((sums @ self.score_vector).permute(1, 2, 0), is_text.t().unsqueeze(1))  # [N, K, S]
            context = contexts(weights, annotations).flatten(0, 1)  # [R, D]
            inputs = torch.cat((words, context), dim=1)
            s, after = step(inputs, state.own)
            return torch.cat((s, inputs), dim=1), weights.flatten(0, 1), State(after, state.source)

        return one
