"""Where models look while they speak: attention, as an alignment of each target token with the source.

Bahdanau et al. 2015, section 5.2.1. Shapes: N pairs, B pairs of a batch, T target length (tokens with </s>), S source
length.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from s2s.data import move, pack_sources, padded
from s2s.ensemble import batches
from s2s.model import Seq2Seq, parts
from s2s.network.interface import Architecture
from s2s.search import Hypothesis
from s2s.vocabulary import EOS, PAD, UNK

SENTENCES = 64  # computed together; only speed and memory depend on it
Shares = NDArray[np.float32]


def attends(architecture: Architecture) -> bool:
    """Whether models of this architecture look at the source while they speak."""
    return parts(architecture)[1].attends


@torch.inference_mode()
def alignments(
    models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
) -> list[Shares]:
    """How much of its attention each target token has for each source token, the mean over the models that attend.

    Args:
        models: in evaluation, of the same vocabularies, on any devices; one of them attends at least.
        sources: ids without </s>, [N].
        targets: ids without </s>, [N].

    Returns:
        For each pair an array [T, S], both in the order of the text; its last row is that of </s>. Rows add up to 1;
        those of an empty source have nothing to look at, [T, 0].
    """
    attending = [model for model in models if model.decoder.attends]
    assert attending, "no model attends"
    found = [np.zeros((0, 0), np.float32)] * len(sources)
    for rows in batches([len(source) for source in sources], SENTENCES):
        pairs = [sources[row] for row in rows], [targets[row] for row in rows]
        looks = [forced(model, *pairs) for model in attending]
        for row, *shares in zip(rows, *looks, strict=True):
            found[row] = np.mean(shares, axis=0)
    return found


def forced(model: Seq2Seq, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> list[Shares]:
    """Where one model looks while it is made to say B targets, [T, S] each, in the order of the text."""
    device, reverse = next(model.parameters()).device, model.architecture.reverse_source
    packed = pack_sources([torch.tensor(source, dtype=torch.int64) for source in sources], reverse)
    inputs = np.array([token for target in targets for token in (EOS, *target)], np.int64)
    lengths = np.array([len(target) + 1 for target in targets])
    said = torch.from_numpy(padded(inputs, np.cumsum(lengths) - lengths, lengths, PAD)).to(device)  # [T, B]
    shares = model.decoder.attention(said, model.encoder(move(packed, device))).float().cpu().numpy()  # [T, B, S]
    sizes = zip(lengths, map(len, sources), strict=True)
    looks = [shares[:length, place, :size] for place, (length, size) in enumerate(sizes)]
    return [look[:, ::-1] for look in looks] if reverse else looks


def of_unknown(
    models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], found: Sequence[Sequence[Hypothesis]]
) -> dict[tuple[int, int], Shares]:
    """Where the models look while they say those hypotheses that hold an <unk>.

    Args:
        models: as above, but perhaps none attends.
        sources: ids without </s>, [N].
        found: of each source its hypotheses.

    Returns:
        By the numbers of source and hypothesis an array [T, S]; nothing where no model attends.
    """
    if not any(model.decoder.attends for model in models):
        return {}
    places = [(row, rank) for row, said in enumerate(found) for rank, one in enumerate(said) if UNK in one.ids]
    said = [found[row][rank].ids for row, rank in places]
    return dict(zip(places, alignments(models, [sources[row] for row, _ in places], said), strict=True))
