"""Additive attention: a decoder that attends to the source before each of its steps (Bahdanau et al. 2015).

Shapes: R hypotheses of N sentences, K = R / N hypotheses a sentence, S source length, T target length, E embedding, H
hidden, L layers, D annotation, O maxout units.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from s2s.model.attention import AnnotatingEncoder, annotation_width, contexts, weigh
from s2s.model.interface import Architecture, Decoder, State, Step, Tensors
from s2s.model.layers import Maxout, product
from s2s.model.stack import Stack

Advance = Callable[[Tensor, State], tuple[Tensor, Tensor, State]]
"""A step: word vectors [R, E] and the state before to [s; y; c], [R, H + E + D], weights [R, S] and the state after."""


class BahdanauEncoder(AnnotatingEncoder):
    """An encoder that turns a source sentence into an annotation of each word."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        H = architecture.hidden
        if self.bridges is not None:
            self.bridges = nn.ModuleList(nn.Linear(H, H) for _ in self.bridges)  # W_s
        self.score_keys = nn.Linear(annotation_width(architecture), H, bias=False)  # U_a

    def forward(self, sources: PackedSequence) -> State:
        """Return the decoder's state before the first token.

        Returns:
            Own: h, and c if the cell has one, [L, N, H] each. Source: the keys U h of the annotations h, which are the
            same for all steps, [S, N, H]; the annotations, [S, N, D]; and the mask of words, [S, N].
        """
        state, annotations, is_text = self.annotate(sources)
        return State(state, (self.score_keys(annotations), annotations, is_text))

    def join(self, state: Tensors, back_state: Tensors) -> Tensors:
        """Return the decoder's first state, s_0 = tanh(W_s h) with h the backward direction's last state.

        Appendix A.2.2. All layers share W_s. The memory cell of an LSTM, which the paper does not have, has its own
        matrix, and no tanh, which would bound it.
        """
        assert self.bridges is not None, "only an encoder of two directions joins states"
        h, *c = (bridge(part) for bridge, part in zip(self.bridges, back_state, strict=True))
        return torch.tanh(h), *c


class BahdanauDecoder(Decoder):
    """A decoder whose layers and softmax read the last token y and a context c at each step.

    Appendices A.1.2 and A.2.2: the context of step i is a mean over annotations h_j by weights that are the softmax of
    v tanh(W s_(i-1) + U h_j), where s is h of the top layer. The maxout layer reads [s_i; y_(i-1); c_i] as in
    equation 4; appendix A.2.2 has s_(i-1) there. The first y is </s>; the paper has none.
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
        """Return the output of the maxout layer, [T, R, O], which is computed for all steps together, and the state."""
        features, _, state = self.run(target_inputs, state)
        return self.maxout(features), state

    def stepper(self) -> Step:
        """Return a function that computes attention, all layers and the maxout layer of one token."""
        advance, maxout = self.advance(), self.maxout.stepper()

        def step(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            features, _, state = advance(self.embedding(tokens), state)
            return maxout(features), state

        return step

    def attention(self, target_inputs: Tensor, state: State) -> Tensor:
        """Return the attention weights of each step, [T, R, S]."""
        return self.run(target_inputs, state)[1]

    def run(self, target_inputs: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Run all steps in turn and return [s; y; c], [T, R, H + E + D], weights, [T, R, S], and the state after."""
        advance, features, weights = self.advance(), [], []
        for words in self.dropout(self.embedding(target_inputs)).unbind(0):
            step_features, step_weights, state = advance(words, state)
            features.append(step_features)
            weights.append(step_weights)
        return torch.stack(features), torch.stack(weights), state

    def advance(self) -> Advance:
        """Return a function that computes one step up to the maxout layer, its weights prepacked in evaluation."""
        query, step = product(self.score_query.weight, None), self.stack.stepper()

        def advance(words: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
            keys, annotations, is_text = state.source
            queries = torch.unflatten(query(state.own[0][-1]), 0, (keys.shape[1], -1))  # [N, K, H]
            sums = (keys.unsqueeze(2) + queries).tanh_()  # [S, N, K, H], in place: a step's largest tensor
            weights = weigh((sums @ self.score_vector).permute(1, 2, 0), is_text.t().unsqueeze(1))  # [N, K, S]
            context = contexts(weights, annotations).flatten(0, 1)  # [R, D]
            inputs = torch.cat((words, context), dim=1)
            s, after = step(inputs, state.own)
            return torch.cat((s, inputs), dim=1), weights.flatten(0, 1), State(after, state.source)

        return advance
