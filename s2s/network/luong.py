"""Attention after the step: the decoder runs as without it, and then looks at the source (Luong et al. 2015).

Shapes: R hypotheses of N sentences, K = R / N, S source length, T target length, H hidden, L layers, D annotation.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from s2s.network.attention import AnnotatingEncoder, annotation_width, by_sentence, by_step, contexts, weigh
from s2s.network.cells import Product, product
from s2s.network.interface import Architecture, Decoder, State, Step
from s2s.network.stack import Stack


class LuongEncoder(AnnotatingEncoder):
    """Reads a source sentence into an annotation of each word.

    The score `dot` needs annotations as wide as the decoder's h: those of two directions, 2 H, become H by a product
    without a bias, for scores and contexts alike.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture)
        D, width = annotation_width(architecture), memory_width(architecture)
        self.narrow = nn.Linear(D, width, bias=False) if width < D else nn.Identity()

    def forward(self, sources: PackedSequence) -> State:
        """Own: h, and c if any, [L, N, H] each. Source: annotations, [S, N, D], and where words stand, [S, N]."""
        state, annotations, is_text = self.annotate(sources)
        return State(state, (self.narrow(annotations), is_text))


def memory_width(architecture: Architecture) -> int:
    """D of what the decoder looks at."""
    return architecture.hidden if architecture.context == "luong_dot" else annotation_width(architecture)


class LuongDecoder(Decoder):
    """Says the translation token by token; the softmax reads tanh(W_c [c; h]).

    Section 3.1, global attention: c is a mean over annotations a by weights that are the softmax of h a (dot) or
    h W a (general), h of the top layer. There is no input feeding (section 3.3): what a step looked at is not told to
    the next one, so all steps of a target sentence are computed together.
    """

    attends = True

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        H, D = architecture.hidden, memory_width(architecture)
        self.embedding = nn.Embedding(architecture.target_vocabulary, architecture.embedding)
        self.dropout = nn.Dropout(architecture.dropout)
        self.stack = Stack(architecture, architecture.embedding)
        general = architecture.context == "luong_general"
        self.score_query = nn.Linear(H, D, bias=False) if general else nn.Identity()  # W_a, turned around
        self.combine = nn.Linear(D + H, H, bias=False)  # W_c
        self.output = nn.Linear(H, architecture.target_vocabulary)

    def forward(self, target_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """What the softmax reads, [T, R, H], and the state after."""
        h, weights, after = self.run(target_inputs, state)
        return looked(h, weights, state.source[0], self.combine), after

    def stepper(self) -> Step:
        """All layers, then attention, a token at a time."""
        step, query, combine = self.stack.stepper(), laid_out(self.score_query), laid_out(self.combine)

        def one(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            annotations, is_text = state.source
            h, after = step(self.embedding(tokens), state.own)
            weights = weights_of(query(h).unsqueeze(0), annotations, is_text)
            read = looked(h.unsqueeze(0), weights, annotations, lambda both: combine(both[0]))
            return read, State(after, state.source)

        return one

    def attention(self, target_inputs: Tensor, state: State) -> Tensor:
        """The weights by which each step's context was made, [T, R, S]."""
        return self.run(target_inputs, state)[1].transpose(0, 1)

    def run(self, target_inputs: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """The top layer's h at all steps, [T, R, H], their weights, [N, T K, S], and the state after."""
        h, after = self.stack(self.dropout(self.embedding(target_inputs)), state.own)
        return h, weights_of(self.score_query(h), *state.source), State(after, state.source)


def laid_out(layer: nn.Module) -> Product:
    """A product without a bias for steps of one token, or nothing to be done."""
    return product(layer.weight, None) if isinstance(layer, nn.Linear) else layer


def weights_of(queries: Tensor, annotations: Tensor, is_text: Tensor) -> Tensor:
    """Weights of all steps, [N, T K, S], from their queries, [T, R, D], and annotations, [S, N, D]."""
    N = annotations.shape[1]
    scores = torch.bmm(by_sentence(queries, N), annotations.permute(1, 2, 0))  # [N, T K, S]
    return weigh(scores, is_text.t().unsqueeze(1))


def looked(h: Tensor, weights: Tensor, annotations: Tensor, combine: Product) -> Tensor:
    """tanh(W_c [c; h]) of steps, from h, [T, R, H], weights, [N, T K, S], and annotations, [S, N, D]."""
    context = by_step(contexts(weights, annotations), len(h))  # [T, R, D]
    return torch.tanh(combine(torch.cat((context, h), dim=2)))
