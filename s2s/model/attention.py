"""Parts shared by networks with attention: an encoder that annotates each source word, and weighted means.

Shapes: R hypotheses of N sentences, K = R / N hypotheses a sentence, S source length, T target length, L layers, H
hidden, D annotation or any other width.
"""

import math

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from s2s.model.interface import Architecture, Tensors
from s2s.model.recurrent import RecurrentEncoder


def annotation_width(architecture: Architecture) -> int:
    """Return D, the width of an annotation: H, or 2 H for two directions, whose outputs are concatenated."""
    return architecture.hidden * (2 if architecture.bidirectional else 1)


class AnnotatingEncoder(RecurrentEncoder):
    """A recurrent encoder that also returns its top layer's output at each word, the word's annotation."""

    def annotate(self, sources: PackedSequence) -> tuple[Tensors, Tensor, Tensor]:
        """Read sentences and return the last state, the annotations and their mask.

        Returns:
            The state that the decoder starts from, [L, N, H] each; annotations in the order of reading, zero after the
            end, [S, N, D]; and a mask that is True where there is a word, bool [S, N].
        """
        outputs, state = self.read(sources)
        words = torch.ones(len(outputs.data), dtype=torch.bool, device=outputs.data.device)
        return state, padded(outputs), padded(outputs._replace(data=words))


def padded(packed: PackedSequence) -> Tensor:
    """Return packed sentences as one tensor, zero after their ends, [S, R, ..].

    The order is undone here, because torch's own function would synchronize the GPU for it.
    """
    columns, _ = pad_packed_sequence(PackedSequence(packed.data, packed.batch_sizes))
    order = packed.unsorted_indices
    return columns if order is None else columns.index_select(1, order)


def by_sentence(steps: Tensor, sentences: int) -> Tensor:
    """Group vectors of R hypotheses at T steps by sentence: [T, R, D] to [N, T K, D]."""
    return torch.unflatten(steps, 1, (sentences, -1)).transpose(0, 1).flatten(1, 2)  # [N, T K, D]


def by_step(rows: Tensor, steps: int) -> Tensor:
    """Undo `by_sentence`: [N, T K, D] to [T, R, D], where T is `steps`."""
    return torch.unflatten(rows, 1, (steps, -1)).transpose(0, 1).flatten(1, 2)


def weigh(scores: Tensor, is_text: Tensor) -> Tensor:
    """Turn scores of source positions into weights that add up to 1, in float32, zero at padding.

    Args:
        scores: any numbers, [.., S].
        is_text: True where there is a word, bool, of a shape that broadcasts.
    """
    return scores.float().masked_fill(~is_text, -math.inf).softmax(dim=-1)


def contexts(weights: Tensor, annotations: Tensor) -> Tensor:
    """Return each row's weighted mean of its sentence's annotations: [N, T K, S] and [S, N, D] to [N, T K, D]."""
    return torch.bmm(weights.to(annotations.dtype), annotations.transpose(0, 1))
