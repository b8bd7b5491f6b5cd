"""The scorecard stage: verdicts on the paper's claims and table cells."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.parameters import reading
from pipeline.schemas.data import records
from pipeline.schemas.reports import scores
from pipeline.schemas.reports.embeddings import MeasuredPanel, MeasuredProbes, Separation
from pipeline.schemas.reports.scorecard import Entry, Scorecard
from pipeline.schemas.reports.scores import Scores, read_sentence_scores, write_sentence_scores
from pipeline.stages.report import filters
from pipeline.stages.report import scorecard as report_scorecard
from pipeline.stages.scorecard import __main__ as scorecard
from pipeline.stages.scorecard import claims, matching
from pipeline.stages.scorecard.claims import Side
from s2s.errors import UserError
from s2s.evaluation import metrics
from s2s.text import tokenizer
from tests.support import project, scorecards

TEXT = "le chat noir voit un vieux chien et il dort dans son jardin près de la belle maison"
WORDS = TEXT.split()
REFERENCES = [f"{' '.join(WORDS[n % 7 : n % 7 + 6 + n % 5])} numéro {n} ." for n in range(48)]
SYSTEMS: dict[str, Any] = {
    "reversed": {},
    "forward": {"model": {"reverse_source": False}},
    "deep": {"model": {"layers": 2}},
}
MODELS: dict[str, dict[str, Any]] = {
    f"{name}-{seed}": {"system": name, "seed": seed, "vocabulary": "base"} for name in SYSTEMS for seed in (1, 2)
}
MODELS |= {f"reversed-{seed}": {"system": "reversed", "seed": seed, "vocabulary": "base"} for seed in (3, 4, 5)}
RUNS = {
    "ahead": {"system": "forward", "seeds": 1, "beam": 12},
    "back": {"system": "reversed", "seeds": 1, "beam": 12},
    "greedy": {"system": "reversed", "seeds": 1, "beam": 1},
    "narrow": {"system": "reversed", "seeds": 1, "beam": 2},
    "pair": {"system": "reversed", "seeds": 2, "beam": 12},
    "five": {"system": "reversed", "seeds": 5, "beam": 12},
}
LISTS = {"by-ahead": "ahead", "by-back": "back", "by-five": "five"}
RIGHT = {"ahead": 4, "greedy": 4, "narrow": 19, "back": 20, "pair": 32, "five": 46}  # translations without an error


def translated(right: int) -> list[str]:
    """Return the references, all but `right` of them with wrong words in the middle."""
    return [line if n * 29 % 48 < right else spoilt(line) for n, line in enumerate(REFERENCES)]


def spoilt(line: str) -> str:
    for right, wrong in {" et ": " ou ", " un ": " le ", " dort ": " mange "}.items():
        line = line.replace(right, wrong)
    return line


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S2S_TRACKING", "off")
    write_project(tmp_path)
    return tmp_path


def write_project(folder: Path, references: list[str] = REFERENCES, **sections: Any) -> None:
    """Write all inputs of the stage, with translations that improve with each of the paper's methods in a run."""
    set_up(folder, **sections)
    project.write_test_set(folder / "clean", [(line.upper(), line) for line in references])
    for run, right in RIGHT.items():
        write_run(folder, run, translated(right)[: len(references)])
    for name, right in {"by-ahead": 20, "by-back": 28, "by-five": 44}.items():
        for choice, count in {"first": 6, "even": right}.items():
            project.write_run(folder / "rescored" / name, choice, translated(count)[: len(references)])
        records.write(folder / "reports" / "rescore" / f"{name}.json", project.rescored())
    scores = {run: project.scores("single", len(references), n) for n, run in enumerate(RUNS)}
    (folder / "reports" / "bleu.json").write_text(json.dumps(scores), encoding="utf-8")
    write_log_probs(folder, len(references), {"reversed": -8.0, "forward": -10.0, "deep": -7.0})
    write_probes(folder, {"who does what": (0.25, 0.01, 0.8), "voice": (0.5, 0.02, None)})


