"""A layer of a Transformer's decoder, over whole targets or from cached keys and values.

Shapes: R hypotheses of N sentences, K = R / N hypotheses a sentence, S source length, T target length, P earlier target
tokens, H hidden, D width of a head.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import TransformerDecoderLayer
from torch.nn import functional as F

from s2s.network.attention import by_sentence, by_step
from s2s.network.cells import Product

Lay = Callable[[Tensor, Tensor], Product]  # makes a product from a weight, [outputs, inputs], and its bias


def plain(weight: Tensor, bias: Tensor) -> Product:
    """Return a product without prepacked weights, as in torch's own layers."""
    return partial(F.linear, weight=weight, bias=bias)


class Pass:
    """A decoder layer of torch's that can reuse the keys and values of earlier tokens.

    It computes the same as the layer's own `forward`, dropout included, which has no such cache.
    """

    def __init__(self, layer: TransformerDecoderLayer, lay: Lay) -> None:
        own, cross, H = layer.self_attn, layer.multihead_attn, layer.self_attn.embed_dim
        weights, biases = (torch.split(part, [H, 2 * H]) for part in (cross.in_proj_weight, cross.in_proj_bias))
        self.layer, self.heads = layer, own.num_heads
        self.own, self.own_out = lay(own.in_proj_weight, own.in_proj_bias), lay(own.out_proj.weight, own.out_proj.bias)
        self.ask, self.remember = (lay(weight, bias) for weight, bias in zip(weights, biases, strict=True))
        """To the queries, [.., H], and from the encoder's outputs to keys and values of the source, [.., 2 H]."""
        self.cross_out = lay(cross.out_proj.weight, cross.out_proj.bias)
        self.widen, self.narrow = (lay(part.weight, part.bias) for part in (layer.linear1, layer.linear2))

    def __call__(
        self, inputs: Tensor, memory: Tensor | None, causal: Tensor | None, source: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Compute the whole layer.

        Args:
            inputs: of the tokens, [T, R, H].
            memory: keys and values of the tokens before, [P, R, 2 H], if any.
            causal: True where a token attends to one of all tokens so far, [T, P + T]; None: everywhere.
            source: keys and values of the source, [S, N, 2 H].
            mask: True at source positions that are words, [N, 1, 1, S].

        Returns:
            The layer's output, [T, R, H], and the keys and values of all tokens so far, [P + T, R, 2 H].
        """
        layer = self.layer
        inputs, memory = self.look_back(inputs, memory, causal)
        queries = by_sentence(self.ask(layer.norm2(inputs)), source.shape[1])  # [N, T K, H]
        contexts = self.attend(queries.transpose(0, 1), source, mask)  # [T K, N, H]
        inputs = inputs + layer.dropout2(self.cross_out(by_step(contexts.transpose(0, 1), len(inputs))))
        wide = layer.dropout(F.relu(self.widen(layer.norm3(inputs))))
        return inputs + layer.dropout3(self.narrow(wide)), memory

    def look_back(self, inputs: Tensor, memory: Tensor | None, causal: Tensor | None) -> tuple[Tensor, Tensor]:
        """Compute the layer's first part, attention to the tokens so far, with arguments and results of the whole."""
        H = inputs.shape[2]
        queries, added = torch.split(self.own(self.layer.norm1(inputs)), [H, 2 * H], dim=2)
        memory = added if memory is None else torch.cat((memory, added))
        return inputs + self.layer.dropout1(self.own_out(self.attend(queries, memory, causal))), memory

    def attend(self, queries: Tensor, memory: Tensor, mask: Tensor | None) -> Tensor:
        """Return the attention's weighted means of values, [T, R, H].

        The softmax is in float32, also under autocast.

        Args:
            queries: [T, R, H].
            memory: keys and values, [S, R, 2 H].
            mask: True where a query attends to a key, [.., T, S]; None: everywhere.
        """
        queries, keys, values = (self.split(part) for part in (queries, *memory.chunk(2, dim=2)))
        dropout = self.layer.self_attn.dropout if self.layer.training else 0.0
        means = F.scaled_dot_product_attention(queries, keys, values, mask, dropout)  # [R, heads, T, D]
        return means.permute(2, 0, 1, 3).flatten(2)  # [T, R, H]

    def attention(self, inputs: Tensor, causal: Tensor | None, source: Tensor, mask: Tensor) -> Tensor:
        """Return the layer's attention weights over source positions, averaged over its heads, [T, R, S]."""
        inputs, _ = self.look_back(inputs, None, causal)
        queries, keys = (self.split(part) for part in (self.ask(self.layer.norm2(inputs)), source.chunk(2, dim=2)[0]))
        scores = (queries @ keys.transpose(2, 3)).float() / math.sqrt(queries.shape[3])  # [R, heads, T, S]
        return scores.masked_fill(~mask, -math.inf).softmax(dim=3).mean(dim=1).transpose(0, 1)

    def split(self, vectors: Tensor) -> Tensor:
        """Split vectors into those of the heads: [T, R, H] to [R, heads, T, D]."""
        return torch.unflatten(vectors, 2, (self.heads, -1)).permute(1, 2, 0, 3)
