"""What a model costs to run, counted and not timed: the multiply-adds of its products of matrices.

Shapes: S source length, T target length.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.backends import mkldnn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from s2s.data import pack_sources
from s2s.model import Seq2Seq
from s2s.vocabulary import EOS, UNK


def multiply_adds(network: Seq2Seq, source_tokens: int, target_tokens: int) -> int:
    """The multiply-adds of one pass over a sentence pair: encoder, decoder and softmax, without search.

    torch counts what it computes, so this holds for any network. Fused kernels, of which it counts nothing, are left
    aside: oneDNN's of recurrent layers, those of attention, and that of a Transformer's layer, which asks for no
    gradients. What is done number by number, such as a tanh, is not counted.

    Args:
        network: on the CPU.
        source_tokens: S, at least 1.
        target_tokens: T, with </s>, at least 1.
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
    """Within the block recurrent layers are products that torch sees. (`mkldnn.flags` sets more, and warns of it.)"""
    before = mkldnn.set_flags(_enabled=False, _fp32_precision=None)[0]  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        mkldnn.set_flags(_enabled=before, _fp32_precision=None)  # type: ignore[no-untyped-call]
