"""The Transformer: attention to the source and to the tokens before, without recurrence (Vaswani et al. 2017).

Normalization comes before each part of a layer and after the last layer (Xiong et al. 2020), so that the first updates
need no special care. The layers' weights are torch's. Shapes: B or N sentences, R hypotheses of them, S source length,
T target length, P earlier target tokens, H hidden, L layers.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import TransformerDecoderLayer, TransformerEncoderLayer
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from s2s.model.attention import by_sentence, by_step
from s2s.model.interface import Architecture, Decoder, Encoder, State, Step, Tensors
from s2s.model.layers import Product, product

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


LONGEST_WAVE = 10_000  # longest wavelength of the position encoding, over 2 pi
NO_TOKEN = -1  # padding; <pad> is a token of the vocabulary


class TransformerEncoder(Encoder):
    """An encoder that turns a source sentence into a vector for each position, in the order of reading."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.embedding = nn.Embedding(architecture.source_vocabulary, architecture.hidden)
        self.dropout = nn.Dropout(architecture.dropout)
        self.layers = layers(TransformerEncoderLayer, architecture)
        self.norm = nn.LayerNorm(architecture.hidden)

    def forward(self, sources: PackedSequence) -> State:
        """Return the top layer's output at each position, [S, B, H], and the mask of words, [S, B]."""
        outputs, is_text = self.read(sources)
        return State((), (outputs[-1], is_text))

    def vectors(self, sources: PackedSequence) -> dict[str, Tensor]:
        """Return the mean of each layer's outputs over a sentence's positions, the top layer's normalized."""
        outputs, is_text = self.read(sources)
        shares = (is_text / is_text.sum(0)).unsqueeze(2)  # [S, B, 1]
        return {"h": torch.stack([(layer_outputs * shares).sum(0) for layer_outputs in outputs])}

    def read(self, sources: PackedSequence) -> tuple[list[Tensor], Tensor]:
        """Return each layer's output at each position, [S, B, H], the top layer's normalized, and the mask, [S, B]."""
        padded, _ = pad_packed_sequence(sources, padding_value=NO_TOKEN)  # [S, B]
        is_text = padded != NO_TOKEN
        inputs, outputs = self.dropout(placed(self.embedding, padded.clamp(min=0), 0)), []
        for layer in self.layers:
            inputs = layer(inputs, src_key_padding_mask=~is_text.t())
            outputs.append(inputs)
        return [*outputs[:-1], self.norm(inputs)], is_text