def write_probes(folder: Path, panels: dict[str, tuple[float | None, float | None, float | None]]) -> None:
    """Write panels, each with a silhouette, its p-value, and the distance ratio of reordered sentences."""
    measured = []
    for name, (silhouette, p_value, reordered) in panels.items():
        values = dict.fromkeys(("accuracy", "accuracy_chance", "accuracy_p_value", "spread"))
        separation = Separation(3, silhouette, p_value, arrangements=90, exact=True, reordered=reordered, **values)
        plain = project.panel(name)
        measured.append(MeasuredPanel(plain.panel, plain.explained_variance, plain.sentences, separation))
    records.write(folder / "reports" / "embeddings.json", MeasuredProbes("reversed-1", 1, "h", measured))


def set_up(folder: Path, **sections: Any) -> None:
    rescorings = {name: {"first_pass": "first", "scorer": run} for name, run in LISTS.items()}
    values: dict[str, Any] = {
        "systems": SYSTEMS,
        "models": MODELS,
        "runs": RUNS,
        "first_passes": {"first": "members/ahead.json"},
        "rescorings": rescorings,
        "bleu": {"bootstrap_samples": 100},
    }
    project.write_parameters(folder, **values | sections)


def write_run(folder: Path, run: str, lines: list[str]) -> None:
    project.write_run(folder / "translations", run, lines)


def write_log_probs(folder: Path, sentences: int, means: dict[str, float]) -> None:
    """Write log_probs of five-token sentences: the mean of the system, plus noise that is similar for all models."""
    noise = np.random.default_rng(1).normal(0, 1, sentences)
    draw = np.random.default_rng(2)
    own_noise = {name: draw.normal(0, 0.4, sentences) for name in MODELS}
    log_probs = {
        name: means[model["system"]] + noise + own_noise[name] - own_noise[name].mean()
        for name, model in MODELS.items()
    }
    scores = {name: Scores(np.full(sentences, 5), values) for name, values in log_probs.items()}
    write_sentence_scores(folder / "reports" / "sentence_log_probs.parquet", scores)


def run_stage(folder: Path) -> dict[str, Entry]:
    out, table = folder / "reports" / "scorecard.json", folder / "reports" / "scorecard.csv"
    scorecard.main(folder / "reports", folder / "translations", folder / "rescored", folder / "clean", out, table)
    return {entry.id: entry for entry in records.read(Scorecard, out).entries}


def test_every_claim_that_has_its_runs_is_decided(workspace: Path) -> None:
    entries = run_stage(workspace)
    verdicts = {entry.id: entry.verdict for entry in entries.values() if entry.kind == "claim"}
    holding = ["reversal-perplexity", "reversal-bleu", "layer-2", "beam", "ensemble-of-2", "ensemble-of-5"]
    holding += ["rescoring", "rescoring-reversed", "rescoring-five"]
    assert {name: verdicts[name] for name in holding} == dict.fromkeys(holding, "holds")
    assert {verdicts[name] for name in ("layer-3", "layer-4", "baseline")} == {"not run"}
    assert entries["reversal-bleu"].compared == ["ahead", "back"]
    assert entries["beam"].compared == ["greedy", "narrow", "back"]


def test_a_difference_in_bleu_is_sacrebleus_and_so_is_its_p_value(workspace: Path) -> None:
    entry = run_stage(workspace)["ensemble-of-5"]
    tokens = {run: [tokenizer.tokenize(line, "fr") for line in translated(RIGHT[run])] for run in ("pair", "five")}
    references = [tokenizer.tokenize(line, "fr") for line in REFERENCES]
    scores = [metrics.corpus_bleu(tokens[run], references, True, 100, 1).score for run in ("pair", "five")]
    assert entry.ours == pytest.approx(scores, abs=1e-5)
    assert entry.difference == pytest.approx(scores[1] - scores[0], abs=1e-5)
    assert entry.p_value == pytest.approx(
        metrics.paired_p_value(tokens["pair"], tokens["five"], references, True, 100, 12345), abs=1e-6
    )
    assert entry.low is not None
    assert entry.high is not None
    assert 0 < entry.low < scores[1] - scores[0] < entry.high


