"""The Transformer: attention alone, to the source and to what was said before, with no recurrence.

Vaswani et al. 2017, with the normalization before each part of a layer and after the last layer (Xiong et al. 2020),
which trains without care for the first updates. The layers are torch's. Shapes: B or N sentences, R hypotheses of them,
S source length, T target length, P tokens said before, H hidden, L layers.
"""

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import TransformerDecoderLayer, TransformerEncoderLayer
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from s2s.network.cells import product
from s2s.network.interface import Architecture, Decoder, Encoder, State, Step, Tensors
from s2s.network.transformer_layer import Lay, Pass, plain

LONGEST_WAVE = 10_000  # of the positions, over 2 pi
NO_TOKEN = -1


class TransformerEncoder(Encoder):
    """Reads a source sentence into a vector for each position; these count in the order of reading."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.embedding = nn.Embedding(architecture.source_vocabulary, architecture.hidden)
        self.dropout = nn.Dropout(architecture.dropout)
        self.layers = layers(TransformerEncoderLayer, architecture)
        self.norm = nn.LayerNorm(architecture.hidden)

    def forward(self, sources: PackedSequence) -> State:
        """Source: what the top layer says of each position, [S, B, H], and which positions are text, [S, B]."""
        said, is_text = self.read(sources)
        return State((), (said[-1], is_text))

    def vectors(self, sources: PackedSequence) -> dict[str, Tensor]:
        """The mean over a sentence's positions of what each layer says, the top one's as the decoder reads it."""
        said, is_text = self.read(sources)
        shares = (is_text / is_text.sum(0)).unsqueeze(2)  # [S, B, 1]
        return {"h": torch.stack([(one * shares).sum(0) for one in said])}

    def read(self, sources: PackedSequence) -> tuple[list[Tensor], Tensor]:
        """What each layer says of each position, [S, B, H], the top one's normalized, and `is_text`, [S, B]."""
        padded, _ = pad_packed_sequence(sources, padding_value=NO_TOKEN)  # [S, B]
        is_text = padded != NO_TOKEN
        inputs, said = self.dropout(placed(self.embedding, padded.clamp(min=0), 0)), []
        for layer in self.layers:
            inputs = layer(inputs, src_key_padding_mask=~is_text.t())
            said.append(inputs)
        return [*said[:-1], self.norm(inputs)], is_text


class TransformerDecoder(Decoder):
    """Says the translation token by token, looking at the tokens before and at the source.

    Its state after a step. Own: keys and values of the tokens said before in each layer, [P, R, 2 H]. Source: which
    positions are text, [S, N], then keys and values of the source in each layer, [S, N, 2 H].
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
        """What the softmax reads is what the top layer says, normalized, [T, B, H]."""
        return self.read(self.passes(plain), target_inputs, state)

    def stepper(self) -> Step:
        """One token; keys and values of those before are kept, not computed again."""
        passes = self.passes(product)

        def step(tokens: Tensor, state: State) -> tuple[Tensor, State]:
            said, state = self.read(passes, tokens.unsqueeze(0), state)
            return said.squeeze(0), state

        return step

    def attention(self, target_inputs: Tensor, state: State) -> Tensor:
        """How much the top layer looks at each source position, the mean over its heads, [T, B, S]."""
        passes = self.passes(plain)
        is_text, sources, _ = opened(passes, state)
        inputs, causal, seen = self.placed(target_inputs, 0), earlier(target_inputs, 0), across(is_text)
        for layer, source in zip(passes[:-1], sources[:-1], strict=True):
            inputs, _ = layer(inputs, None, causal, source, seen)
        return passes[-1].attention(inputs, causal, sources[-1], seen)

    def passes(self, lay: Lay) -> list[Pass]:
        """The layers with their products laid out."""
        return [Pass(cast(TransformerDecoderLayer, layer), lay) for layer in self.layers]

    def read(self, passes: Sequence[Pass], tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Tokens [T, R] and the state before them to what the softmax reads, [T, R, H], and the state after."""
        is_text, sources, before = opened(passes, state)
        start = 0 if before[0] is None else len(before[0])
        inputs, causal, seen = self.placed(tokens, start), earlier(tokens, start), across(is_text)
        after = []
        for layer, source, said in zip(passes, sources, before, strict=True):
            inputs, so_far = layer(inputs, said, causal, source, seen)
            after.append(so_far)
        return self.norm(inputs), State(tuple(after), (is_text, *sources))

    def placed(self, tokens: Tensor, start: int) -> Tensor:
        """What the first layer reads, [T, R, H]."""
        return self.dropout(placed(self.embedding, tokens, start))  # type: ignore[no-any-return]


def opened(passes: Sequence[Pass], state: State) -> tuple[Tensor, Tensors, Sequence[Tensor | None]]:
    """A state's `is_text`, and of each layer keys and values of the source and, if any, of the tokens before.

    The encoder's state has what its top layer says instead; keys and values are computed from it here, once.
    """
    if not state.own:
        memory, is_text = state.source
        return is_text, tuple(layer.remember(memory) for layer in passes), [None] * len(passes)
    is_text, *sources = state.source
    return is_text, tuple(sources), state.own


def layers(
    kind: type[TransformerEncoderLayer] | type[TransformerDecoderLayer], architecture: Architecture
) -> nn.ModuleList:
    """torch's layers of one kind.

    They have sentences in their second dimension, for which torch has no short cut in evaluation: it would compute
    other bytes than training does.
    """
    sizes = architecture.hidden, architecture.heads, architecture.feed_forward, architecture.dropout
    return nn.ModuleList(kind(*sizes, norm_first=True) for _ in range(architecture.layers))


def placed(embedding: nn.Embedding, tokens: Tensor, start: int) -> Tensor:
    """Word vectors times the root of their width, plus their places: tokens [T, R], from place `start` on, [T, R, H].

    Vaswani et al. 2017, section 3.4.
    """
    H = embedding.embedding_dim
    return embedding(tokens) * math.sqrt(H) + positions(start, len(tokens), H, tokens.device).unsqueeze(1)  # type: ignore[no-any-return]


def positions(start: int, count: int, width: int, device: torch.device) -> Tensor:
    """Sine and cosine of waves of many lengths at `count` places, [count, width] (Vaswani et al. 2017, section 3.5)."""
    places = torch.arange(start, start + count, dtype=torch.float64, device=device)
    pairs = torch.arange(0, width, 2, dtype=torch.float64, device=device)
    angles = torch.outer(places, LONGEST_WAVE ** (-pairs / width))
    return torch.stack((angles.sin(), angles.cos()), dim=2).flatten(1)[:, :width].float()


def earlier(tokens: Tensor, start: int) -> Tensor | None:
    """Which tokens so far each of these, [T, R], looks at: itself and those before, [T, start + T]; None: at all."""
    T = len(tokens)
    return None if T == 1 else torch.ones(T, start + T, dtype=torch.bool, device=tokens.device).tril(start)


def across(is_text: Tensor) -> Tensor:
    """Which source positions are text, [S, N], as attention of all heads and steps takes it, [N, 1, 1, S]."""
    return is_text.t()[:, None, None]
