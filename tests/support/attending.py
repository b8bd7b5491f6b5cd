"""Data and checks shared by tests of networks with attention."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence

from s2s.data.batches import pack_sources
from s2s.model.seq2seq import Seq2Seq
from s2s.text.vocabulary import EOS
from tests.support.equations import Array, array

SOURCES = [[3, 4, 5, 6, 7], [6], [7, 3], [4, 4, 4], [5, 6]]
TARGETS = [[EOS, 3, 4, 6], [EOS, 6, 6, 6], [EOS, 5, 4, 3], [EOS, 7, 3, 4], [EOS, 4, 7, 5]]

WrittenOut = Callable[[Seq2Seq, list[int], list[int]], tuple[Array, Array]]
"""Takes a model, a source in reading order and target inputs; returns logits [T, V] and attention weights [T, S]."""


def packed(sources: list[list[int]]) -> PackedSequence:
    """Pack sources without reversal."""
    return pack_sources([torch.tensor(source) for source in sources], reverse=False)


def inputs() -> torch.Tensor:
    """Return the decoder's inputs, [T, B]."""
    return torch.tensor(TARGETS).t()


def check_equations(model: Seq2Seq, written_out: WrittenOut) -> None:
    """Check a batch of sentences of several lengths against equations written out for each sentence alone."""
    with torch.no_grad():
        state = model.encoder(packed(SOURCES))
        logits = array(model.decoder.output(model.decoder(inputs(), state)[0]))  # [T, B, V]
        weights = array(model.decoder.attention(inputs(), state))  # [T, B, S]
    for row, (source, target_inputs) in enumerate(zip(SOURCES, TARGETS, strict=True)):
        expected, expected_weights = written_out(model, source, target_inputs)
        np.testing.assert_allclose(logits[:, row], expected, atol=1e-6, rtol=1e-6)
        np.testing.assert_allclose(weights[:, row, : len(source)], expected_weights, atol=1e-6)
        assert not weights[:, row, len(source) :].any()