@pytest.mark.parametrize(("ahead", "verdict"), [(46, "fails"), (20, "undecided"), (21, "undecided")])
def test_a_claim_fails_if_the_contrary_is_sure_and_is_undecided_between(
    workspace: Path, ahead: int, verdict: str
) -> None:
    write_run(workspace, "ahead", translated(ahead))
    entry = run_stage(workspace)["reversal-bleu"]
    assert entry.verdict == verdict
    assert bool(entry.why) == (verdict == "undecided")


def test_names_of_runs_mean_nothing(workspace: Path) -> None:
    before = run_stage(workspace)
    names = dict(zip(RUNS, reversed(RUNS), strict=True))
    runs = {names[name]: run for name, run in RUNS.items()}
    rescorings = {name: {"first_pass": "f", "scorer": names[run]} for name, run in LISTS.items()}
    write_project(workspace, runs=runs, rescorings=rescorings, first_passes={"f": f"members/{names['ahead']}.json"})
    for name, right in RIGHT.items():
        write_run(workspace, names[name], translated(right))
    after = run_stage(workspace)
    assert {name: entry.difference for name, entry in after.items()} == {
        name: entry.difference for name, entry in before.items()
    }


def test_runs_that_differ_in_more_are_not_compared(workspace: Path) -> None:
    runs = RUNS | {"ahead": RUNS["ahead"] | {"translate": {"length_penalty": 1.0}}}
    set_up(workspace, runs=runs)
    entry = run_stage(workspace)["reversal-bleu"]
    assert (entry.verdict, entry.why) == (
        "not run",
        "what params.yaml has for this differs in more than the claim names",
    )


def test_a_cell_is_of_a_run_decoded_as_the_paper_did(workspace: Path) -> None:
    set_up(workspace, runs=RUNS | {"five": RUNS["five"] | {"translate": {"forbid_unknown": True}}})
    entries = run_stage(workspace)
    assert entries["table-1-five-beam-12"].verdict == "not run"
    assert entries["ensemble-of-5"].verdict == "not run"


def test_what_is_missing_is_named(workspace: Path) -> None:
    runs = {name: run for name, run in RUNS.items() if name not in ("narrow", "greedy")}
    set_up(workspace, runs=runs)
    entries = run_stage(workspace)
    assert entries["beam"].why == (
        "params.yaml has no run of reversed models with a beam of 1 and no run of reversed models with a beam of 2"
    )
    assert entries["layer-3"].why == "params.yaml has no models of 3 layers"
    assert entries["baseline"].why == "params.yaml has no rescoring of another system's lists"
    assert entries["table-1-five-beam-1"].why == "params.yaml has no run of 5 reversed models with a beam of 1"


def test_a_change_of_perplexity_is_that_of_all_tokens(workspace: Path) -> None:
    entries = run_stage(workspace)
    scores = read_sentence_scores(workspace / "reports" / "sentence_log_probs.parquet", MODELS)
    tokens = scores["forward-1"].tokens.sum()
    forward, backward = (
        np.exp(-np.mean([scores[f"{name}-{seed}"].log_probs.sum() for seed in (1, 2)]) / tokens)
        for name in ("forward", "reversed")
    )
    entry = entries["reversal-perplexity"]
    assert entry.ours == pytest.approx([forward, backward], abs=1e-5)
    assert entry.difference == pytest.approx(backward / forward - 1, abs=1e-5)
    assert entry.compared == ["forward, seeds 1, 2", "reversed, seeds 1, 2"]
    assert entry.high is not None
    assert entry.high < 0


@pytest.mark.parametrize(
    ("change", "verdict"), [(-0.10, "holds"), (-0.30, "fails"), (-0.01, "fails"), (-0.15, "undecided")]
)
def test_a_layer_changes_perplexity_by_a_share_near_the_papers(workspace: Path, change: float, verdict: str) -> None:
    write_log_probs(workspace, 48, {"reversed": -8.0, "forward": -9.0, "deep": -8.0 - 5 * float(np.log(1 + change))})
    entry = run_stage(workspace)["layer-share"]
    assert entry.verdict == verdict
    assert entry.difference == pytest.approx(change, abs=1e-5)