class TransformerDecoder(Decoder):
    """A decoder that attends to the tokens before and to the source.

    Its state after a step: own, the keys and values of the tokens so far in each layer, [P, R, 2 H]; source, the mask
    of words, [S, N], then the keys and values of the source in each layer, [S, N, 2 H].
    """

    attends = True

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.embedding = nn.Embedding(architecture.target_vocabulary, architecture.hidden)
        self.dropout = nn.Dropout(architecture.dropout)
        self.layers = layers(TransformerDecoderLayer, architecture)
        self.norm = nn.LayerNorm(architecture.hidden)
        self.output = nn.Linear(architecture.hidden, architecture.target_vocabulary)

    def forward(self, target_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the normalized output of the top layer, [T, B, H], and the state after."""
        return self.read(self.passes(plain), target_inputs, state)

    def stepper(self) -> Step:
        """Return a function that computes one token, reusing the keys and values of the tokens before."""
        passes = self.passes(product)

        def step(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            outputs, state = self.read(passes, tokens.unsqueeze(0), state)
            return outputs.squeeze(0), state

        return step

    def attention(self, target_inputs: Tensor, state: State) -> Tensor:
        """Return the top layer's attention weights over source positions, averaged over its heads, [T, B, S]."""
        passes = self.passes(plain)
        is_text, sources, _ = opened(passes, state)
        inputs, causal, mask = self.placed(target_inputs, 0), earlier(target_inputs, 0), across(is_text)
        for layer, source in zip(passes[:-1], sources[:-1], strict=True):
            inputs, _ = layer(inputs, None, causal, source, mask)
        return passes[-1].attention(inputs, causal, sources[-1], mask)

    def passes(self, lay: Lay) -> list[Pass]:
        """Return the layers, their products made by `lay`."""
        return [Pass(cast(TransformerDecoderLayer, layer), lay) for layer in self.layers]

    def read(self, passes: Sequence[Pass], tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the softmax's input for tokens [T, R] after a state, [T, R, H], and the state after them."""
        is_text, sources, before = opened(passes, state)
        start = 0 if before[0] is None else len(before[0])
        inputs, causal, mask = self.placed(tokens, start), earlier(tokens, start), across(is_text)
        after = []
        for layer, source, memory in zip(passes, sources, before, strict=True):
            inputs, grown_memory = layer(inputs, memory, causal, source, mask)
            after.append(grown_memory)
        return self.norm(inputs), State(tuple(after), (is_text, *sources))

    def placed(self, tokens: Tensor, start: int) -> Tensor:
        """Return the input of the first layer, [T, R, H]."""
        return self.dropout(placed(self.embedding, tokens, start))  # type: ignore[no-any-return]


def opened(passes: Sequence[Pass], state: State) -> tuple[Tensor, Tensors, Sequence[Tensor | None]]:
    """Split a state into the mask of words and each layer's keys and values of the source and of the tokens before.

    The encoder's state has its top layer's output instead, from which the keys and values are computed here, once.

    Returns:
        The mask, [S, N]; of each layer the source, [S, N, 2 H], and the tokens before, [P, R, 2 H], or None.
    """
    if not state.own:
        memory, is_text = state.source
        return is_text, tuple(layer.remember(memory) for layer in passes), [None] * len(passes)
    is_text, *sources = state.source
    return is_text, tuple(sources), state.own


def layers(
    kind: type[TransformerEncoderLayer] | type[TransformerDecoderLayer], architecture: Architecture
) -> nn.ModuleList:
    """Make torch's layers of one kind.

    They have sentences in their second dimension. With sentences in the first, torch would take a fast path in
    evaluation, which rounds differently from training.
    """
    sizes = architecture.hidden, architecture.heads, architecture.feed_forward, architecture.dropout
    return nn.ModuleList(kind(*sizes, norm_first=True) for _ in range(architecture.layers))


def placed(embedding: nn.Embedding, tokens: Tensor, start: int) -> Tensor:
    """Return scaled word vectors plus position encodings, [T, R, H] (Vaswani et al. 2017, section 3.4).

    Args:
        embedding: of H numbers a token.
        tokens: [T, R].
        start: position of the first of them.
    """
    H = embedding.embedding_dim
    return embedding(tokens) * math.sqrt(H) + positions(start, len(tokens), H, tokens.device).unsqueeze(1)  # type: ignore[no-any-return]


def positions(start: int, count: int, width: int, device: torch.device) -> Tensor:
    """Return the sine and cosine encodings of `count` positions, [count, width] (Vaswani et al. 2017, section 3.5)."""
    places = torch.arange(start, start + count, dtype=torch.float64, device=device)
    pairs = torch.arange(0, width, 2, dtype=torch.float64, device=device)
    angles = torch.outer(places, LONGEST_WAVE ** (-pairs / width))
    return torch.stack((angles.sin(), angles.cos()), dim=2).flatten(1)[:, :width].float()


def earlier(tokens: Tensor, start: int) -> Tensor | None:
    """Return the mask of the tokens that each of `tokens`, [T, R], attends to, itself and those before.

    Returns:
        True where it attends, [T, start + T]; None for a single token, which attends to all.
    """
    T = len(tokens)
    return None if T == 1 else torch.ones(T, start + T, dtype=torch.bool, device=tokens.device).tril(start)


def across(is_text: Tensor) -> Tensor:
    """Return the mask of words, [S, N], in the shape that broadcasts over heads and steps, [N, 1, 1, S]."""
    return is_text.t()[:, None, None]
