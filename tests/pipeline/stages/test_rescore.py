"""The rescore stage: scores against search and sacreBLEU, and interrupted runs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU

from pipeline.schemas.data import records
from pipeline.schemas.data.lists import FIRST_PASS, FirstPass
from pipeline.schemas.data.translated import read_translations
from pipeline.schemas.reports.rescored import ListSize, Rescored
from pipeline.stages import first_pass
from pipeline.stages.rescore import __main__ as rescore
from pipeline.stages.rescore import lists
from s2s import files
from s2s.errors import UserError
from s2s.inference import forcing, nbest
from s2s.inference.nbest import Candidate
from s2s.text import tokenizer
from s2s.text.subwords import train_sentencepiece
from tests.support import rescoring

LONG = ("The king sees the cat . The cat sleeps .", "Le roi voit le chat . Le chat dort .")
PAIRS = {
    "dev": [LONG, ("The king sees.", "Le roi voit."), ("The cat sleeps.", "Le chat dort."), LONG],
    "test": [("The cat sees the king.", "Le chat voit le roi."), LONG, ("The king.", "Le roi."), LONG],
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rescoring.write(tmp_path, PAIRS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S2S_TRACKING", "off")
    return tmp_path


def find(folder: Path) -> None:
    """Write the n-best lists of our own first pass."""
    first_pass.main("single", folder / "clean", folder / "candidates")


def write_lists(folder: Path, damage: int = 6) -> None:
    """Write n-best lists of another system: references with ever fewer words missing, and random scores."""
    draw = np.random.default_rng(1)
    for split, pairs in PAIRS.items():
        lists = []
        for _, french in pairs:
            words = rescoring.tokens(french, "fr").split()
            texts = [" ".join(words[: max(1, len(words) - errors)]) for errors in range(damage, -1, -1)]
            scores = draw.normal(-3, 1, len(texts)).round(3).tolist()
            lists.append([Candidate(*pair, {"lm": (-1.0,)}) for pair in zip(texts, scores, strict=True)])
        nbest.write(folder / "candidates" / f"{split}.nbest", lists)
    records.write(folder / "candidates" / FIRST_PASS, FirstPass("files", [], {}))


def run_stage(folder: Path, scorer: str = "ensemble") -> Rescored:
    members, report = folder / "members" / f"{scorer}.json", folder / "report.json"
    rescore.main(folder / "candidates", members, folder / "clean", folder / "rescored", report)
    return records.read(Rescored, folder / "report.json")


def test_a_model_scores_its_own_translations_as_its_search_did(workspace: Path) -> None:
    rescoring.write_parameters(workspace, scorer="single")
    find(workspace)
    run_stage(workspace, "single")
    for split, pairs in PAIRS.items():
        for candidates in rescoring.read_list(workspace / "rescored", split, len(pairs)):
            for candidate in candidates:
                assert candidate.features["lstm"] == pytest.approx(candidate.features["first_pass"], abs=1e-4)


def test_subwords_are_read_from_plain_text_and_no_candidate_is_listed_twice(workspace: Path) -> None:
    lines = [line for pairs in PAIRS.values() for pair in pairs for line in pair]
    subwords = train_sentencepiece(lines, "unigram", 40)
    for folder in ("clean", "models", "members"):
        shutil.rmtree(workspace / folder)
    rescoring.write(workspace, PAIRS, subwords)
    find(workspace)
    run_stage(workspace)
    models = rescoring.models("ensemble", subwords)
    for (english, _), candidates in zip(
        PAIRS["test"], rescoring.read_list(workspace / "rescored", "test", 4), strict=True
    ):
        assert len({candidate.tokens for candidate in candidates}) == len(candidates)
        targets = [subwords.encode(tokenizer.detokenize(candidate.tokens, "fr")) for candidate in candidates]
        scores = forcing.score_pairs(models, [subwords.encode(english)] * len(targets), targets, 100)
        log_probs = [candidate.features["lstm"][0] for candidate in candidates]
        np.testing.assert_allclose(log_probs, [candidate.sum() for candidate in scores], atol=1e-5)


@pytest.mark.parametrize("mean", ["probabilities", "log_probabilities"])
def test_lists_are_ranked_by_the_average_of_both_scores(workspace: Path, mean: str) -> None:
    rescoring.write_parameters(workspace, ensemble_mean=mean)
    write_lists(workspace)
    before = rescoring.read_list(workspace / "candidates", "test", 4)
    run_stage(workspace)
    models, words = rescoring.models("ensemble"), rescoring.VOCABULARY
    for (english, _), first, after in zip(
        PAIRS["test"], before, rescoring.read_list(workspace / "rescored", "test", 4), strict=True
    ):
        assert sorted(candidate.tokens for candidate in after) == sorted(candidate.tokens for candidate in first)
        assert [candidate.score for candidate in after] == sorted(
            (candidate.score for candidate in after), reverse=True
        )
        scores = {(candidate.tokens, candidate.score) for candidate in first}
        source = words.encode(rescoring.tokens(english, "en"))
        for candidate in after:
            (log_probs,) = forcing.score_pairs(models, [source], [words.encode(candidate.tokens)], 100, mean)
            values = {name: value for name, (value,) in candidate.features.items()}
            assert list(values) == ["lm", "first_pass", "lstm", "words"]
            assert values["lstm"] == pytest.approx(log_probs.sum(), abs=1e-5)
            assert (candidate.tokens, values["first_pass"]) in scores
            assert values["words"] == len(candidate.tokens.split())
            assert values["lm"] == -1
            assert candidate.score == pytest.approx((values["first_pass"] + values["lstm"]) / 2, abs=2e-6)


def test_another_systems_text_is_normalized_for_the_models_alone(workspace: Path) -> None:
    write_lists(workspace)
    typed = [Candidate("Le roi dort .", -1.0), Candidate("Le roi dort\u200b .", -2.0)]
    nbest.write(workspace / "candidates" / "test.nbest", [typed] * 4)
    run_stage(workspace)
    for first, second in rescoring.read_list(workspace / "rescored", "test", 4):
        assert (first.features["lstm"], second.tokens) == (second.features["lstm"], typed[1].tokens)


def test_the_report_says_what_sacrebleu_says_of_the_translations(workspace: Path) -> None:
    write_lists(workspace)
    report = run_stage(workspace)
    assert report.lists == {split: ListSize(4, 7.0, 7) for split in ("dev", "test")}
    assert list(report.choices) == ["even", "first", "oracle", "tuned"]
    assert (report.scorer, [row.seed for row in report.members]) == ("ensemble", [1, 2])
    plain = [french for _, french in PAIRS["test"]]
    tokens = [rescoring.tokens(french, "fr") for french in plain]
    for name in ("first", "even", "tuned"):
        rows = read_translations(workspace / "rescored" / f"{name}.jsonl", 4)
        choice = report.choices[name]
        wanted = BLEU(tokenize="13a").corpus_score([row.translation for row in rows], [plain]).score
        assert choice.bleu == pytest.approx(wanted, abs=1e-4)
        metric = BLEU(tokenize="none", smooth_method="none", force=True)
        wanted = metric.corpus_score([row.tokens for row in rows], [tokens]).score
        assert choice.bleu_tokenized == pytest.approx(wanted, abs=1e-4)
        assert choice.bleu_tokenized <= report.choices["oracle"].bleu_tokenized
    assert report.choices["oracle"].bleu_tokenized == 100
    assert report.choices["first"].bleu_p_value == 1
    assert report.choices["oracle"].bleu_tokenized_p_value < 1


def test_translations_are_the_ones_that_each_score_ranks_first(workspace: Path) -> None:
    write_lists(workspace)
    report = run_stage(workspace)
    lists = rescoring.read_list(workspace / "rescored", "test", 4)
    values: dict[str, Callable[[Candidate], float]] = {
        "first": lambda candidate: candidate.features["first_pass"][0],
        "even": lambda candidate: candidate.score,
        "tuned": lambda candidate: sum(weight * candidate.features[name][0] for name, weight in report.weights.items()),
    }
    for name, value in values.items():
        rows = read_translations(workspace / "rescored" / f"{name}.jsonl", 4)
        for row, candidates in zip(rows, lists, strict=True):
            best = max(candidates, key=value)
            assert (row.tokens, row.log_prob) == (best.tokens, best.features["lstm"][0])
            assert row.unknown == rescoring.VOCABULARY.encode(best.tokens).count(1)


def test_tuned_weights_reach_the_oracle_where_a_feature_knows_it(workspace: Path) -> None:
    write_lists(workspace)  # longer candidates are better
    report = run_stage(workspace)
    assert sum(map(abs, report.weights.values())) == pytest.approx(1)
    assert report.choices["tuned"].dev_bleu_tokenized == 100
    assert report.choices["tuned"].dev_bleu_tokenized > report.choices["even"].dev_bleu_tokenized
    assert report.choices["tuned"].bleu_tokenized == 100


def test_what_was_scored_before_a_kill_is_taken_unless_it_was_damaged(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lists, "BLOCK", 3)
    write_lists(workspace)
    scored: list[int] = []
    score = forcing.score_pairs

    def stopping(after: int) -> Callable[..., list[NDArray[np.float64]]]:
        def score_pairs(*arguments: object) -> list[NDArray[np.float64]]:
            scored.append(1)
            if len(scored) > after:
                raise KeyboardInterrupt
            return score(*arguments)  # type: ignore[arg-type]

        return score_pairs

    run_stage(workspace)
    wanted = [path.read_bytes() for path in sorted((workspace / "rescored").iterdir())]
    monkeypatch.setattr(forcing, "score_pairs", stopping(2))
    with pytest.raises(KeyboardInterrupt):
        run_stage(workspace)
    scored.clear()
    damaged = next((workspace / "work" / "rescore").glob("*/dev-0000000.npy"))
    damaged.write_bytes(damaged.read_bytes().replace(b"\xc0", b"\xc1"))
    monkeypatch.setattr(forcing, "score_pairs", stopping(99))
    run_stage(workspace)
    assert len(scored) == 3  # two of four blocks were scored before the kill, one of which was damaged
    assert "dev-0000000.npy: found other bytes than were written" in capsys.readouterr().err
    assert [path.read_bytes() for path in sorted((workspace / "rescored").iterdir())] == wanted
    assert len(wanted) == 5
    assert not list((workspace / "work" / "rescore").iterdir())


def test_a_second_run_gives_the_same_bytes(workspace: Path) -> None:
    contents = []
    for _ in range(2):
        find(workspace)
        run_stage(workspace)
        paths = [
            workspace / "report.json",
            *sorted((workspace / "rescored").iterdir()),
            *sorted((workspace / "candidates").iterdir()),
        ]
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]


def test_the_report_says_who_made_the_lists(workspace: Path) -> None:
    find(workspace)
    report = run_stage(workspace)
    weights = workspace / "models" / "reversed" / "1" / "weights.safetensors"
    assert report.first_pass.first_pass == "single"
    assert [member.sha256 for member in report.first_pass.members] == [files.sha256(weights)]
    assert str(workspace) not in json.dumps(json.loads((workspace / "report.json").read_text(encoding="utf-8")))


def test_a_list_that_is_missing_or_of_another_source_is_told(workspace: Path) -> None:
    write_lists(workspace)
    (workspace / "candidates" / "test.nbest").write_text("0 ||| le roi ||| -1\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"test.nbest: found 1 sentences; expected 4, as many as the source"):
        run_stage(workspace)
    (workspace / "candidates" / "test.nbest").unlink()
    with pytest.raises(UserError, match=r"test.nbest: no such file; expected what the first_pass stage writes"):
        run_stage(workspace)
