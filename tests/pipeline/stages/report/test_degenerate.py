"""Evaluation stages and the report page on degenerate test sets and translations."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sacrebleu.metrics.bleu import BLEU

from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import SIDES
from pipeline.schemas.data.trained import CURVE_COLUMNS
from pipeline.schemas.data.translated import Alternative, Translation, write_translations
from pipeline.schemas.reports.scorecard import Scorecard
from pipeline.stages import (
    alignments,
    bleu,
    difficulty,
    encode,
    learning,
    members,
    neighbors,
    perplexity,
    sentence_lengths,
    vocab,
)
from pipeline.stages.ablations import __main__ as ablations
from pipeline.stages.embeddings import __main__ as embeddings
from pipeline.stages.groups import __main__ as groups
from pipeline.stages.report import __main__ as report
from pipeline.stages.scorecard import __main__ as scorecard
from s2s.text import tokenizer, vocabulary
from tests.support import model_folders, project, tiny
from tests.support.browsing import barriers, open_page

SYSTEMS: dict[str, dict[str, Any]] = {
    "reversed": {},
    "forward": {"model": {"reverse_source": False}},
    "attending": {"model": {"context": "luong_dot"}},
}
MODELS: dict[str, dict[str, Any]] = {
    f"{name}-{seed}": {"system": name, "seed": seed, "vocabulary": "base"} for name in SYSTEMS for seed in (1, 2)
}
RUNS = {
    "ahead": {"system": "forward", "seeds": 1, "beam": 12},
    "back": {"system": "reversed", "seeds": 1, "beam": 12},
    "greedy": {"system": "reversed", "seeds": 1, "beam": 1},
    "narrow": {"system": "reversed", "seeds": 1, "beam": 2},
    "pair": {"system": "reversed", "seeds": 2, "beam": 12},
    "attends": {"system": "attending", "seeds": 1, "beam": 2},
}
FIGURES = ("ablations", "alignments", "embeddings", "learning", "length", "rarity", "sentence_lengths/base")
TITLES = "panel\tgroup\tsentence\n"
EVIL = '</script><script>document.title="injected"</script><img class=evil src=x onerror=document.title="injected">'
ODD = [
    (f"He sees {EVIL} & <b class=evil>it</b>.", f"Il voit {EVIL} &amp; <b class=evil>le</b>."),
    ("שלום עולם <!--", "مرحبا بالعالم & -->"),
    ("👩‍👩‍👧 😀 {{ 7 * 7 }} $x^2$ \\alpha", "👩‍👩‍👧 😀 {{ 7 * 7 }} $x^2$ \\alpha"),
    ("Long" + "word" * 80 + " ends.", "Mot" + "mot" * 80 + "."),
]
PLAIN = [(" ".join(["cat"] * size) + ".", " ".join(["chat"] * size) + ".") for size in (1, 2, 5, 9, 30)]
ALIKE = [("the cat sees.", "le chat voit.")] * 40


@dataclass(frozen=True)
class Case:
    """A test set, its translations by all runs, and probe sentences."""

    pairs: Sequence[tuple[str, str]]
    translations: Sequence[str]
    n_best: Sequence[str] = ()
    probes: Sequence[str] = field(default_factory=lambda: ["p\ta\tthe cat", "p\tb\tthe cat sees", "q\ta\tsees"])


CASES = {
    "one sentence": Case([("He waits.", "Il attend.")], ["Il attend ici."]),
    "nothing translated": Case(PLAIN * 8, [""] * 40, n_best=["", ""]),
    "one length": Case(ALIKE, [target for _, target in ALIKE]),
    "no probes": Case(PLAIN, [target for _, target in PLAIN], probes=[]),
    "odd text": Case(
        ODD,
        [target for _, target in ODD[::-1]],
        [EVIL, ODD[1][1]],
        [f"<i class=evil>p</i>\t&\t{source}" for source, _ in ODD],
    ),
    "all at once": Case(ODD[:1], [""], probes=[]),
}


@dataclass(frozen=True)
class Made:
    """Folder in which all evaluation stages have run on a case."""

    case: Case
    folder: Path

    def read(self, name: str) -> Any:
        return json.loads((self.folder / "reports" / name).read_text(encoding="utf-8"))

    @property
    def page(self) -> Path:
        return self.folder / "reports" / "index.html"


@pytest.fixture(scope="module", params=CASES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    case, folder = CASES[request.param], tmp_path_factory.mktemp("degenerate")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("S2S_TRACKING", "off")
        monkeypatch.chdir(folder)
        write_inputs(folder, case)
        run_stages(folder)
    return Made(case, folder)


def write_inputs(folder: Path, case: Case) -> None:
    """Write parameters, text, probes, and the outputs of cleaning, training and translating."""
    samples = {"bootstrap_samples": 100}
    project.write_parameters(
        folder,
        systems=SYSTEMS,
        models=MODELS,
        runs=RUNS,
        first_passes={"back": "members/back.json"},
        rescorings={"by-pair": {"first_pass": "back", "scorer": "pair"}},
        vocab={"min_count": 1},
        embeddings={"probes": "probes.tsv", "permutations": 100},
        bleu=samples,
        length=samples,
        rarity=samples,
    )
    (folder / "probes.tsv").write_text(TITLES + "".join(f"{line}\n" for line in case.probes), encoding="utf-8")
    for split, pairs in (("train/00000", [*case.pairs, *PLAIN]), ("dev", case.pairs), ("test", case.pairs)):
        project.write_split((folder / "clean" / split).parent, split.rpartition("/")[2], pairs)
    rows = [
        Translation(
            line,
            tokenizer.tokenize(line, "fr"),
            -1.0,
            0,
            [Alternative(candidate, -2.0, -2.0) for candidate in case.n_best],
        )
        for line in case.translations
    ]
    for place in (*(f"translations/{run}" for run in RUNS), "rescored/by-pair/first", "rescored/by-pair/even"):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        write_translations(folder / f"{place}.jsonl", rows)
    project.write_data_reports(folder / "reports")
    records.write(folder / "reports" / "rescore" / "by-pair.json", project.rescored())
    for model in MODELS:  # as if training had stopped before the end of the first epoch
        (folder / "curves").mkdir(exist_ok=True)
        (folder / "curves" / f"{model}.csv").write_text(",".join(CURVE_COLUMNS) + "\n", encoding="utf-8")


def run_stages(folder: Path) -> None:
    """Run all evaluation stages."""
    clean, reports, vocabularies, encoded = (folder / name for name in ("clean", "reports", "vocab", "encoded"))
    translations, rescored, baselines = (folder / name for name in ("translations", "rescored", "baselines"))

    def out(name: str, *suffixes: str) -> list[Path]:
        return [reports / f"{name}.{suffix}" for suffix in suffixes]

    difficulty.main(clean, *out("difficulty", "json"))
    vocab.main("base", clean, vocabularies, *out("vocab/base", "json"))
    encode.main(clean, vocabularies, encoded / "base", *out("encoding/base", "json"))
    write_models(folder, (vocabulary.load(vocabularies, "source"), vocabulary.load(vocabularies, "target")))
    for run, chosen in RUNS.items():
        models = folder / "models" / str(chosen["system"])
        members.main(run, models, folder / "lexicon", folder / "members" / f"{run}.json")
    bleu.main(translations, clean, *out("bleu", "json", "csv"))
    perplexity.main(
        folder / "models", encoded, *out("perplexity", "json", "csv"), *out("sentence_log_probs", "parquet")
    )
    for by in ("length", "rarity"):
        groups.main(by, translations, rescored, baselines, clean, *out(by, "json", "csv", "svg"))
    first = folder / "models" / "reversed" / "1"
    embeddings.main(first, *out("embeddings", "json", "csv", "svg"))
    neighbors.main(first, clean, *out("neighbors", "json"))
    alignments.main(folder / "members", clean, *out("alignments", "json", "svg"))
    measured = (reports, folder / "models", folder / "curves", translations, clean)
    ablations.main("reversed", *measured, *out("ablations", "json", "csv", "svg"))
    scorecard.main(reports, translations, rescored, clean, *out("scorecard", "json", "csv"))
    learning.main(folder / "curves", *out("learning", "svg"))
    sentence_lengths.main(*out("encoding/base", "json"), *out("sentence_lengths/base", "svg"))
    report.main(reports, translations, clean, folder / "curves", *out("index", "html"))


def write_models(folder: Path, vocabularies: tuple[vocabulary.Vocabulary, vocabulary.Vocabulary]) -> None:
    """Write untrained models."""
    sizes = {f"{side}_vocabulary": len(entries) for side, entries in zip(SIDES, vocabularies, strict=True)}
    for model in MODELS.values():
        name, seed = model["system"], model["seed"]
        context = SYSTEMS[name].get("model", {}).get("context", "initial")
        network = tiny.network(seed, hidden=8, context=context, **sizes)
        model_folders.write(folder / "models" / name / str(seed), seed, network, vocabularies)


def texts_of(page: Page, places: str) -> set[str]:
    return set(page.locator(places).evaluate_all("all => all.map(node => node.textContent)"))


def test_the_page_opens_whole_and_serves_everyone(made: Made, browser: Browser) -> None:
    page = open_page(browser, made.page, 390)
    page.evaluate("for (const node of document.querySelectorAll('details')) node.open = true")
    assert barriers(page) == []
    assert not re.findall(r"\b(?:nan|NaN|inf|Infinity|None|undefined|null)\b", page.locator("body").inner_text())
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_no_text_becomes_markup(made: Made, browser: Browser) -> None:
    page = open_page(browser, made.page)
    assert page.title() == "English to French, demo: sequence to sequence learning"
    assert page.locator(".evil").count() == 0
    shown = made.case.pairs[:10]
    assert texts_of(page, "#sentences .source-text") == {source for source, _ in shown}
    assert texts_of(page, "#sentences .reference-text") == {target for _, target in shown}
    assert texts_of(page, "#embeddings .key span") == {line.split("\t")[2] for line in made.case.probes}


def test_scores_are_sacrebleus(made: Made) -> None:
    references = [target for _, target in made.case.pairs]
    wanted = BLEU().corpus_score(list(made.case.translations), [references]).score
    assert [entry["bleu"] for entry in made.read("bleu.json").values()] == pytest.approx([wanted] * len(RUNS), abs=1e-4)
    rows = made.read("length.json")["pair"]
    assert sum(row["sentences"] for row in rows) == len(references)
    assert all(row["bleu_low"] <= row["bleu"] <= row["bleu_high"] for row in rows)


def test_nothing_is_decided_by_what_tells_nothing(made: Made, browser: Browser) -> None:
    entries = records.read(Scorecard, made.folder / "reports" / "scorecard.json").entries
    decided = [entry.statement for entry in entries if entry.measure == "BLEU" and entry.verdict in ("holds", "fails")]
    assert decided == []
    assert any(entry.verdict == "undecided" and entry.why for entry in entries)
    shown = open_page(browser, made.page).locator("#scorecard td.decided .verdict")
    assert shown.count() == len(entries)


def test_sentences_answer_to_every_order_and_every_run(made: Made, browser: Browser) -> None:
    page = open_page(browser, made.page)
    for label in ("Order", "Run"):
        choice = page.get_by_label(label, exact=True)
        for option in choice.locator("option").all_inner_texts():
            choice.select_option(option)
            assert page.locator("#sentences .sample").count() == min(10, len(made.case.pairs))
    assert (page.locator("#sentences .n-best").count() > 0) == bool(made.case.n_best)


def test_each_figure_is_there_as_an_image_and_speaks(made: Made, browser: Browser) -> None:
    for name in FIGURES:
        image = (made.folder / "reports" / f"{name}.png").read_bytes()
        assert image.startswith(b"\x89PNG\r\n") and b"<svg" in (made.folder / "reports" / f"{name}.svg").read_bytes()
    page = open_page(browser, made.page)
    value = page.locator("#length .wide .value").first
    value.focus()
    assert page.locator(".tip").inner_text() == value.get_attribute("aria-label")
