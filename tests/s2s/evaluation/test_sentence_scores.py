"""The BLEU variant for single sentences, compared with values computed by hand."""

import math

import pytest

from s2s.evaluation.sentence_scores import classroom_bleu, signature


@pytest.mark.parametrize(
    ("hypothesis", "reference", "expected"),
    [
        ("Le chat dort.", "Le chat dort.", 1.0),
        # matching n-grams: 5 of 6, 4 of 5, 3 of 4, 2 of 3; one token shorter than the reference
        (
            "a b c d e f",
            "a b c d e x g",
            math.exp(-1 / 6) * (5 / 6) ** 0.5 * 0.8**0.25 * 0.75**0.125 * (2 / 3) ** 0.0625,
        ),
        # with the full stop as a token: 4 of 5, 2 of 4, 0 of 3, 0 of 2
        ("Le chat noir dort.", "Le chat blanc dort.", 0.0),
        # 8 of 9, 7 of 8, 6 of 7, 5 of 6; no penalty for being longer than the reference
        (
            "un deux trois quatre cinq six sept huit huit",
            "un deux trois quatre cinq six sept huit",
            (8 / 9) ** 0.5 * (7 / 8) ** 0.25 * (6 / 7) ** 0.125 * (5 / 6) ** 0.0625,
        ),
        ("le le le le", "le chat", 0.0),  # matches are clipped to the reference: 1 of 4, and 0 of 3
        ("oui", "oui non", math.exp(-1)),  # has only 1-grams, and half of the tokens
        ("Oui.", "Oui.", 1.0),
        ("Oui.", "Non.", 0.0),  # 1 of 2, 0 of 1
        ("x", "y", 0.0),
        ("", "Il attend.", 0.0),
        ("Il attend.", "", 0.0),
        ("", "", 0.0),
    ],
)
def test_it_is_what_a_hand_counts(hypothesis: str, reference: str, expected: float) -> None:
    (score,) = classroom_bleu([hypothesis], [reference])
    assert score == pytest.approx(100 * expected, rel=1e-7)


def test_every_sentence_has_its_own() -> None:
    assert classroom_bleu(["a", "", "oui"], ["a", "b", "oui non"]) == pytest.approx([100, 0, 100 / math.e])


def test_the_signature_names_tokens_and_weights() -> None:
    assert signature().startswith("nrefs:1|case:mixed|tok:13a|weights:2^-n|smooth:none|version:2.")
