"""A translator prepares text as training did, and its results do not depend on other lines."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from s2s.errors import UserError
from s2s.inference import forcing, vectors
from s2s.inference.attention_maps import alignments
from s2s.inference.sampling import Sampling
from s2s.inference.search import Hypothesis, SearchSettings, beam_search
from s2s.inference.translator import Translation, Translator
from s2s.lexicon.lexicon import Lexicon
from s2s.model import folder as model_folder
from s2s.text import tokenizer
from s2s.text.vocabulary import UNK
from tests.support import model_folders, tiny

SENTENCES = model_folders.SENTENCES
BEAM = SearchSettings(beam=4, n_best=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folders.write(tmp_path_factory.mktemp("words") / "1")


@pytest.fixture(scope="module")
def subwords(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folders.write(tmp_path_factory.mktemp("subwords") / "1", vocabularies=model_folders.subwords())


def test_a_sentence_is_normalized_and_cut_as_for_training(folder: Path) -> None:
    words = Translator.load([folder])
    expected = [words.source.names().index(word) for word in ("it", "isn", "'t", ",", '"')]
    assert words.encode("  It is\u200bn\u2019t\u00a0, \u201c") == expected


@pytest.mark.parametrize(
    ("changes", "known_words"),
    [({}, 3), ({"lowercase": False}, 2), ({"normalize_punctuation": False}, 2)],
)
def test_the_model_says_how_text_is_normalized(tmp_path: Path, changes: dict[str, Any], known_words: int) -> None:
    ids = Translator.load([model_folders.write(tmp_path, **changes)]).encode("The cat \u201d")
    assert len(ids) == 3
    assert len(ids) - ids.count(UNK) == known_words


def test_what_model_json_does_not_say_is_as_ever(tmp_path: Path) -> None:
    path = model_folders.write(tmp_path) / model_folder.DESCRIPTION
    values = json.loads(path.read_text())
    del values["lowercase"], values["normalize_punctuation"]
    path.write_text(json.dumps(values))
    described = Translator.load([tmp_path]).description
    assert (described.normalize_punctuation, described.lowercase) == (True, False)


def test_translations_are_those_of_the_search(folder: Path) -> None:
    words = Translator.load([folder])
    lists = words.translate(SENTENCES, BEAM)
    wanted = beam_search(words.models, [words.encode(line) for line in SENTENCES], BEAM)
    assert [[translation.tokens.split() for translation in row] for row in lists] == [
        [words.target.tokens(translation.ids) for translation in row] for row in wanted
    ]
    assert [translation.unknown for row in lists for translation in row] == [
        translation.ids.count(UNK) for row in wanted for translation in row
    ]
    assert sum(translation.unknown for row in lists for translation in row)


def test_words_are_put_together_to_text(folder: Path) -> None:
    words = Translator.load([folder])
    ids = [words.target.names().index(word) for word in ("l'", "homme", "est", "là", ".")]
    decoded = words.translation(Hypothesis(tuple(ids), -1.5, True, -0.5), words.prepare(""))
    assert decoded == Translation("l'homme est là.", "l' homme est là .", -1.5, -0.5, True, 0)


def test_a_lexicon_says_what_is_unknown(folder: Path, tmp_path: Path) -> None:
    sha256 = Translator.load([folder]).target.sha256
    Lexicon({"dog": ("chien", 0.9)}, 4.0, 0.1, sha256).save(tmp_path / "lexicon.parquet")
    words = Translator.load([folder], lexicon=tmp_path / "lexicon.parquet")
    ids = tuple(words.target.names().index(word) for word in ("<unk>", "est", "<unk>"))
    decoded = words.translation(Hypothesis(ids, -1.5), words.prepare("DOGS  is dog"))
    assert (decoded.text, decoded.tokens, decoded.unknown) == ("dogs est chien", "dogs est chien", 2)


def test_models_that_attend_say_which_word_is_unknown(tmp_path: Path) -> None:
    network = tiny.network(3, context="luong_dot", hidden=8, init_uniform=1.0, **model_folders.SIZES)
    with torch.no_grad():
        network.decoder.output.bias[UNK] += 4
    lexicon = Lexicon({word: (f"{word}?", 0.5) for word in model_folders.WORDS}, 4.0, 0.1)
    lexicon.save(tmp_path / "lexicon.parquet")
    folders = [model_folders.write(tmp_path / "1", network=network), model_folders.write(tmp_path / "2")]
    words = Translator.load(folders, lexicon=tmp_path / "lexicon.parquet")
    sources = [words.encode(line) for line in SENTENCES]
    moved = 0
    for line, source, translations, wanted in zip(
        SENTENCES, sources, words.translate(SENTENCES, BEAM), beam_search(words.models, sources, BEAM), strict=True
    ):
        tokens = tokenizer.tokenize(line.lower(), "en").split()
        for translation, hypothesis in zip(translations, wanted, strict=True):
            (looks,) = alignments([words.models[0]], [source], [hypothesis.ids])
            raw = words.target.tokens(hypothesis.ids)
            assert translation.tokens.split() == lexicon.replace(tokens, raw, looks)
            moved += translation.tokens.split() != lexicon.replace(tokens, raw)
    assert moved


def test_a_lexicon_is_one_for_the_models(folder: Path, subwords: Path, tmp_path: Path) -> None:
    path = tmp_path / "lexicon.parquet"
    Lexicon({}, 4.0, 0.1, "0" * 64).save(path)
    with pytest.raises(UserError, match="found a lexicon for a target vocabulary of sha256 000000000000; expected"):
        Translator.load([folder], lexicon=path)
    with pytest.raises(UserError, match="found a lexicon beside subwords; expected none, they have no unknown words"):
        Translator.load([subwords], lexicon=path)


def test_a_draw_of_a_line_depends_on_no_other(folder: Path) -> None:
    words, settings = Translator.load([folder]), SearchSettings(beam=3, n_best=3)
    together = words.translate(SENTENCES, settings, sampling=Sampling(seed=3))
    assert together[2:] + together[:2] == words.translate(SENTENCES[2:] + SENTENCES[:2], settings, 2, Sampling(seed=3))
    assert together != words.translate(SENTENCES, settings, sampling=Sampling(seed=4))


def test_subwords_come_as_text_and_are_cut_into_tokens(subwords: Path) -> None:
    pieces = Translator.load([subwords])
    ids = tuple(pieces.target.encode("l'homme est ici."))
    decoded = pieces.translation(Hypothesis(ids, -1.5), pieces.prepare(""))
    assert (decoded.text, decoded.tokens) == ("l'homme est ici.", "l' homme est ici .")


@pytest.mark.parametrize("kind", ["folder", "subwords"])
def test_a_line_is_translated_alike_in_any_company(kind: str, request: pytest.FixtureRequest) -> None:
    translator = Translator.load([request.getfixturevalue(kind)])
    lines = [*SENTENCES, "", "the " * 40, *SENTENCES[:2], " \t"]
    together = translator.translate(lines, BEAM)
    order = random.Random(1).sample(range(len(lines)), len(lines))
    shuffled = translator.translate([lines[row] for row in order], BEAM, batch_sentences=3)
    for row, line in enumerate(lines):
        for translations in (translator.translate([line], BEAM)[0], shuffled[order.index(row)]):
            assert [translation.text for translation in translations] == [
                translation.text for translation in together[row]
            ]
            np.testing.assert_allclose(
                [translation.log_prob for translation in translations],
                [translation.log_prob for translation in together[row]],
                atol=1e-4,
            )


def test_an_empty_line_has_the_empty_translation(folder: Path) -> None:
    assert Translator.load([folder]).translate(["", "  "], BEAM) == [[Translation("", "", 0.0, 0.0, True, 0)]] * 2


def test_no_lines_are_no_translations(folder: Path) -> None:
    words = Translator.load([folder])
    assert not words.translate([], BEAM)
    assert not words.score([], [])
    assert words.embed([]).shape == (0, 8)


def test_the_score_of_a_translation_is_its_log_probability(folder: Path) -> None:
    translator = Translator.load([folder])
    lists = translator.translate(SENTENCES, BEAM)
    translations = [translation for row in lists for translation in row]
    lines = [line for line, row in zip(SENTENCES, lists, strict=True) for _ in row]
    scores = translator.score(lines, [translation.text for translation in translations])
    same = [
        row
        for row, translation in enumerate(translations)
        if translation.complete and tokens_read(translator, translation) == translation.tokens.split()
    ]
    assert len(same) > 2  # detokenized random words do not always give the same tokens again
    for row in same:
        tokens, log_probs = zip(*scores[row], strict=True)
        assert tokens[-1] == "</s>"
        assert sum(log_probs) == pytest.approx(translations[row].log_prob, abs=1e-4)


def test_a_score_has_the_tokens_that_the_model_knows(folder: Path) -> None:
    (scores,) = Translator.load([folder]).score(["Here."], ["Le chien est l'homme."])
    assert [token for token, _ in scores] == ["le", "<unk>", "est", "l'", "homme", ".", "</s>"]


@pytest.mark.parametrize("kind", ["folder", "subwords"])
def test_a_translation_with_an_unknown_word_scores_as_in_search(kind: str, request: pytest.FixtureRequest) -> None:
    translator = Translator.load([request.getfixturevalue(kind)])
    words = "il <unk> l' <unk> <unk> est ." if kind == "folder" else "l'homme <unk><unk> est<unk>."
    ids, source = translator.target.encode(words), translator.encode("Here.")
    assert ids.count(UNK) == 3
    (log_probs,) = forcing.score_pairs(translator.models, [source], [ids], 100)
    text = translator.translation(Hypothesis(tuple(ids), 0.0), translator.prepare("Here.")).text
    assert translator.encode_target(text) == ids
    assert sum(log_prob for _, log_prob in translator.score(["Here."], [text])[0]) == pytest.approx(log_probs.sum())


def test_texts_of_a_list_differ_and_the_best_is_kept(subwords: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = Translator.load([subwords])
    whole = pieces.target.encode("roi")
    letters = [pieces.target.names().index(piece) for piece in "▁roi"]
    assert whole != letters and pieces.target.text(letters) == "roi"
    found = [Hypothesis(tuple(ids), score, score=score) for ids, score in ((whole, -1.0), ((), -2.0), (letters, -3.0))]
    monkeypatch.setattr("s2s.inference.translator.beam_search", lambda *_: [found])
    (translations,) = pieces.translate(["Here."], BEAM)
    assert [(translation.text, translation.score) for translation in translations] == [("roi", -1.0), ("", -2.0)]


def test_scores_and_vectors_keep_the_order(folder: Path) -> None:
    words = Translator.load([folder])
    for row, line in enumerate(SENTENCES):
        together = [log_prob for _, log_prob in words.score(SENTENCES, SENTENCES[::-1])[row]]
        alone = [log_prob for _, log_prob in words.score([line], [SENTENCES[~row]])[0]]
        np.testing.assert_allclose(together, alone, atol=1e-4)
        ids = [words.encode(line)]
        np.testing.assert_allclose(words.embed(SENTENCES)[row], vectors.embed(words.models[0], ids)[0], atol=1e-5)


def test_an_ensemble_says_tokens_together(folder: Path, tmp_path: Path) -> None:
    folders = [folder, model_folders.write(tmp_path / "2", seed=2)]
    both = Translator.load(folders)
    assert [len(both.models), both.translate(SENTENCES, BEAM) != Translator.load([folder]).translate(SENTENCES, BEAM)]
    probs = [np.exp([p for _, p in Translator.load([path]).score(["Here."], ["Là."])[0]]) for path in folders]
    np.testing.assert_allclose(np.exp([p for _, p in both.score(["Here."], ["Là."])[0]]), np.mean(probs, axis=0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source_language": "de"}, "2: found source_language de; expected en, that of .*1"),
        ({"lowercase": False}, "2: found lowercase False; expected True, that of"),
        (
            {"target_vocabulary_sha256": "0" * 64},
            "2: found target_vocabulary_sha256 000000000000; expected [0-9a-f]{12}, ",
        ),
    ],
)
def test_models_of_an_ensemble_are_alike(folder: Path, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Translator.load([folder, model_folders.write(tmp_path / "2", **changes)])


def test_no_model_is_said_in_a_line(tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    broken = model_folders.write(tmp_path / "broken")
    (broken / model_folder.DESCRIPTION).write_text("{}")
    foreign = model_folders.write(tmp_path / "foreign", source_vocabulary_sha256="0" * 64)
    for path, message in (
        (tmp_path / "none", "none: found no model.json; expected the folder of a model"),
        (file, "file: found no model.json; expected"),
        (broken, "model.json: damaged \\('model'\\); expected what the train stage writes"),
        (foreign, "foreign: found a source vocabulary of sha256 [0-9a-f]{12}; expected 000000000000, with which"),
    ):
        with pytest.raises(UserError, match=message):
            Translator.load([path])


def tokens_read(translator: Translator, translation: Translation) -> list[str]:
    """Return the tokens of a translation's text, as a model reads it."""
    return translator.target.text(translator.encode_target(translation.text)).split()
