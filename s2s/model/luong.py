"""Multiplicative attention: a decoder that attends to the source after its recurrent layers (Luong et al. 2015).

Shapes: R hypotheses of N sentences, K = R / N hypotheses a sentence, S source length, T target length, H hidden, L
layers, D annotation.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from s2s.model.attention import AnnotatingEncoder, annotation_width, by_sentence, by_step, contexts, weigh
from s2s.model.interface import Architecture, Decoder, State, Step
from s2s.model.layers import Product, product
from s2s.model.stack import Stack


class LuongEncoder(AnnotatingEncoder):
    """An encoder that turns a source sentence into an annotation of each word.

    The score `dot` needs annotations as wide as the decoder's h: with two directions, a matrix without a bias narrows
    them from 2 H to H, for scores and contexts.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        D, width = annotation_width(architecture), memory_width(architecture)
        self.narrow = nn.Linear(D, width, bias=False) if width < D else nn.Identity()

    def forward(self, sources: PackedSequence) -> State:
        """Return the decoder's state before the first token.

        Returns:
            Own: h, and c if the cell has one, [L, N, H] each. Source: annotations, [S, N, D], and the mask of words,
            [S, N].
        """
        state, annotations, is_text = self.annotate(sources)
        return State(state, (self.narrow(annotations), is_text))


def memory_width(architecture: Architecture) -> int:
    """Return D, the width of the annotations that the decoder attends to."""
    return architecture.hidden if architecture.context == "luong_dot" else annotation_width(architecture)


class LuongDecoder(Decoder):
    """A decoder whose softmax reads tanh(W_c [c; h]).

    Section 3.1, global attention: c is a mean over annotations a by weights that are the softmax of h a (dot) or
    h W a (general), with h of the top layer. There is no input feeding (section 3.3): a step does not read the context
    of the step before, so all steps of a target sentence are computed together.
    """

    attends = True

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        H, D = architecture.hidden, memory_width(architecture)
        self.embedding = nn.Embedding(architecture.target_vocabulary, architecture.embedding)
        self.dropout = nn.Dropout(architecture.dropout)
        self.stack = Stack(architecture, architecture.embedding)
        general = architecture.context == "luong_general"
        self.score_query = nn.Linear(H, D, bias=False) if general else nn.Identity()  # W_a, transposed
        self.combine = nn.Linear(D + H, H, bias=False)  # W_c
        self.output = nn.Linear(H, architecture.target_vocabulary)

    def forward(self, target_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the softmax's input, [T, R, H], and the state after."""
        h, weights, after = self.run(target_inputs, state)
        return looked(h, weights, state.source[0], self.combine), after

    def stepper(self) -> Step:
        """Return a function that computes all layers and attention of one token."""
        layers, query, combine = self.stack.stepper(), laid_out(self.score_query), laid_out(self.combine)

        def step(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            annotations, is_text = state.source
            h, after = layers(self.embedding(tokens), state.own)
            weights = weights_of(query(h).unsqueeze(0), annotations, is_text)
            outputs = looked(h.unsqueeze(0), weights, annotations, lambda both: combine(both[0]))
            return outputs, State(after, state.source)

        return step

    def attention(self, target_inputs: Tensor, state: State) -> Tensor:
        """Return the attention weights of each step, [T, R, S]."""
        return self.run(target_inputs, state)[1].transpose(0, 1)

    def run(self, target_inputs: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Run all steps and return the top layer's h, [T, R, H], the weights, [N, T K, S], and the state after."""
        h, after = self.stack(self.dropout(self.embedding(target_inputs)), state.own)
        return h, weights_of(self.score_query(h), *state.source), State(after, state.source)


def laid_out(layer: nn.Module) -> Product:
    """Return the product of a layer without a bias, with prepacked weights, or an identity unchanged."""
    return product(layer.weight, None) if isinstance(layer, nn.Linear) else layer


def weights_of(queries: Tensor, annotations: Tensor, is_text: Tensor) -> Tensor:
    """Return the attention weights of all steps, [N, T K, S], for queries, [T, R, D], and annotations, [S, N, D]."""
    N = annotations.shape[1]
    scores = torch.bmm(by_sentence(queries, N), annotations.permute(1, 2, 0))  # [N, T K, S]
    return weigh(scores, is_text.t().unsqueeze(1))


def looked(h: Tensor, weights: Tensor, annotations: Tensor, combine: Product) -> Tensor:
    """Return tanh(W_c [c; h]) of all steps, [T, R, H], or [R, H] if `combine` drops the first dimension.

    Args:
        h: of the top layer, [T, R, H].
        weights: attention weights, [N, T K, S].
        annotations: of the source, [S, N, D].
        combine: the product with W_c.
    """
    context = by_step(contexts(weights, annotations), len(h))  # [T, R, D]
    return torch.tanh(combine(torch.cat((context, h), dim=2)))
