"""The Transformer, compared with its equations, with torch's own layers, and with its paper's numbers of parameters."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from s2s.data.batches import make_batch, pack_sources
from s2s.inference import vectors
from s2s.model.interface import State
from s2s.model.seq2seq import Seq2Seq, parameter_count
from s2s.model.transformer import Pass, plain
from s2s.text.vocabulary import EOS
from tests.support import tiny

Array = NDArray[np.float64]
SHAPE: dict[str, object] = {"network": "transformer", "hidden": 8, "embedding": 8, "heads": 2, "feed_forward": 12}
SOURCES = [[3, 4, 5, 6, 7], [6], [7, 3]]


def network(**changes: object) -> Seq2Seq:
    """Make a small Transformer with random weights, including those of its normalization."""
    model = tiny.network(1, **SHAPE | changes)
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return model


def read(model: Seq2Seq, sources: list[list[int]]) -> State:
    """Return the encoder's state."""
    tensors = [torch.tensor(source) for source in sources]
    return model.encoder(pack_sources(tensors, model.architecture.reverse_source))  # type: ignore[no-any-return]


class WrittenOut:
    """A Transformer for one sentence (Vaswani et al. 2017), with normalization before each part."""

    def __init__(self, model: Seq2Seq) -> None:
        self.weights = {name: weight.double().numpy() for name, weight in model.state_dict().items()}
        self.layers, self.heads = model.architecture.layers, model.architecture.heads

    def encoded(self, source: list[int]) -> list[Array]:
        """Compute each layer's output at each token, [S, H], that of the last layer normalized."""
        states, outputs = self.placed("encoder.embedding", source), []
        everything = np.full((len(source), len(source)), True)
        for layer in range(self.layers):
            place = f"encoder.layers.{layer}"
            read = self.norm(f"{place}.norm1", states)
            states = states + self.attention(f"{place}.self_attn", read, read, everything)[0]
            states = states + self.feed_forward(place, self.norm(f"{place}.norm2", states))
            outputs.append(states)
        return [*outputs[:-1], self.norm("encoder.norm", states)]

    def decoded(self, source: list[int], inputs: list[int]) -> tuple[Array, Array]:
        """Compute the logits after each input token, [T, V], and the mean attention of the last layer, [T, S]."""
        memory, states = self.encoded(source)[-1], self.placed("decoder.embedding", inputs)
        everything, earlier = np.full((len(inputs), len(source)), True), np.tri(len(inputs)) > 0
        for layer in range(self.layers):
            place = f"decoder.layers.{layer}"
            read = self.norm(f"{place}.norm1", states)
            states = states + self.attention(f"{place}.self_attn", read, read, earlier)[0]
            asking = self.norm(f"{place}.norm2", states)
            context, looked = self.attention(f"{place}.multihead_attn", asking, memory, everything)
            states = states + context
            states = states + self.feed_forward(place, self.norm(f"{place}.norm3", states))
        return self.linear("decoder.output", self.norm("decoder.norm", states)), looked

    def placed(self, name: str, tokens: list[int]) -> Array:
        words = self.weights[f"{name}.weight"][tokens]
        width = words.shape[1]
        words = words * np.sqrt(width)
        for place, word in enumerate(words):
            for pair in range(width // 2):
                angle = place / 10_000 ** (2 * pair / width)
                word[2 * pair : 2 * pair + 2] += np.sin(angle), np.cos(angle)
        return np.asarray(words)

    def linear(self, name: str, inputs: Array) -> Array:
        return np.asarray(inputs @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"])

    def norm(self, name: str, inputs: Array) -> Array:
        centered = inputs - inputs.mean(axis=1, keepdims=True)
        scaled = centered / np.sqrt((centered**2).mean(axis=1, keepdims=True) + 1e-5)
        return np.asarray(scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"])

    def feed_forward(self, place: str, inputs: Array) -> Array:
        return self.linear(f"{place}.linear2", np.maximum(0, self.linear(f"{place}.linear1", inputs)))

    def attention(self, name: str, asking: Array, asked: Array, allowed: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Compute the attention's output, and the mean of its weights over the heads."""
        weights, biases = (np.split(self.weights[f"{name}.in_proj_{part}"], 3) for part in ("weight", "bias"))
        sides = zip((asking, asked, asked), weights, biases, strict=True)
        parts = [np.split(inputs @ weight.T + bias, self.heads, axis=1) for inputs, weight, bias in sides]
        outputs, looked = [], []
        for query, key, value in zip(*parts, strict=True):
            shares = np.where(allowed, np.exp(query @ key.T / np.sqrt(query.shape[1])), 0)
            looked.append(shares / shares.sum(axis=1, keepdims=True))
            outputs.append(looked[-1] @ value)
        return self.linear(f"{name}.out_proj", np.hstack(outputs)), np.mean(looked, axis=0)


@torch.inference_mode()
def test_it_is_the_equations_written_out() -> None:
    model, inputs = network(init_uniform=0.3, layers=3), [[EOS, 3, 4, 4], [EOS, 5, 3, 7], [EOS, 7, 7, 6]]
    expected, state = WrittenOut(model), read(model, SOURCES)
    tokens = torch.tensor(inputs).t()  # [T, B]
    logits = model.decoder.output(model.decoder(tokens, state)[0])
    looked = model.decoder.attention(tokens, state)
    for row, source in enumerate(SOURCES):
        right, weights = expected.decoded(source[::-1], inputs[row])
        np.testing.assert_allclose(logits[:, row].numpy(), right, atol=1e-6)
        np.testing.assert_allclose(looked[:, row, : len(source)].numpy(), weights, atol=1e-6)


def test_a_sentences_vector_is_the_mean_over_its_positions() -> None:
    model = network(init_uniform=0.3, layers=3)
    for layer in (1, 2, 3):
        embedded = vectors.embed(model, SOURCES, layer)
        for row, source in enumerate(SOURCES):
            outputs = WrittenOut(model).encoded(source[::-1])
            np.testing.assert_allclose(embedded[row], outputs[layer - 1].mean(axis=0), atol=1e-6)


@torch.inference_mode()
def test_attention_is_a_distribution_over_text() -> None:
    model = network()
    looked = model.decoder.attention(torch.tensor([[EOS] * 3, [3, 4, 5]]), read(model, SOURCES))  # [T, B, S]
    torch.testing.assert_close(looked.sum(dim=2), torch.ones(2, 3))
    for row, source in enumerate(SOURCES):
        assert not looked[:, row, len(source) :].any()
        assert (looked[:, row, : len(source)] > 0).all()


def noisy(state: State) -> State:
    """Return the encoder's state with other numbers at padding."""
    memory, is_text = state.source
    return State((), (torch.where(is_text.unsqueeze(2), memory, 9.0), is_text))


def longer(state: State) -> State:
    """Return the encoder's state with two more positions of zeros, as if a longer sentence were in the batch."""
    return state.each(lambda part: torch.cat((part, torch.zeros_like(part[:2]))))


@torch.inference_mode()
@pytest.mark.parametrize("change", [noisy, longer])
def test_what_lies_on_padding_does_not_matter(change: Callable[[State], State]) -> None:
    model = network()
    state = read(model, SOURCES)
    tokens = torch.tensor([[EOS] * 3, [3, 4, 5]])
    torch.testing.assert_close(model.decoder(tokens, change(state))[0], model.decoder(tokens, state)[0])


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_layer_computes_what_torchs_own_does(dropout: float) -> None:
    layer = nn.TransformerDecoderLayer(8, 2, 12, dropout, norm_first=True).train()
    inputs, memory = torch.randn(5, 3, 8), torch.randn(4, 3, 8)
    is_text = torch.arange(4)[:, None] < torch.tensor([4, 1, 3])
    causal, decoder_layer = torch.ones(5, 5, dtype=torch.bool).tril(), Pass(layer, plain)
    torch.manual_seed(7)
    expected = layer(inputs, memory, tgt_mask=~causal, memory_key_padding_mask=~is_text.t())
    torch.manual_seed(7)
    outputs, kept = decoder_layer(inputs, None, causal, decoder_layer.remember(memory), is_text.t()[:, None, None])
    torch.testing.assert_close(outputs, expected)
    assert kept.shape == (5, 3, 16)


def test_training_and_evaluation_compute_the_same_bytes_and_warn_of_nothing(tmp_path: Path) -> None:
    batch = make_batch(tiny.digits(tmp_path, "train", 9, seed=3), range(9), reverse_source=True)
    model = network()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained, evaluated = model.train()(batch), model.eval()(batch)
        with torch.inference_mode():
            inferred = model(batch)
    assert trained.equal(evaluated) and trained.equal(inferred)


def test_keys_and_values_are_kept_not_computed_again() -> None:
    model, asked = network(), []
    step = model.decoder.stepper()
    with torch.inference_mode():
        state = read(model, SOURCES)
        for length in (1, 2, 3):
            _, state = step(torch.tensor([EOS, 3, 4]), state)
            is_text, *kept = state.source
            assert is_text.shape == (5, 3)
            assert [tuple(part.shape) for part in kept] == [(5, 3, 16)] * 2
            assert [tuple(part.shape) for part in state.own] == [(length, 3, 16)] * 2
            asked.append(kept[0].data_ptr())
    assert len(set(asked)) == 1


def test_the_base_model_has_the_parameters_of_its_paper() -> None:
    L, H, F, V = 6, 512, 2048, 37_000
    changes = {"layers": L, "hidden": H, "embedding": H, "heads": 8, "feed_forward": F}
    with torch.device("meta"):
        model = Seq2Seq(tiny.architecture(**SHAPE | changes, source_vocabulary=V, target_vocabulary=V))
    products = L * (4 * H * H + 2 * H * F) + L * (8 * H * H + 2 * H * F)
    biases = L * (4 * H + F + H) + L * (8 * H + F + H)
    norms = 2 * H * (L * 2 + L * 3 + 2)
    assert parameter_count(model) == products + biases + norms + 3 * V * H + V
    assert products + V * H == pytest.approx(65e6, rel=0.04)  # Table 3; one matrix is shared
