"""Properties of every network with attention: weights add up to 1, and only words have weights."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from s2s.data.batches import make_batch
from s2s.model.interface import State
from s2s.training.trainer import Trainer
from tests.s2s.model.test_networks import KINDS, network
from tests.support import tiny
from tests.support.attending import SOURCES, inputs, packed

EACH = pytest.mark.parametrize("kind", [kind for kind in KINDS if network(kind).decoder.attends])
IS_TEXT = torch.arange(max(map(len, SOURCES)))[:, None] < torch.tensor([len(source) for source in SOURCES])  # [S, B]


@EACH
def test_each_step_shares_its_attention_among_the_words(kind: str) -> None:
    model = network(kind, init_uniform=1.0)
    with torch.inference_mode():
        weights = model.decoder.attention(inputs(), model.encoder(packed(SOURCES)))  # [T, B, S]
    assert weights.shape == (*inputs().shape, len(IS_TEXT)) and weights.dtype == torch.float32
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(inputs().shape))
    on_text = IS_TEXT.t().expand_as(weights)
    assert (weights[on_text] > 0).all() and not weights[~on_text].any()
    assert weights.std(dim=0).max() > 1e-3, "steps look at different words"


@EACH
def test_what_stands_where_no_word_is_changes_nothing(kind: str) -> None:
    model = network(kind)
    with torch.inference_mode():
        state = model.encoder(packed(SOURCES))
        smeared_state = state.each(smeared)
        torch.testing.assert_close(model.decoder(inputs(), smeared_state)[0], model.decoder(inputs(), state)[0])
        weights, other_weights = (model.decoder.attention(inputs(), start) for start in (state, smeared_state))
        torch.testing.assert_close(other_weights, weights)


def smeared(part: Tensor) -> Tensor:
    """Change the numbers beyond the ends of sentences in a state's tensor, if it has source positions."""
    if part.shape[:2] != IS_TEXT.shape or part.dtype == torch.bool:
        return part
    return torch.where(IS_TEXT.view(*IS_TEXT.shape, *[1] * (part.dim() - 2)), part, torch.full_like(part, 7.0))


@EACH
def test_the_state_goes_on_between_two_parts_of_a_target(kind: str) -> None:
    model = network(kind)
    with torch.inference_mode():
        whole, after = model.decoder(inputs(), model.encoder(packed(SOURCES)))
        first, state = model.decoder(inputs()[:1], model.encoder(packed(SOURCES)))
        second, end = model.decoder(inputs()[1:], state)
        torch.testing.assert_close(torch.cat((first, second)), whole, atol=2e-6, rtol=1e-5)
        check_alike(end, after)


def check_alike(left: State, right: State) -> None:
    torch.testing.assert_close(left, right, atol=2e-6, rtol=1e-5)


@pytest.mark.process
@pytest.mark.parametrize("context", ["bahdanau", "luong_general"])
def test_it_learns_to_look_at_the_words_that_it_says(context: str, tmp_path: Path) -> None:
    """Training has no information about which source word a target word comes from."""
    train, dev = tiny.digits(tmp_path, "train", 2000, 1, True), tiny.digits(tmp_path, "dev", 100, 2, True)
    shape: dict[str, object] = {"cell": "gru", "bidirectional": True, "layers": 1, "hidden": 24, "embedding": 12}
    model = tiny.network(2, **shape, context=context, maxout=16, init_uniform=0.2, reverse_source=False)
    Trainer(model, tiny.recipe(epochs=3.0), train, dev, 1, torch.device("cpu")).run(tmp_path / "work")
    batch = make_batch(dev, range(100), reverse_source=False)
    with torch.inference_mode():
        weights = model.decoder.attention(batch.target_inputs, model.encoder(batch.sources))  # [T, B, S]
    lengths = torch.from_numpy(dev.source.lengths)
    steps, sentences = (torch.arange(len(weights))[:, None] < lengths).nonzero().unbind(1)  # without </s>
    right = weights.argmax(dim=2)[steps, sentences] == lengths[sentences] - 1 - steps
    assert right.float().mean() > 0.8  # chance is 0.3; 15 of 16 trainings reach more than 0.95
