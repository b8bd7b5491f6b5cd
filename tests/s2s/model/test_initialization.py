"""The initial weights of each kind of network."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from s2s.model.initialization import GAUSSIAN
from s2s.model.seq2seq import Seq2Seq
from tests.s2s.model.test_networks import KINDS
from tests.support import tiny

EACH = pytest.mark.parametrize("kind", KINDS)
WIDE = {"hidden": 96, "embedding": 64, "maxout": 48, "heads": 4, "feed_forward": 128, "source_vocabulary": 300}


def network(kind: str, initialization: str) -> Seq2Seq:
    """Make a network large enough for statistics of its weights."""
    return tiny.network(1, **KINDS[kind] | WIDE | {"layers": 2, "initialization": initialization})


def weights(model: Seq2Seq) -> Iterator[tuple[str, nn.Module, Tensor]]:
    """Yield the name, module and numbers of each weight, without layer normalization."""
    for name, parameter in model.named_parameters():
        owner = model.get_submodule(name.rpartition(".")[0])
        if not isinstance(owner, nn.LayerNorm):
            yield name, owner, parameter.detach()


def is_bias(name: str, weight: Tensor) -> bool:
    return weight.dim() == 1 or name.endswith("peepholes")


@EACH
@pytest.mark.parametrize("initialization", ["uniform", "orthogonal", "xavier"])
def test_layer_normalization_starts_as_the_identity(kind: str, initialization: str) -> None:
    for module in network(kind, initialization).modules():
        if isinstance(module, nn.LayerNorm):
            assert module.weight.eq(1).all() and module.bias.eq(0).all()


@EACH
@pytest.mark.parametrize("initialization", ["orthogonal", "xavier"])
def test_biases_and_peepholes_start_at_zero(kind: str, initialization: str) -> None:
    biases = [weight for name, _, weight in weights(network(kind, initialization)) if is_bias(name, weight)]
    assert biases
    assert not any(weight.any() for weight in biases)


@EACH
def test_recurrent_matrices_start_orthogonal_gate_by_gate(kind: str) -> None:
    for name, _, weight in weights(network(kind, "orthogonal")):
        if "weight_hh" in name:
            H = weight.shape[1]
            blocks = torch.split(weight, H)
            for block in blocks:
                torch.testing.assert_close(block @ block.T, torch.eye(H), atol=1e-5, rtol=0)
            assert all(not torch.equal(blocks[0], block) for block in blocks[1:])


@EACH
def test_other_matrices_start_from_the_papers_gaussians(kind: str) -> None:
    for name, _, weight in weights(network(kind, "orthogonal")):
        if is_bias(name, weight) or "weight_hh" in name:
            continue
        deviation = 0.001 if "score_" in name else GAUSSIAN
        assert weight.std().item() == pytest.approx(deviation, rel=0.2), name
        assert abs(weight.mean().item()) < 5 * deviation / weight.numel() ** 0.5, name


@EACH
def test_xaviers_matrices_keep_the_variance_of_what_goes_through(kind: str) -> None:
    """Matrices have the bound of Glorot and Bengio 2010, equation 16, and embeddings a variance of 1 / E."""
    for name, owner, weight in weights(network(kind, "xavier")):
        if is_bias(name, weight):
            continue
        if isinstance(owner, nn.Embedding):
            assert weight.std().item() == pytest.approx(weight.shape[1] ** -0.5, rel=0.1), name
            continue
        bound = (6 / (weight.shape[0] + weight.shape[1])) ** 0.5
        assert 0.9 * bound < weight.abs().max().item() <= bound, name


@pytest.mark.parametrize("initialization", ["uniform", "orthogonal", "xavier"])
def test_a_seed_draws_the_same_weights_and_another_seed_others(initialization: str) -> None:
    models = [tiny.network(seed, initialization=initialization) for seed in (1, 1, 2)]
    first, again, different = ([weight for _, _, weight in weights(model)] for model in models)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, different, strict=True) if a.any())
