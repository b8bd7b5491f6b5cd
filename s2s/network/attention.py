"""What networks with attention share: what the encoder said of each word, and means over it by weights.

Shapes: R hypotheses of N sentences, K = R / N, S source length, T target length, L layers, H hidden, D annotation or
anything else.
"""

import math

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from s2s.network.interface import Architecture, Tensors
from s2s.network.recurrent import RecurrentEncoder


def annotation_width(architecture: Architecture) -> int:
    """D: H, or 2 H of two directions, what they say of a word side by side."""
    return architecture.hidden * (2 if architecture.bidirectional else 1)


class AnnotatingEncoder(RecurrentEncoder):
    """Keeps what its top layer says of each word, the word's annotation, beside its last state."""

    def annotate(self, sources: PackedSequence) -> tuple[Tensors, Tensor, Tensor]:
        """Reads sentences.

        Returns:
            The state that the decoder starts from, [L, N, H] each; annotations in the order of reading, zero after the
            end, [S, N, D]; and where words stand, bool [S, N].
        """
        said, state = self.read(sources)
        words = torch.ones(len(said.data), dtype=torch.bool, device=said.data.device)
        return state, padded(said), padded(said._replace(data=words))


def padded(packed: PackedSequence) -> Tensor:
    """Packed sentences side by side, zero after their ends, [S, R, ..]; torch's own would make a GPU be waited for."""
    beside, _ = pad_packed_sequence(PackedSequence(packed.data, packed.batch_sizes))
    order = packed.unsorted_indices
    return beside if order is None else beside.index_select(1, order)


def by_sentence(steps: Tensor, sentences: int) -> Tensor:
    """What R hypotheses have at T steps, [T, R, D], as rows of each of N sentences, which share a source."""
    return torch.unflatten(steps, 1, (sentences, -1)).transpose(0, 1).flatten(1, 2)  # [N, T K, D]


def by_step(rows: Tensor, steps: int) -> Tensor:
    """Rows of each sentence, as `by_sentence` makes them of T steps, back in the order of steps, [T, R, D]."""
    return torch.unflatten(rows, 1, (steps, -1)).transpose(0, 1).flatten(1, 2)


def weigh(scores: Tensor, is_text: Tensor) -> Tensor:
    """Scores of source positions, [.., S], to weights that add up to 1, in float32; zero where no word stands.

    Args:
        scores: of any size.
        is_text: where words stand, bool, of a shape that fits.
    """
    return scores.float().masked_fill(~is_text, -math.inf).softmax(dim=-1)


def contexts(weights: Tensor, annotations: Tensor) -> Tensor:
    """The mean of a sentence's annotations by each row's weights: [N, T K, S] and [S, N, D] to [N, T K, D]."""
    return torch.bmm(weights.to(annotations.dtype), annotations.transpose(0, 1))
