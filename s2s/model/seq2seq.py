"""A model: an encoder and a decoder of one kind of network, and the folder that holds a trained one.

Shapes: B batch, T target length, N target tokens, O width of the softmax's input, V vocabulary.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from s2s.data.batches import Batch
from s2s.model.bahdanau import BahdanauDecoder, BahdanauEncoder
from s2s.model.cho import ChoDecoder, ChoEncoder
from s2s.model.initialization import initialize
from s2s.model.interface import Architecture, Decoder, Encoder
from s2s.model.luong import LuongDecoder, LuongEncoder
from s2s.model.recurrent import RecurrentDecoder, RecurrentEncoder
from s2s.model.transformer import TransformerDecoder, TransformerEncoder

NETWORKS: dict[str, tuple[type[Encoder], type[Decoder]]] = {
    "initial": (RecurrentEncoder, RecurrentDecoder),
    "every_step": (ChoEncoder, ChoDecoder),
    "bahdanau": (BahdanauEncoder, BahdanauDecoder),
    "luong_dot": (LuongEncoder, LuongDecoder),
    "luong_general": (LuongEncoder, LuongDecoder),
    "transformer": (TransformerEncoder, TransformerDecoder),
}
"""Encoder and decoder of each kind of network: recurrent ones by `model.context`, others by `model.network`."""


def parts(architecture: Architecture) -> tuple[type[Encoder], type[Decoder]]:
    """Return the classes of encoder and decoder for an architecture."""
    return NETWORKS[architecture.context if architecture.network == "recurrent" else architecture.network]


class Seq2Seq(nn.Module):
    """An encoder and a decoder, which starts from the encoder's state and shares no weights with it."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        encoder, decoder = parts(architecture)
        self.encoder, self.decoder = encoder(architecture), decoder(architecture)
        initialize(self, architecture.initialization, architecture.init_uniform)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits at every target token that is not padding, [N, V], in the order of `batch.right_tokens`."""
        ((states, _),) = self.segments(batch)
        return self.decoder.output(states)  # type: ignore[no-any-return]

    def segments(self, batch: Batch, bptt_tokens: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the softmax's inputs and the right tokens, a segment of target positions at a time.

        Segments are for truncated backpropagation through time: the state is carried from segment to segment, but not
        its gradient, so the encoder learns from the first segment only. The caller must run the backward pass of a
        segment before asking for the next.

        Args:
            batch: the pairs.
            bptt_tokens: target positions a segment, at most; 0: all positions in one segment.

        Yields:
            The softmax's inputs at target tokens, [N, O], after dropout, and the right tokens, [N]. Padding is left
            out, because the softmax is the most expensive product.
        """
        T, B = batch.targets.shape
        state = self.encoder(batch.sources)
        for start in range(0, T, bptt_tokens or T):
            end = min(T, start + (bptt_tokens or T))
            states, state = self.decoder(batch.target_inputs[start:end], state)  # [end - start, B, O]
            state = state.each(Tensor.detach)
            segment = slice(*batch.step_starts[[start, end]].tolist())
            text_states = states.flatten(0, 1).index_select(0, batch.text[segment] - start * B)  # [N, O]
            yield self.decoder.dropout(text_states), batch.right_tokens[segment]


def parameter_count(model: nn.Module) -> int:
    """Count the numbers that a model learns."""
    return sum(parameter.numel() for parameter in model.parameters())
