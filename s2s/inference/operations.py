"""Count the multiply-adds of a model's matrix products, as a measure of cost that needs no timing.

Shapes: S source length, T target length.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.backends import mkldnn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from s2s.data.batches import pack_sources
from s2s.model.seq2seq import Seq2Seq
from s2s.text.vocabulary import EOS, UNK


def multiply_adds(network: Seq2Seq, source_tokens: int, target_tokens: int) -> int:
    """Count the multiply-adds of encoder, decoder and softmax for one sentence pair, without search.

    PyTorch's counter covers any network, but not fused kernels. Therefore oneDNN's recurrent layers and fused attention
    are turned off, and gradients are enabled, without which Transformer layers are fused. Elementwise operations, such
    as tanh, are not counted.

    Args:
        network: a model on the CPU.
        source_tokens: S, at least 1.
        target_tokens: T with </s>, at least 1.
    """
    sources = pack_sources([torch.full((source_tokens,), UNK)], network.architecture.reverse_source)
    inputs = torch.full((target_tokens, 1), EOS)  # [T, 1]
    counter = FlopCounterMode(display=False)
    with plain_layers(), sdpa_kernel(SDPBackend.MATH), torch.enable_grad(), counter:
        states, _ = network.decoder(inputs, network.encoder(sources))  # [T, 1, O]
        network.decoder.output(states)
    return counter.get_total_flops() // 2


@contextmanager
def plain_layers() -> Iterator[None]:
    """Disable oneDNN within the block, so that recurrent layers are counted.

    `mkldnn.flags` would change more settings, with a warning.
    """
    before = mkldnn.set_flags(_enabled=False, _fp32_precision=None)[0]  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        mkldnn.set_flags(_enabled=before, _fp32_precision=None)  # type: ignore[no-untyped-call]
