"""A model: an encoder and a decoder of one kind, what trains them, and the folder that they are kept in.

Shapes: B batch, T target length, N target tokens, O what the softmax reads, V vocabulary.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from s2s.data import Batch
from s2s.errors import UserError, check
from s2s.network.bahdanau import BahdanauDecoder, BahdanauEncoder
from s2s.network.cho import ChoDecoder, ChoEncoder
from s2s.network.initialization import initialize
from s2s.network.interface import Architecture, Decoder, Encoder
from s2s.network.luong import LuongDecoder, LuongEncoder
from s2s.network.recurrent import RecurrentDecoder, RecurrentEncoder
from s2s.network.transformer import TransformerDecoder, TransformerEncoder

WEIGHTS = "weights.safetensors"
DESCRIPTION = "model.json"

NETWORKS: dict[str, tuple[type[Encoder], type[Decoder]]] = {
    "initial": (RecurrentEncoder, RecurrentDecoder),
    "every_step": (ChoEncoder, ChoDecoder),
    "bahdanau": (BahdanauEncoder, BahdanauDecoder),
    "luong_dot": (LuongEncoder, LuongDecoder),
    "luong_general": (LuongEncoder, LuongDecoder),
    "transformer": (TransformerEncoder, TransformerDecoder),
}
"""Encoder and decoder of each kind: of recurrent networks by what the decoder sees of the source."""


def parts(architecture: Architecture) -> tuple[type[Encoder], type[Decoder]]:
    """The kind of network that an architecture is of."""
    return NETWORKS[architecture.context if architecture.network == "recurrent" else architecture.network]


class Seq2Seq(nn.Module):
    """An encoder and a decoder with weights of their own; the decoder starts from what the encoder has read."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        encoder, decoder = parts(architecture)
        self.encoder, self.decoder = encoder(architecture), decoder(architecture)
        initialize(self, architecture.initialization, architecture.init_uniform)

    def forward(self, batch: Batch) -> Tensor:
        """The logits of every target token that is no padding, [N, V], as `batch.right_tokens`."""
        ((states, _),) = self.segments(batch)
        return self.decoder.output(states)  # type: ignore[no-any-return]

    def segments(self, batch: Batch, bptt_tokens: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """What the softmax reads and has to say, in segments of the target sentences one after the other.

        Truncated backpropagation through time: the state goes on from segment to segment, its gradient does not, so
        the encoder learns from the first segment alone. Each is to be run backward before the next is asked for.

        Args:
            batch: the pairs.
            bptt_tokens: target positions a segment, at most; 0: all of them are one segment.

        Yields:
            What the softmax reads at target tokens that are no padding, [N, O], dropout applied, and the tokens that
            are right there, [N]; the padding is dropped before the softmax, the largest product of all.
        """
        T, B = batch.targets.shape
        state = self.encoder(batch.sources)
        for start in range(0, T, bptt_tokens or T):
            end = min(T, start + (bptt_tokens or T))
            states, state = self.decoder(batch.target_inputs[start:end], state)  # [end - start, B, O]
            state = state.each(Tensor.detach)
            part = slice(*batch.step_starts[[start, end]].tolist())
            chosen = states.flatten(0, 1).index_select(0, batch.text[part] - start * B)  # [N, O]
            yield self.decoder.dropout(chosen), batch.right_tokens[part]


def parameter_count(model: nn.Module) -> int:
    """How many numbers the model learns."""
    return sum(parameter.numel() for parameter in model.parameters())


def describe(architecture: Architecture) -> dict[str, object]:
    """The architecture as model.json keeps it."""
    return asdict(architecture)


def load(folder: Path, device: str = "cpu") -> Seq2Seq:
    """Loads a trained model for evaluation.

    Raises:
        UserError: the folder holds no model, or its weights do not fit its description.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        model = Seq2Seq(Architecture(**description["model"]))
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise UserError(f"{folder}: no model ({error}); expected {DESCRIPTION} and {WEIGHTS}") from None
    except RuntimeError as error:
        check(False, f"{folder}: weights do not fit {DESCRIPTION} ({str(error).splitlines()[0]})")
    return model.to(torch.device(device)).eval()
