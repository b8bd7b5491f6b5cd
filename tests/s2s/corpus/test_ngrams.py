"""N-gram models, compared with KenLM's estimates of a small text, values by hand, and sums of probabilities."""

import itertools

import numpy as np
import pytest

from s2s.corpus import ngrams
from s2s.corpus.ngrams import BEGIN, END, Integers, Model

TEXT = [
    "a dog sees a cat",
    "a cat sees a dog",
    "the dog sees the cat",
    "the dog bites",
    "a cat runs",
    "the cat runs now",
    "now the dog sees a cat",
    "the old dog bites the cat",
    "a cat and a dog",
]
NAMES = ["<unk>", "<s>", "</s>", *sorted({word for sentence in TEXT for word in sentence.split(" ")})]
IDS = {name: i for i, name in enumerate(NAMES)}
ORDER = 3

KENLM = """
<unk> | -1.3309932 | 0
<s> | 0 | -0.5563025
</s> | -0.7995143 | 0
a | -1.1042093 | -0.28879556
dog | -1.1042093 | -0.13752787
sees | -1.1042093 | -0.16085131
cat | -1.1042093 | -0.16085131
the | -0.9256713 | -0.29081082
bites | -1.1507853 | -0.30103
runs | -1.1507853 | -0.30103
now | -1.1042093 | -0.30103
old | -1.1507853 | -0.30103
and | -1.1507853 | -0.30103
dog </s> | -0.66635126 | 0
cat </s> | -0.7423595 | 0
bites </s> | -0.4823643 | 0
runs </s> | -0.4823643 | 0
now </s> | -0.4823643 | 0
<s> a | -0.44954515 | -0.040836267
sees a | -0.705149 | -0.10305138
and a | -0.26814273 | -0.19312459
a dog | -0.35609636 | -0.10305138
the dog | -0.951953 | -0.10305138
old dog | -0.26814273 | -0.19312459
dog sees | -0.8445772 | -0.10305138
cat sees | -0.8612213 | -0.19312459
a cat | -0.8990389 | -0.1368733
the cat | -0.42758942 | -0.10305138
<s> the | -0.43616748 | -0.12387946
sees the | -0.6044933 | -0.19312459
bites the | -0.5095733 | -0.19312459
now the | -0.5095733 | -0.19312459
dog bites | -0.86264586 | -0.19312459
cat runs | -0.9200152 | -0.19312459
<s> now | -1.1112175 | -0.19312459
runs now | -0.5386015 | -0.19312459
the old | -0.92260325 | -0.19312459
cat and | -0.8790085 | -0.19312459
a dog </s> | -0.5823071
a cat </s> | -0.72814953
the cat </s> | -0.6301732
dog bites </s> | -0.40826964
cat runs </s> | -0.40826964
runs now </s> | -0.24406004
dog sees a | -0.6071274
cat sees a | -0.31392857
cat and a | -0.15199523
<s> a dog | -0.30920827
sees a dog | -0.33061236
and a dog | -0.19292612
<s> the dog | -0.8162756
now the dog | -0.3659503
the old dog | -0.15199523
a dog sees | -0.63362503
the dog sees | -0.6895376
a cat sees | -0.76387966
<s> a cat | -0.9398752
sees a cat | -0.7187508
<s> the cat | -0.43105915
sees the cat | -0.22296228
bites the cat | -0.22296228
dog sees the | -0.50065935
dog bites the | -0.42276362
<s> now the | -0.2539383
the dog bites | -0.64229965
old dog bites | -0.3497672
a cat runs | -0.79719174
the cat runs | -0.6686022
cat runs now | -0.43775797
<s> the old | -0.7457096
a cat and | -0.77416366
"""
"""`lmplz -o 3` of KenLM 0.3.0 on TEXT: n-gram | log10 of its probability | log10 of its backoff."""


def encode(sentences: list[str]) -> Integers:
    return np.array([i for s in sentences for i in (BEGIN, *(IDS[word] for word in s.split(" ")), END)])


