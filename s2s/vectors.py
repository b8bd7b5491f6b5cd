"""Sentences as vectors: the state that the encoder ends in, and which of them lie close to each other.

Shapes: N sentences, M of them that are compared, H hidden, L layers.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from s2s.data import move, pack_sources
from s2s.errors import check
from s2s.model import Seq2Seq

SENTENCES = 64  # read together; only speed and memory depend on it
STATES = ("h", "c")
DECIMALS = 6  # of similarities: what is nearer than float32 can tell is as near


@torch.inference_mode()
def embed(model: Seq2Seq, sentences: Sequence[Sequence[int]], layer: int = 0, state: str = "h") -> NDArray[np.float32]:
    """The encoder's last state of one layer for each sentence, [N, H] (Sutskever et al. 2014, section 3.8).

    Args:
        model: dropout is off, as in a loaded model.
        sentences: source ids without </s>, [N].
        layer: counted from 1, the one next to the words; 0: the top one.
        state: "h", what a layer says, or "c", what it remembers.

    Raises:
        UserError: the model has no such layer.
    """
    layers = model.architecture.layers
    check(
        0 <= layer <= layers, f"layer: found {layer}; expected at most {layers}, those of the model, or 0 for its top"
    )
    device = next(model.parameters()).device
    vectors = np.zeros((len(sentences), model.architecture.hidden), np.float32)
    order = sorted(range(len(sentences)), key=lambda row: (len(sentences[row]), row))  # of equal length: fewer steps
    for start in range(0, len(order), SENTENCES):
        rows = order[start : start + SENTENCES]
        tensors = [torch.tensor(sentences[row], dtype=torch.int64) for row in rows]
        sources = pack_sources(tensors, model.architecture.reverse_source)
        states = model.encoder.vectors(move(sources, device))  # [L, rows, H] each
        check(state in states, f"state: found {state}; expected {' or '.join(states)}, those of this model")
        vectors[rows] = states[state][layer - 1].float().cpu().numpy()
    return vectors


def nearest(
    vectors: NDArray[np.float32], rows: Sequence[int], count: int, kinds: Sequence[object]
) -> list[list[tuple[int, float]]]:
    """The sentences closest to some by the cosine of their vectors, the closest first; equally close ones by number.

    Args:
        vectors: [N, H].
        rows: the sentences whose neighbors are asked for, [M].
        count: how many, at most.
        kinds: what tells sentences apart, as their text, [N]: no neighbor is of the kind of the sentence itself or
            of a closer one.

    Returns:
        For each of `rows` its neighbors, each with the cosine.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors / np.where(lengths == 0, 1, lengths)  # of no direction: as far from all as at a right angle
    found = []
    for row in rows:
        cosines = np.round((directions @ directions[row]).astype(np.float64), DECIMALS)  # [N]
        seen = {kinds[row]}
        close: list[tuple[int, float]] = []
        for other in np.argsort(-cosines, kind="stable").tolist():
            if len(close) == count:
                break
            if kinds[other] not in seen:
                seen.add(kinds[other])
                close.append((other, float(cosines[other]) + 0.0))  # + 0.0 makes -0.0 plain
        found.append(close)
    return found
