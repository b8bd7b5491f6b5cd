"""The ablations stage: each system against the base, in the report, the figure and the page."""

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.figures import ablations as figures_ablations
from pipeline.parameters import reading
from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import EncodedSplit
from pipeline.schemas.reports.ablations import Ablation, Ablations, Change
from pipeline.stages.ablations import __main__ as ablations
from pipeline.stages.ablations import contrasts
from pipeline.stages.report import filters, results
from s2s import files
from s2s.errors import UserError
from s2s.evaluation import metrics
from s2s.inference import operations
from s2s.text.vocabulary import WordVocabulary
from tests.support import ablated, comparisons, model_folders, project, tiny

ROOT = Path(__file__).parents[3]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S2S_TRACKING", "off")
    comparisons.write_project(tmp_path)
    return tmp_path


def run_stage(folder: Path, base: str = "base") -> Ablations:
    reads = [folder / name for name in ("reports", "models", "curves", "translations", "clean")]
    reports = folder / "reports"
    writes = [reports / f"ablations.{suffix}" for suffix in ("json", "csv", "svg")]
    ablations.main(base, *reads, *writes)
    return records.read(Ablations, writes[0])


def by_system(report: Ablations) -> dict[str, Ablation]:
    return {ablation.system: ablation for ablation in report.systems}


def test_the_base_comes_first_and_what_was_not_trained_is_named(workspace: Path) -> None:
    report = run_stage(workspace)
    assert [ablation.system for ablation in report.systems] == ["base", "wide", "deep"]
    assert report.untrained == ["idle"]
    assert (report.systems[0].perplexities.change, report.systems[0].changes) == (None, [])


def test_what_differs_is_told_whichever_is_the_base(workspace: Path) -> None:
    assert by_system(run_stage(workspace))["wide"].changes == [Change("model.hidden", 256, 12)]
    by_name = by_system(run_stage(workspace, "deep"))
    assert by_name["base"].changes == [Change("model.layers", 2, 1), Change("train.learning_rate", 0.002, 0.004)]


def test_perplexity_has_the_spread_of_its_seeds(workspace: Path) -> None:
    perplexities = by_system(run_stage(workspace))["deep"].perplexities
    assert perplexities.seeds == [1, 2, 3]
    assert perplexities.mean == pytest.approx(np.mean(perplexities.values), abs=1e-6)
    assert perplexities.spread == pytest.approx(np.std(perplexities.values, ddof=1), abs=1e-6)
    assert by_system(run_stage(workspace))["wide"].perplexities.spread is None


def test_a_change_of_perplexity_is_that_of_as_many_seeds_of_both(workspace: Path) -> None:
    by_name = by_system(run_stage(workspace))
    deep, base = (by_name[name].perplexities for name in ("deep", "base"))
    assert deep.compared == 2
    wanted = np.prod(deep.values[:2]) ** 0.5 / np.prod(base.values) ** 0.5 - 1
    assert deep.change is not None
    assert deep.change.value == pytest.approx(wanted, abs=1e-5)
    assert deep.change.low < deep.change.value < deep.change.high < 0
    assert deep.change.p_value < 0.05


def test_bleu_is_that_of_runs_decoded_alike_and_its_p_value_sacrebleus(workspace: Path) -> None:
    bleu = by_system(run_stage(workspace))["deep"].bleu
    assert bleu is not None and bleu.difference is not None
    assert (bleu.run, bleu.against, bleu.models, bleu.beam) == ("deep-beam2", "base-beam2", 1, 2)
    references = comparisons.tokens(comparisons.REFERENCES)
    ours, base = (comparisons.tokens(comparisons.translated(n)) for n in (36, 18))
    scores = [metrics.corpus_bleu(lines, references, True, 100, 1).score for lines in (base, ours)]
    assert bleu.difference.value == pytest.approx(scores[1] - scores[0], abs=1e-5)
    assert bleu.difference.p_value == pytest.approx(
        metrics.paired_p_value(base, ours, references, True, 100, 12345), abs=1e-6
    )
    assert 0 < bleu.difference.low < bleu.difference.value < bleu.difference.high