def test_a_beam_without_a_gain_has_none_to_share(workspace: Path) -> None:
    for run in ("greedy", "back"):
        write_run(workspace, run, translated(20))
    entry = run_stage(workspace)["beam"]
    assert (entry.verdict, entry.why) == ("undecided", "there is no sure gain to share")


@pytest.mark.parametrize(("narrow", "wide", "verdict"), [(24, 26, "holds"), (5, 48, "fails")])
def test_a_beam_of_two_has_most_of_the_gain_or_not(workspace: Path, narrow: int, wide: int, verdict: str) -> None:
    for run, right in {"greedy": 2, "narrow": narrow, "back": wide}.items():
        write_run(workspace, run, translated(right))
    assert run_stage(workspace)["beam"].verdict == verdict


def long_project(folder: Path, sizes: list[int], wrong: set[int]) -> None:
    """Write a project with test sentences of `sizes` tokens, some with every third word of the translation wrong."""
    lines = [" ".join(f"{WORDS[(n + k) % 16]}{k % 5}" for k in range(size)) for n, size in enumerate(sizes)]
    write_project(folder)
    project.write_test_set(folder / "clean", [(line, line) for line in lines])
    bad = [" ".join("x" if k % 3 == 1 else word for k, word in enumerate(line.split())) for line in lines]
    for run in RUNS:
        write_run(folder, run, [bad[n] if n in wrong or n % 10 == 0 else line for n, line in enumerate(lines)])
    for name in LISTS:
        for choice in ("first", "even"):
            project.write_run(folder / "rescored" / name, choice, lines)
    write_log_probs(folder, len(lines), {"reversed": -8.0, "forward": -10.0, "deep": -7.0})


def test_long_sentences_are_no_loss_if_they_are_translated_as_well(workspace: Path) -> None:
    long_project(workspace, [5 + n % 30 for n in range(300)] + [40 + n % 9 for n in range(60)], set(range(300, 360)))
    entries = run_stage(workspace)
    assert (entries["long-sentences"].verdict, entries["long-sentences"].sentences) == ("holds", 120)
    assert entries["long-sentences"].compared == ["five, 17 to 22 tokens", "five, 29 to 34 tokens"]
    assert entries["longest-sentences"].verdict == "fails"
    assert entries["longest-sentences"].compared[1] == "five, 40 to 48 tokens"


def test_where_nothing_is_translated_long_sentences_lose_nothing_and_nothing_is_decided(workspace: Path) -> None:
    long_project(workspace, [5 + n % 30 for n in range(300)], set())
    for run in RUNS:
        write_run(workspace, run, [""] * 300)
    entry = run_stage(workspace)["long-sentences"]
    assert (entry.verdict, entry.why, entry.difference) == ("undecided", "there is nothing to lose", 0.0)


def test_a_text_without_long_sentences_says_so(workspace: Path) -> None:
    entry = run_stage(workspace)["longest-sentences"]
    assert (entry.verdict, entry.why) == ("not run", "no test sentence of 35 tokens or more")


def test_the_states_tell_of_word_order_by_reordered_sentences_and_of_voice_by_the_others(workspace: Path) -> None:
    entries = run_stage(workspace)
    order, voice = entries["word-order"], entries["voice"]
    assert (order.verdict, order.ours, order.compared) == ("holds", [0.25], ["reversed-1, panel who does what"])
    assert (voice.verdict, voice.p_value, voice.compared) == ("holds", 0.02, ["reversed-1, panel voice"])


@pytest.mark.parametrize(
    ("panel", "verdict", "why"),
    [
        ((0.1, 0.3, 0.9), "undecided", "it may be chance"),
        ((-0.3, 0.99, 0.1), "fails", ""),
        ((None, None, 0.9), "undecided", "each sentence is a group of its own, or all are one"),
        ((0.3, 0.01, None), "not run", "no probe sentences of the same words in another order"),
    ],
)
def test_states_may_tell_nothing_or_the_contrary(
    workspace: Path, panel: tuple[float | None, float | None, float | None], verdict: str, why: str
) -> None:
    write_probes(workspace, {"any": panel})
    entry = run_stage(workspace)["word-order"]
    assert (entry.verdict, entry.why) == (verdict, why)


