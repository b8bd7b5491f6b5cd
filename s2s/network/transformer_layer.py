"""One layer of a Transformer's decoder, over whole targets or on from keys and values that were kept.

Shapes: R hypotheses of N sentences, K = R / N, S source length, T target length, P tokens said before, H hidden, D of a
head.
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

Lay = Callable[[Tensor, Tensor], Product]  # lays out a weight, [outputs, inputs], and its bias


def plain(weight: Tensor, bias: Tensor) -> Product:
    """The product as torch's own layers have it."""
    return partial(F.linear, weight=weight, bias=bias)


class Pass:
    """One layer of torch's, with its products laid out for it.

    It computes what the layer's own `forward` does, dropout included, and also goes on from keys and values of tokens
    said before, which torch's has no way to keep.
    """

    def __init__(self, layer: TransformerDecoderLayer, lay: Lay) -> None:
        own, other, H = layer.self_attn, layer.multihead_attn, layer.self_attn.embed_dim
        weights, biases = (torch.split(part, [H, 2 * H]) for part in (other.in_proj_weight, other.in_proj_bias))
        self.layer, self.heads = layer, own.num_heads
        self.own, self.own_out = lay(own.in_proj_weight, own.in_proj_bias), lay(own.out_proj.weight, own.out_proj.bias)
        self.ask, self.remember = (lay(weight, bias) for weight, bias in zip(weights, biases, strict=True))
        """To the queries, [H], and from the encoder's top layer to keys and values of the source, [2 H]."""
        self.other_out = lay(other.out_proj.weight, other.out_proj.bias)
        self.widen, self.narrow = (lay(part.weight, part.bias) for part in (layer.linear1, layer.linear2))

    def __call__(
        self, inputs: Tensor, said: Tensor | None, causal: Tensor | None, source: Tensor, seen: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The whole layer.

        Args:
            inputs: of the tokens, [T, R, H].
            said: keys and values of those before, [P, R, 2 H], if any.
            causal: which of them all each looks at, [T, P + T]; None: at all.
            source: keys and values, [S, N, 2 H].
            seen: which source positions are text, [N, 1, 1, S].

        Returns:
            What it says, [T, R, H], and keys and values of all tokens so far, [P + T, R, 2 H].
        """
        layer = self.layer
        inputs, said = self.look_back(inputs, said, causal)
        queries = by_sentence(self.ask(layer.norm2(inputs)), source.shape[1])  # [N, T K, H]
        found = self.attend(queries.transpose(0, 1), source, seen)  # [T K, N, H]
        inputs = inputs + layer.dropout2(self.other_out(by_step(found.transpose(0, 1), len(inputs))))
        wide = layer.dropout(F.relu(self.widen(layer.norm3(inputs))))
        return inputs + layer.dropout3(self.narrow(wide)), said

    def look_back(self, inputs: Tensor, said: Tensor | None, causal: Tensor | None) -> tuple[Tensor, Tensor]:
        """The layer's first part, attention to the tokens so far; arguments and results as those of the whole."""
        H = inputs.shape[2]
        queries, now = torch.split(self.own(self.layer.norm1(inputs)), [H, 2 * H], dim=2)
        said = now if said is None else torch.cat((said, now))
        return inputs + self.layer.dropout1(self.own_out(self.attend(queries, said, causal))), said

    def attend(self, queries: Tensor, said: Tensor, mask: Tensor | None) -> Tensor:
        """What queries, [T, R, H], find among keys and values, [S, R, 2 H], [T, R, H]; where is told by [.., T, S].

        Under autocast, too, the softmax is in float32.
        """
        queries, keys, values = (self.split(part) for part in (queries, *said.chunk(2, dim=2)))
        dropout = self.layer.self_attn.dropout if self.layer.training else 0.0
        found = F.scaled_dot_product_attention(queries, keys, values, mask, dropout)  # [R, heads, T, D]
        return found.permute(2, 0, 1, 3).flatten(2)  # [T, R, H]

    def attention(self, inputs: Tensor, causal: Tensor | None, source: Tensor, seen: Tensor) -> Tensor:
        """The weights with which the layer looks at the source, the mean over its heads, [T, R, S]."""
        inputs, _ = self.look_back(inputs, None, causal)
        queries, keys = (self.split(part) for part in (self.ask(self.layer.norm2(inputs)), source.chunk(2, dim=2)[0]))
        scores = (queries @ keys.transpose(2, 3)).float() / math.sqrt(queries.shape[3])  # [R, heads, T, S]
        return scores.masked_fill(~seen, -math.inf).softmax(dim=3).mean(dim=1).transpose(0, 1)

    def split(self, vectors: Tensor) -> Tensor:
        """Cuts vectors among the heads: [T, R, H] to [R, heads, T, D]."""
        return torch.unflatten(vectors, 2, (self.heads, -1)).permute(1, 2, 0, 3)