def test_without_runs_decoded_alike_there_is_no_bleu(workspace: Path) -> None:
    assert by_system(run_stage(workspace))["wide"].bleu is None


@pytest.mark.parametrize(
    ("changes", "pair"),
    [
        ({}, ("deep-beam2", "base-beam2")),
        ({"deep-beam2": {"translate": {"length_penalty": 1.0}}}, ("deep-pair", "base-pair")),
        ({"deep-beam2": {"translate": {"batch_sentences": 8}}}, ("deep-beam2", "base-beam2")),
        ({"deep-beam2": {"beam": 4}}, ("deep-beam2", "base-beam4")),
        ({"deep-beam2": {"beam": 3}, "deep-pair": {"beam": 3}}, None),
    ],
)
def test_runs_are_alike_in_all_that_decides_translations(
    changes: dict[str, Any], pair: tuple[str, str] | None, workspace: Path
) -> None:
    runs = {name: run | changes.get(name, {}) for name, run in comparisons.RUNS.items()}
    comparisons.write_project(workspace, runs=runs)
    assert contrasts.alike(reading.read(), "deep", "base") == pair


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_vocabulary_is_a_change_and_perplexities_of_one_target_vocabulary_alone_compare(
    side: str, workspace: Path
) -> None:
    models = {
        name: model | {"vocabulary": "few" if "deep" in name else "base"} for name, model in comparisons.MODELS.items()
    }
    comparisons.write_project(workspace, models=models, vocabularies={"base": {}, "few": {f"{side}_size": 9}})
    comparisons.write_encoding(workspace, "few", {**comparisons.ENCODING, "test": EncodedSplit(48, 960, 1392, 0, 0)})
    few = WordVocabulary(sorted(model_folders.WORDS))
    for seed in comparisons.SEEDS["deep"]:
        folder = workspace / "models" / "deep" / str(seed)
        few.save(folder, side)
        description = json.loads((folder / "model.json").read_text()) | {f"{side}_vocabulary_sha256": few.sha256}
        files.write_json(folder / "model.json", description)
    before = by_system(run_stage(workspace, "wide"))["deep"]
    deep = by_system(run_stage(workspace))["deep"]
    size = {"source": 16000, "target": 8000}[side]
    assert deep.changes[0] == before.changes[0] == Change(f"vocab.{side}_size", size, 9)
    assert (deep.perplexities.change is None) == (side == "target")
    assert deep.bleu is not None and deep.bleu.difference is not None
    assert (deep.cost.source_tokens, deep.cost.target_tokens) == (20, 30)
    changes = pd.read_csv(workspace / "reports" / "ablations.csv", index_col="system")["perplexity_change"].dropna()
    assert ("deep" in changes) == (side == "source")


def test_costs_are_counted(workspace: Path) -> None:
    report = run_stage(workspace)
    cost = by_system(report)["deep"].cost
    assert (cost.source_tokens, cost.target_tokens) == (10, 11)  # 500 and 480 + 48 tokens in 48 pairs
    network = tiny.network(layers=2, hidden=8, **model_folders.SIZES)
    assert cost.parameters == sum(weight.numel() for weight in network.parameters())
    assert cost.multiply_adds == round(operations.multiply_adds(network, 10, 11) / 11)
    assert cost.training_tokens == (11000 + 1000) * 5  # 6, 6 and 3 epochs


def test_the_table_has_the_same_numbers(workspace: Path) -> None:
    by_name = by_system(run_stage(workspace))
    table = pd.read_csv(workspace / "reports" / "ablations.csv", index_col="system")
    deep = by_name["deep"]
    assert deep.bleu and deep.bleu.difference and deep.perplexities.change
    assert table.loc["deep", "perplexity"] == deep.perplexities.mean
    assert table.loc["deep", "perplexity_change_high"] == deep.perplexities.change.high
    assert table.loc["deep", "bleu_difference"] == deep.bleu.difference.value
    assert table.loc["deep", "bleu_tokenized_low"] == deep.bleu.low
    assert table.loc["deep", "changes"] == "model.layers: 1 -> 2; train.learning_rate: 0.004 -> 0.002"
    assert table["bleu_difference"].isna().tolist() == [True, True, False]