def test_no_probes_leave_the_claims_on_states_not_run(workspace: Path) -> None:
    write_probes(workspace, {})
    entries = run_stage(workspace)
    assert {entries["word-order"].verdict, entries["voice"].verdict} == {"not run"}


def test_empty_translations_decide_nothing(workspace: Path) -> None:
    for run in RUNS:
        write_run(workspace, run, [""] * len(REFERENCES))
    entries = run_stage(workspace)
    assert {entries[name].verdict for name in ("reversal-bleu", "ensemble-of-2", "beam", "long-sentences")} == {
        "undecided"
    }
    assert (entries["reversal-bleu"].difference, entries["reversal-bleu"].p_value) == (0.0, 1.0)


def test_one_test_sentence_decides_nothing(workspace: Path) -> None:
    write_project(workspace, REFERENCES[:1])
    entries = run_stage(workspace)
    states = {"word-order", "voice"}  # decided by probe sentences
    assert {entry.verdict for name, entry in entries.items() if name not in states} == {"undecided", "not run"}
    assert entries["reversal-bleu"].why == "1 test sentences; it takes 30"


def test_one_model_leaves_the_claims_on_ensembles_not_run(workspace: Path) -> None:
    models = {"reversed-1": MODELS["reversed-1"]}
    rescorings, first_passes = {"by-back": {"first_pass": "first", "scorer": "back"}}, {"first": "members/back.json"}
    set_up(workspace, models=models, runs={"back": RUNS["back"]}, rescorings=rescorings, first_passes=first_passes)
    entries = run_stage(workspace)
    ran = {name for name, entry in entries.items() if entry.kind == "claim" and entry.verdict != "not run"}
    assert ran == {"rescoring", "long-sentences", "word-order", "voice"}


@pytest.mark.parametrize(
    ("source", "high", "verdict"), [("wmt14", 30.7, "holds"), ("wmt14", 30.5, "fails"), ("demo", 30.7, "undecided")]
)
def test_a_cell_holds_if_the_papers_score_is_reached_on_its_test_set(
    workspace: Path, source: str, high: float, verdict: str
) -> None:
    set_up(workspace, download={"source": source})
    path = workspace / "reports" / "bleu.json"
    scores = json.loads(path.read_text(encoding="utf-8"))
    scores["back"] |= {"bleu_tokenized": 29.0, "bleu_tokenized_low": 28.0, "bleu_tokenized_high": high}
    path.write_text(json.dumps(scores), encoding="utf-8")
    entries = run_stage(workspace)
    entry = entries["table-1-reversed"]
    assert (entry.verdict, entry.ours) == (verdict, [29.0])
    if source == "wmt14":
        assert entry.difference == pytest.approx(29 - 30.59)
        assert entry.high == pytest.approx(high - 30.59)
        assert entries["table-2-five"].why == "the paper's lists are those of a phrase-based system"
    else:
        assert entry.why == "scores compare on one test set alone: the paper's is newstest2014"
    assert entries["table-1-bahdanau"].why == "params.yaml has no run of 1 model with Bahdanau's attention"
    assert entries["table-2-cho"].why == "a system that this project does not build"


def test_lists_of_another_system_are_the_papers_baseline(workspace: Path) -> None:
    (workspace / "smt").mkdir()
    rescorings = {name: {"first_pass": "smt", "scorer": run} for name, run in LISTS.items()}
    set_up(workspace, first_passes={"smt": "smt"}, rescorings=rescorings, download={"source": "wmt14"})
    entries = run_stage(workspace)
    assert entries["table-1-baseline"].verdict == "holds"
    assert entries["baseline"].verdict == "holds"
    assert entries["baseline"].compared == ["smt, first pass", "five"]


@pytest.mark.parametrize("preset", ["sutskever2014", "demo_tables"])
def test_the_papers_presets_run_every_cell_that_is_ours(preset: str) -> None:
    candidates = matching.candidates(reading.parse(project.preset(preset), preset))
    ours = [cell.side for cell in claims.CELLS if cell.side is not None and cell.side.network == "lstm"]
    sides = [side for side in ours if not side.foreign]
    assert len(sides) == 10
    assert [matching.missing(candidates, [side]) for side in sides if not matching.choose(candidates, [side])] == []


