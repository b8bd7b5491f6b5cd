"""What networks with attention share: what the encoder said of each word, and means over it by weights.

Shapes: R sentences or hypotheses, S source length, T target length, L layers, H hidden, D annotation.
"""

import math

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from s2s.network.interface import Architecture, State
from s2s.network.recurrent import RecurrentEncoder


def annotation_width(architecture: Architecture) -> int:
    """D: H, or 2 H of two directions, what they say of a word side by side."""
    return architecture.hidden * (2 if architecture.bidirectional else 1)


class AnnotatingEncoder(RecurrentEncoder):
    """Keeps what its top layer says of each word, the word's annotation, beside its last state."""

    def annotate(self, sources: PackedSequence) -> tuple[State, Tensor, Tensor]:
        """Reads sentences.

        Returns:
            The state that the decoder starts from, [L, R, H] each; annotations in the order of reading, zero after the
            end, [S, R, D]; and where words stand, bool [S, R].
        """
        said, state = self.read(sources)
        words = torch.ones(len(said.data), dtype=torch.bool, device=said.data.device)
        return state, padded(said), padded(said._replace(data=words))


def padded(packed: PackedSequence) -> Tensor:
    """Packed sentences side by side, zero after their ends, [S, R, ..]; torch's own would make a GPU be waited for."""
    beside, _ = pad_packed_sequence(PackedSequence(packed.data, packed.batch_sizes))
    order = packed.unsorted_indices
    return beside if order is None else beside.index_select(1, order)


def weigh(scores: Tensor, is_text: Tensor) -> Tensor:
    """Scores of source positions, [.., S], to weights that add up to 1, in float32; zero where no word stands.

    Args:
        scores: of any size.
        is_text: where words stand, bool, of a shape that fits.
    """
    return scores.float().masked_fill(~is_text, -math.inf).softmax(dim=-1)


def contexts(weights: Tensor, annotations: Tensor) -> Tensor:
    """The mean of a sentence's annotations by each step's weights: [R, T, S] and [S, R, D] to [R, T, D]."""
    return torch.bmm(weights.to(annotations.dtype), annotations.transpose(0, 1))