def learned(*texts: list[str], order: int = ORDER) -> list[Model]:
    return ngrams.learn([encode(text) for text in texts], len(NAMES), order)


def read(arpa: str) -> dict[str, list[float]]:
    rows = (line.split(" | ") for line in arpa.strip().split("\n"))
    return {name: [float(number) for number in numbers] for name, *numbers in rows}


def table(model: Model) -> dict[str, list[float]]:
    """Return a model in the form of KenLM's output."""
    grams: dict[str, list[float]] = {}
    names = NAMES
    for n, log_probs in enumerate(model.log_probs):
        if n:
            names = [f"{names[key // model.words]} {NAMES[key % model.words]}" for key in model.keys[n - 1]]
        columns = [log_probs, model.backoffs[n]] if n < len(model.backoffs) else [log_probs]
        grams |= {name: list(row * np.log10(2)) for name, row in zip(names, np.stack(columns, 1), strict=True)}
    return grams


def test_every_probability_and_backoff_is_that_of_kenlm() -> None:
    ours, theirs = table(learned(TEXT)[0]), read(KENLM)
    assert ours.keys() == theirs.keys()
    for name, numbers in theirs.items():
        assert ours[name] == pytest.approx(numbers, abs=1e-6), name


def test_a_text_too_small_for_its_own_discounts_takes_a_half_off() -> None:
    (model,) = ngrams.learn([np.array([BEGIN, 3, END])], 4, 2)
    single = 0.5 / 2 + 0.5 / 3  # two words seen once each, three possible words
    assert 2.0 ** model.score(np.array([BEGIN, 3, END])) == pytest.approx([1, *[0.5 + 0.5 * single] * 2])


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([6, 3, 2, 1], [0, 1 / 2, 1, 2]),  # Y = 1/2
        ([6, 3, 2, 0], [0, 1 / 2, 1, 3]),
        ([6, 3, 0, 1], [0, 0.5, 1, 1.5]),  # no count of 3
        ([6, 3, 9, 1], [0, 0.5, 1, 1.5]),  # D2 would be negative
    ],
)
def test_discounts_follow_from_the_counts_of_counts(seen: list[int], expected: list[float]) -> None:
    counts = np.repeat(np.arange(1, 5), seen)
    assert ngrams.discounts(np.append(counts, [0, 0, 9])) == pytest.approx(expected)


def test_after_any_words_the_probabilities_sum_to_one() -> None:
    model, _ = learned(TEXT, ["the old cat bites a bites"])
    words = [i for i in range(len(NAMES)) if i != BEGIN]
    for context in itertools.chain([()], itertools.product(words, repeat=2)):
        sentences = np.array([(BEGIN, *context, word) for word in words])
        last = model.score(sentences.ravel()).reshape(sentences.shape)[:, -1]
        assert (2**last).sum() == pytest.approx(1, abs=1e-9)


def test_a_sentence_has_the_same_score_whatever_stands_beside_it() -> None:
    (model,) = learned(TEXT[:5], order=4)
    alone = [model.score(encode([sentence])) for sentence in TEXT]
    assert (model.score(encode(TEXT)) == np.concatenate(alone)).all()


def test_learning_two_texts_together_changes_neither() -> None:
    together = learned(TEXT[:5], TEXT[5:])
    for model, text in zip(together, (TEXT[:5], TEXT[5:]), strict=True):
        assert model.score(encode(TEXT)) == pytest.approx(learned(text)[0].score(encode(TEXT)), abs=1e-12)


def test_the_difference_of_models_scores_the_difference() -> None:
    first, second = learned(TEXT[:5], TEXT[5:])
    ids = encode([*TEXT, "old cat a a", "sees"])
    assert (first - second).score(ids) == pytest.approx(first.score(ids) - second.score(ids), abs=1e-12)


def test_order_of_words_is_learned() -> None:
    (model,) = learned(TEXT)
    backwards = [" ".join(reversed(sentence.split(" "))) for sentence in TEXT]
    assert model.score(encode(TEXT)).sum() > model.score(encode(backwards)).sum() + 50  # bits