def chosen(preset: str, side: Side) -> list[str]:
    """Return the runs or models of a preset that fit a side of a claim."""
    candidates = matching.candidates(reading.parse(project.preset(preset), preset))
    return [candidate.place for candidate in candidates if matching.fits(candidate, side)]


def test_networks_of_other_kinds_do_not_stand_for_the_papers() -> None:
    assert chosen("family", Side("run", reverse_source=False)) == ["forward"]
    assert chosen("family", Side("run", reverse_source=True)) == ["lstm"]
    assert chosen("family", Side("model")) == ["lstm", "forward"]


@pytest.mark.parametrize(("preset", "is_built"), [("bahdanau2015", True), ("cho2014", False), ("sutskever2014", False)])
def test_bahdanaus_cell_is_of_his_network(preset: str, is_built: bool) -> None:
    (side,) = (cell.side for cell in claims.CELLS if cell.id == "table-1-bahdanau")
    assert side is not None
    assert bool(chosen(preset, side)) == is_built


def test_each_statement_has_a_name_of_its_own(workspace: Path) -> None:
    run_stage(workspace)
    rows = pd.read_csv(workspace / "reports" / "scorecard.csv")
    assert len(set(rows["id"])) == len(rows) == 32


def test_a_second_run_gives_the_same_bytes(workspace: Path) -> None:
    contents = []
    for _ in range(2):
        run_stage(workspace)
        contents.append([(workspace / "reports" / f"scorecard.{suffix}").read_bytes() for suffix in ("json", "csv")])
    assert contents[0] == contents[1]


def test_log_probabilities_that_are_missing_are_told(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    with pytest.raises(UserError, match=r"scores.parquet: no such file; expected what the perplexity stage writes"):
        scores.read_sentence_scores(path, ["reversed-1"])
    path.write_text("no table", encoding="utf-8")
    with pytest.raises(UserError, match=r"scores.parquet: damaged \(.*\); expected what the perplexity stage"):
        scores.read_sentence_scores(path, ["reversed-1"])
    scores.write_sentence_scores(path, {"reversed-1": Scores(np.array([2, 3]), np.array([-1.5, -2.5]))})
    with pytest.raises(UserError, match=r"scores.parquet: found no column tokens.deep-1; expected those of all models"):
        scores.read_sentence_scores(path, ["deep-1"])


def page_of(folder: Path, card: Scorecard) -> str:
    records.write(folder / "scorecard.json", card)
    loader = FileSystemLoader(project.ROOT / "pipeline/stages/report/page")
    page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters |= {filter.__name__: filter for filter in filters.FILTERS}
    values = reading.read(project.ROOT / "presets" / "default.yaml")
    return page.get_template("scorecard.html.j2").render(report_scorecard.content(folder, values))


def test_the_page_has_each_number_and_says_each_verdict_by_a_word_and_a_sign(tmp_path: Path) -> None:
    card = scorecards.scorecard()
    page = page_of(tmp_path, card)
    shown = {float(value) for value in re.findall(r'<data value="([^"]+)">', page)}
    for entry in card.entries:
        numbers = [*entry.paper, *entry.ours, entry.difference, entry.low, entry.high, entry.p_value]
        assert {number for number in numbers if number is not None} <= shown
    signs = {name: f'<span aria-hidden="true">{sign}</span>{name}' for name, sign in report_scorecard.SIGNS.items()}
    counts = {name: page.count(sign) for name, sign in signs.items()}
    assert counts == {
        "holds": 2,
        "fails": 2,
        "undecided": 3,
        "not run": 2,
    }  # each verdict appears once more in the summary


def test_text_on_the_page_is_no_markup(tmp_path: Path) -> None:
    page = page_of(tmp_path, scorecards.scorecard())
    assert "<b>ensembles" not in page
    assert "<i>5" not in page
    assert "of &lt;b&gt;ensembles&lt;/b&gt; &amp; beams" in page
