"""Compute attention maps: the attention weights of each target token over the source (Bahdanau et al. 2015, 5.2.1).

Shapes: N pairs, B pairs of a batch, T target length (tokens with </s>), S source length.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from s2s.data.batches import move, pack_sources, padded
from s2s.inference.ensemble import batches
from s2s.inference.search import Hypothesis
from s2s.model.interface import Architecture
from s2s.model.seq2seq import Seq2Seq, parts
from s2s.text.vocabulary import EOS, PAD, UNK

SENTENCES = 64  # of a batch; changes speed and memory only
Shares = NDArray[np.float32]


def attends(architecture: Architecture) -> bool:
    """Return True if models of this architecture have attention."""
    return parts(architecture)[1].attends


@torch.inference_mode()
def alignments(
    models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
) -> list[Shares]:
    """Return the attention map of each sentence pair, averaged over the models that have attention.

    Args:
        models: models in evaluation mode, of equal vocabularies, on any devices; at least one has attention.
        sources: token ids without </s>, [N].
        targets: token ids without </s>, [N].

    Returns:
        For each pair an array [T, S], both in text order; the last row belongs to </s>. Rows sum to 1. The map of an
        empty source is [T, 0].
    """
    attending = [model for model in models if model.decoder.attends]
    assert attending, "no model attends"
    maps = [np.zeros((0, 0), np.float32)] * len(sources)
    for rows in batches([len(source) for source in sources], SENTENCES):
        pairs = [sources[row] for row in rows], [targets[row] for row in rows]
        by_model = [forced(model, *pairs) for model in attending]
        for row, *shares in zip(rows, *by_model, strict=True):
            maps[row] = np.mean(shares, axis=0)
    return maps


def forced(model: Seq2Seq, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> list[Shares]:
    """Return one model's attention maps [T, S] of B given pairs, in text order."""
    device, reverse = next(model.parameters()).device, model.architecture.reverse_source
    packed = pack_sources([torch.tensor(source, dtype=torch.int64) for source in sources], reverse)
    inputs = np.array([token for target in targets for token in (EOS, *target)], np.int64)
    lengths = np.array([len(target) + 1 for target in targets])
    read = torch.from_numpy(padded(inputs, np.cumsum(lengths) - lengths, lengths, PAD)).to(device)  # [T, B]
    shares = model.decoder.attention(read, model.encoder(move(packed, device))).float().cpu().numpy()  # [T, B, S]
    sizes = zip(lengths, map(len, sources), strict=True)
    maps = [shares[:length, place, :size] for place, (length, size) in enumerate(sizes)]
    return [shares[:, ::-1] for shares in maps] if reverse else maps


def of_unknown(
    models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], lists: Sequence[Sequence[Hypothesis]]
) -> dict[tuple[int, int], Shares]:
    """Return the attention maps of the hypotheses that contain <unk>.

    Args:
        models: as of `alignments`, but attention is not required.
        sources: token ids without </s>, [N].
        lists: hypotheses of each source.

    Returns:
        Maps [T, S] by the indices of source and hypothesis; empty if no model has attention.
    """
    if not any(model.decoder.attends for model in models):
        return {}
    places = [
        (row, rank)
        for row, hypotheses in enumerate(lists)
        for rank, hypothesis in enumerate(hypotheses)
        if UNK in hypothesis.ids
    ]
    targets = [lists[row][rank].ids for row, rank in places]
    return dict(zip(places, alignments(models, [sources[row] for row, _ in places], targets), strict=True))