def test_twice_gives_the_same_bytes(workspace: Path) -> None:
    def made() -> list[bytes]:
        run_stage(workspace)
        return [(workspace / "reports" / f"ablations.{suffix}").read_bytes() for suffix in ("json", "csv", "svg")]

    assert made() == made()


@pytest.mark.parametrize("base", ["idle", "none"])
def test_a_base_that_is_not_there_is_refused(base: str, workspace: Path) -> None:
    with pytest.raises(UserError, match=f"ablations.base: found '{base}'; expected a system that has models: wide, "):
        run_stage(workspace, base)


def test_one_test_sentence_and_empty_translations_are_compared(workspace: Path) -> None:
    comparisons.write_project(workspace, comparisons.REFERENCES[:1])
    for run in comparisons.RUNS:
        project.write_run(workspace / "translations", run, [""])
    deep = by_system(run_stage(workspace))["deep"]
    assert deep.bleu and deep.bleu.difference
    assert (deep.bleu.difference.value, deep.bleu.difference.p_value) == (0.0, 1.0)


@pytest.mark.parametrize("width", [6.4, 3.6])
def test_the_figure_tells_each_difference(width: float) -> None:
    svg = figures_ablations.differences(ablated.report(), width)
    titles = [element.text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("title")]
    assert "layers-2: -9.1 % of perplexity, 95 % interval -11.2 % of perplexity to -7.1 % of perplexity" in titles
    assert "layers-2: +2.86 BLEU, 95 % interval +1.01 BLEU to +4.04 BLEU" in titles
    assert sum("wide" in (title or "") for title in titles) == 1


@pytest.mark.parametrize("width", [6.4, 3.6])
def test_what_cannot_be_compared_has_no_panel(width: float, tmp_path: Path) -> None:
    report = ablated.report()
    alone = [replace(ablation, perplexities=replace(ablation.perplexities, change=None)) for ablation in report.systems]
    svg = figures_ablations.differences(replace(report, systems=alone), width)
    assert "change of perplexity" not in svg and "difference in BLEU" in svg
    assert section(replace(report, systems=alone), tmp_path).count("other target tokens") == 2
    assert "no system compares with reversed" in figures_ablations.differences(
        replace(report, systems=[alone[0], alone[2]]), width
    )


def section(report: Ablations, folder: Path) -> str:
    """Return the HTML of the ablations section for a report."""
    records.write(folder / "reports" / "ablations.json", report)
    loader = FileSystemLoader(ROOT / "pipeline/stages/report/page")
    page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters |= {function.__name__: function for function in filters.FILTERS}
    return page.get_template("ablations.html.j2").render(results.ablations_content(folder / "reports"))


def test_every_number_is_in_the_section_as_it_is(tmp_path: Path) -> None:
    report = ablated.report()
    html = section(report, tmp_path)
    shown = {float(value) for value in re.findall(r'<data value="([^"]+)"', html)}
    wanted = [value for ablation in report.systems for value in vars(ablation.cost).values()]
    for ablation in report.systems:
        wanted += [ablation.perplexities.mean, *vars(ablation.perplexities.change or ablation.cost).values()]
        if ablation.bleu:
            wanted += [ablation.bleu.bleu_tokenized, ablation.bleu.low, ablation.bleu.high]
            wanted += vars(ablation.bleu.difference or ablation.cost).values()
    assert set(wanted) <= shown
    words = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", html)))
    assert "model.layers 1 → 2, train.decay cosine → <b>&</b>" in words
    assert "no run like one of the base" in words
    assert "Not trained: never." in words


@pytest.mark.parametrize("sentences", [29, 30])
def test_few_sentences_decide_nothing(sentences: int, tmp_path: Path) -> None:
    html = section(Ablations(**vars(ablated.report()) | {"sentences": sentences}), tmp_path)
    assert ("nothing is decided" in html) == (sentences < 30)


def test_one_system_is_compared_with_nothing(tmp_path: Path) -> None:
    report = ablated.report()
    html = section(Ablations(**vars(report) | {"systems": report.systems[:1]}), tmp_path)
    assert "nothing to compare it with" in html
    assert "<svg" not in html
