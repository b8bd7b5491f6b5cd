"""Compute sentence vectors (the encoder's final states) and nearest neighbors.

Shapes: N sentences, M queries among them, H hidden, L layers.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from s2s.data.batches import move, pack_sources
from s2s.errors import check
from s2s.inference.ensemble import NO_NUMBER
from s2s.model.seq2seq import Seq2Seq

SENTENCES = 64  # of a batch; changes speed and memory only
STATES = ("h", "c")
DECIMALS = 6  # of cosines, within the precision of float32, so that ties are exact


@torch.inference_mode()
def embed(model: Seq2Seq, sentences: Sequence[Sequence[int]], layer: int = 0, state: str = "h") -> NDArray[np.float32]:
    """Return the encoder's final state of one layer for each sentence, [N, H] (Sutskever et al. 2014, section 3.8).

    Args:
        model: a model in evaluation mode.
        sentences: source token ids without </s>, [N].
        layer: number of the layer, 1 for the layer next to the embeddings; 0 for the top layer.
        state: "h" for the output of the layer or "c" for its memory cell.

    Raises:
        UserError: the model has no such layer.
    """
    layers = model.architecture.layers
    check(
        0 <= layer <= layers, f"layer: found {layer}; expected at most {layers}, those of the model, or 0 for its top"
    )
    device = next(model.parameters()).device
    vectors = np.zeros((len(sentences), model.architecture.hidden), np.float32)
    order = sorted(range(len(sentences)), key=lambda row: (len(sentences[row]), row))  # sorted by length: fewer steps
    for start in range(0, len(order), SENTENCES):
        rows = order[start : start + SENTENCES]
        tensors = [torch.tensor(sentences[row], dtype=torch.int64) for row in rows]
        sources = pack_sources(tensors, model.architecture.reverse_source)
        states = model.encoder.vectors(move(sources, device))  # [L, rows, H] each
        check(state in states, f"state: found {state}; expected {' or '.join(states)}, those of this model")
        vectors[rows] = states[state][layer - 1].float().cpu().numpy()
    check(np.isfinite(vectors).all(), NO_NUMBER)
    return vectors


def nearest(
    vectors: NDArray[np.float32], rows: Sequence[int], count: int, kinds: Sequence[object]
) -> list[list[tuple[int, float]]]:
    """Return the nearest neighbors of some sentences by the cosine of their vectors; ties in order of number.

    Args:
        vectors: sentence vectors, [N, H].
        rows: numbers of the query sentences, [M].
        count: the most neighbors of each.
        kinds: a key of each sentence, such as its text, [N]; sentences with equal keys are duplicates, of which at most
            one is a neighbor, and none if the query has the key.

    Returns:
        For each of `rows` pairs of neighbor and cosine, the nearest first.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors / np.where(lengths == 0, 1, lengths)  # a zero vector has cosine 0 with all
    lists = []
    for row in rows:
        cosines = np.round((directions @ directions[row]).astype(np.float64), DECIMALS)  # [N]
        seen = {kinds[row]}
        close: list[tuple[int, float]] = []
        for neighbor in np.argsort(-cosines, kind="stable").tolist():
            if len(close) == count:
                break
            if kinds[neighbor] not in seen:
                seen.add(kinds[neighbor])
                close.append((neighbor, float(cosines[neighbor]) + 0.0))  # + 0.0 turns -0.0 into 0.0
        lists.append(close)
    return lists
