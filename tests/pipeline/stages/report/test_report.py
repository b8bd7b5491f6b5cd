"""The report page in a browser: numbers, accessibility, interaction and layout."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from playwright.sync_api import Browser, Locator

from pipeline.parameters import reading, sections
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import SIDES
from pipeline.schemas.reports.embeddings import MeasuredProbes
from pipeline.schemas.reports.text import Cleaning, Vocabularies
from pipeline.stages.report import __main__ as report
from pipeline.stages.report import filters, results
from s2s import files
from s2s.errors import UserError
from tests.support import project
from tests.support.browsing import barriers, open_page

SOURCES = [
    "The king sees <script>document.title = 'injected'</script> & the <b>cat</b>.",
    "The cat 😀 sleeps.",
    "The king speaks of {{ languages }} and of $x^2$ in the garden near the river.",
    "He waits.",
    "The old man who lives near the river sees the king and the cat in the garden of his friend.",
]
REFERENCES = [
    "Le roi voit <script>document.title = 'injected'</script> & le <b>chat</b>.",
    "Le chat 😀 dort.",
    "Le roi parle de {{ languages }} et de $x^2$ dans le jardin près de la rivière.",
    "שלום עולם & <i>il attend</i>.",
    "Le vieil homme qui habite près de la rivière voit le roi et le chat dans le jardin de son ami.",
]
SINGLE = [
    "Le roi <script>document.title = 'injected'</script> &amp; le <b>chat</b>.",
    "Le chat 😀 dort.",
    "{{ 7 * 7 }} <img src=x onerror=\"document.title = 'injected'\">",
    "",
    "Le vieil roi voit l'homme <!-- et le chat.",
]
TRANSLATIONS = {"single": SINGLE, "ensemble": ["", *REFERENCES[1:]]}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_project(folder)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project with a finished page, shared by tests that do not change files."""
    folder = tmp_path_factory.mktemp("report") / "a project"
    folder.mkdir()
    write_project(folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("S2S_TRACKING", "off")
        monkeypatch.chdir(folder)
        run_stage(folder)
    return folder


def write_project(folder: Path) -> None:
    project.write_parameters(folder, models=project.MODELS, runs=project.RUNS)
    project.write_results(folder, list(zip(SOURCES, REFERENCES, strict=True)), TRANSLATIONS)


def page_of(folder: Path) -> Path:
    return folder / "reports" / "index.html"


def run_stage(folder: Path) -> Path:
    report.main(folder / "reports", folder / "translations", folder / "clean", folder / "curves", page_of(folder))
    return page_of(folder)


def numbers_in(value: Any) -> Iterator[float]:
    """Yield all numbers in a JSON value."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(item)
    elif isinstance(value, int | float):
        yield value


def test_the_page_opens_from_the_disk_by_itself(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made))
    assert page.title() == "English to French, demo: sequence to sequence learning"
    places = page.locator("nav a").evaluate_all("all => all.map(node => node.getAttribute('href'))")
    assert places == page.locator("section:has(h2)").evaluate_all("all => all.map(node => '#' + node.id)")
    assert {"#scores", "#length", "#embeddings", "#translations", "#data", "#made"} <= set(places)


def test_every_number_of_the_reports_is_on_the_page_as_it_is(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made))
    shown: list[tuple[str, str]] = page.eval_on_selector_all(
        "data", "all => all.map(node => [node.value, node.textContent])"
    )
    exact = {float(value) for value, _ in shown}
    for name in ("bleu", "perplexity", "length", "cleaning", "vocab/base", "encoding/base", "difficulty"):
        values = json.loads((made / "reports" / f"{name}.json").read_text(encoding="utf-8"))
        values.pop("lengths", None)  # shown on the page in bins
        numbers = set(numbers_in(values))
        assert numbers - exact - set(range(1, 9)) == set(), name  # group numbers are not results
    rescored = json.loads((made / "reports" / "rescore" / "ensemble.json").read_text(encoding="utf-8"))
    for name, choice in rescored["choices"].items():
        hidden = {"dev_bleu_tokenized"} | ({"bleu_p_value", "bleu_tokenized_p_value"} if name == "first" else set())
        assert {value for key, value in choice.items() if key not in hidden and isinstance(value, float)} <= exact
    for value, text in shown:
        share = text.endswith("%")
        digits = re.sub(r"[^-\d.]", "", text)
        rounded = 10.0 ** -len(digits.partition(".")[2]) / 2
        assert abs(float(digits) - float(value) * (100 if share else 1)) <= rounded * 1.000001, (value, text)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {},
            "LSTM as encoder and decoder, 1 layer of 256 cells each, embeddings of 128; source read last word first; "
            "the decoder starts from the encoder's state; dropout 0.1; 6 epochs of Adam",
        ),
        (
            {
                "model": {"cell": "gru", "context": "bahdanau", "bidirectional": True},
                "train": {"optimizer": "adadelta"},
            },
            "GRU as encoder and decoder, 1 layer of 256 cells each, embeddings of 128; source read both ways; "
            "attention as Bahdanau has it; dropout 0.1; 6 epochs of Adadelta",
        ),
        (
            {"model": {"network": "transformer", "layers": 2, "embedding": 256}, "train": {"epochs": 2.5}},
            "Transformer, 2 layers of 256 in encoder and decoder each, 4 heads; dropout 0.1; 2.5 epochs of Adam",
        ),
    ],
)
def test_a_system_is_told_in_words(changes: dict[str, Any], words: str, workspace: Path) -> None:
    project.write_parameters(workspace, systems={"reversed": changes})
    assert report.describe_system(reading.read(), "reversed") == words


@pytest.mark.parametrize(
    ("kind", "key", "names"),
    [
        (sections.Model, "cell", report.CELLS),
        (sections.Model, "context", report.CONTEXTS),
        (sections.Train, "optimizer", report.OPTIMIZERS),
    ],
)
def test_all_that_a_system_may_be_has_a_name(kind: type[sections.Section], key: str, names: dict[str, str]) -> None:
    assert set(names) == set(get_args(kind.model_fields[key].annotation))


def test_the_headline_is_the_best_run_with_its_interval(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made))
    assert page.locator(".headline .figure data").get_attribute("value") == "63.2345"
    words = page.locator(".headline .words").inner_text()
    assert "ensemble" in words and "61.67 to 64.91" in words and "not a benchmark" in words


def test_each_score_has_its_signature(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made))
    signatures = [text.replace("\u200b", "") for text in page.locator("#scores .signatures code").all_inner_texts()]
    assert signatures == [project.SIGNATURE.format(name) for name in ("13a", "none", "chrF")]


@pytest.mark.parametrize("run", TRANSLATIONS)
def test_markup_in_text_stays_text(run: str, made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made))
    texts = page.eval_on_selector_all(
        f"#translations td[data-run={run}]",
        "all => all.map(node => node.querySelector('.nothing') ? '' : node.textContent.trim())",
    )
    assert sorted(texts) == sorted(TRANSLATIONS[run])
    assert sorted(page.locator("#translations .sample td[lang=en]").all_inner_texts()) == sorted(SOURCES)
    assert page.locator("#translations .sample :is(script, b, img, i)").count() == 0
    assert "injected" not in page.title()
    assert (
        page.locator("#translations .sample td:not([dir=auto])").count() == 0
    )  # Hebrew runs from right to left, French from left to right


def test_words_that_differ_from_the_reference_are_marked(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made))
    sample = page.locator("#translations .sample", has_text="Sentence 4")
    assert sample.locator("[data-run=single] mark").all_inner_texts() == ["voit l'homme <!--", "chat."]
    assert sample.locator("[data-run=single] .gap").count() == 1  # "homme qui habite près de la rivière voit le"
    assert sample.get_by_role("img", name="equal to the reference").count() == 1


def test_figures_and_tables_speak_to_those_who_do_not_see(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made))
    assert page.locator("svg:not([role][aria-label])").count() == 0
    quiet = "svg[role=group] text:not([aria-hidden=true]), svg[role=group] .value:not([role=img][aria-label])"
    assert page.locator(quiet).count() == 0
    assert page.locator("th:not([scope]):not([aria-hidden])").count() == 0
    ids = page.eval_on_selector_all("[id]", "all => all.map(node => node.id)")
    assert len(ids) == len(set(ids))
    levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map(node => +node.tagName[1])")
    assert levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels))
    assert page.locator("html").get_attribute("lang") == "en"


def rows_of(table: Locator) -> dict[str, list[float | None]]:
    """Return the exact numbers of each row of a table, with None for cells without a number."""
    rows = table.locator("tr:has(td)").all()
    return {
        row.locator("th").evaluate("node => node.textContent"): row.locator("td").evaluate_all(
            "all => all.map(node => node.querySelector('data') && +node.querySelector('data').value)"
        )
        for row in rows
    }


def test_the_ledger_adds_up(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made))
    table = page.locator("#data .ledger").first
    assert table.locator("thead").inner_text().split()[:6] == ["corpus", "read", "kept", "share", "kept", "dropped"]
    titles = table.locator("thead tr:last-child th").all_inner_texts()
    assert titles == [filters.title(rule.rule) for rule in project.RULES]
    rows = rows_of(table)
    assert list(rows) == ["demo", "second", "all", "share"]
    for name in ("demo", "second", "all"):
        read, kept, share, *dropped = (value or 0.0 for value in rows[name])
        assert read == kept + sum(dropped) and share == pytest.approx(kept / read)
    assert rows["all"][0] == 30123 + 2345 and rows["all"][1] == 30000 + 2300
    assert rows["share"][-1] == pytest.approx(100 / 32468)


def test_one_corpus_needs_no_sum(workspace: Path, browser: Browser) -> None:
    path = workspace / "reports" / "cleaning.json"
    cleaning = records.read(Cleaning, path)
    records.write(path, replace(cleaning, ledger={"demo": cleaning.ledger["demo"]}, repairs={}))
    page = open_page(browser, run_stage(workspace))
    assert list(rows_of(page.locator("#data .ledger"))) == ["demo", "share"]


def test_a_rule_that_dropped_nothing_stays_in_the_ledger_and_is_explained_when_asked_for(
    made: Path, browser: Browser
) -> None:
    page = open_page(browser, page_of(made))
    assert page.locator("#data .ledger th.idle").all_inner_texts() == ["not UTF\u20118", "control"]
    explained = page.get_by_text("a side is not UTF-8")
    assert not explained.is_visible() and page.get_by_text("a side holds no text").is_visible()
    page.get_by_text("Rules that dropped nothing").click()
    assert explained.is_visible()


def test_examples_show_what_cannot_be_seen(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made))
    page.get_by_text("a side holds no text").click()
    example = page.locator(".example:visible p")
    assert example.all_inner_texts() == ["demo, line 4,711", "nothing", "IlU+2028 yU+00AD a <b>rien</b>."]
    assert page.locator(".example [title='line separator']").count() == 1
    assert page.locator(".example :is(b, script)").count() == 0


def test_the_histogram_has_its_numbers_in_a_table(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made))
    table = page.locator("table", has=page.locator("th", has_text="200 and more")).last
    rows = {name: counts for name, counts in rows_of(table).items() if any(counts)}
    assert rows == {
        "5–9": [10000, 0],
        "10–14": [22000, 32000],
        "60–64": [297, 0],
        "75–79": [0, 295],
        "200 and more": [3, 5],
    }
    lengths = rows_of(page.locator("table", has=page.locator("th", has_text="longest")))
    assert lengths["source"] == [pytest.approx(345678 / 32300), 10, 11, 11, 200]
    assert lengths["target"] == [pytest.approx(456789 / 32300 + 1), 11, 12, 12, 200]  # with </s>


def test_bars_are_as_long_as_their_shares(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made))
    cells = page.locator("td:has(.meter)").evaluate_all(
        """all => all.map(node => [+node.querySelector('data').value,
            node.querySelector('.meter span').offsetWidth / node.querySelector('.meter').offsetWidth])"""
    )
    highest = max(share for share, _ in cells[:4])
    assert len(cells) == 2 * 2 + 2 * 2  # 2 splits and 2 batching methods, for 2 sides each
    for place, (share, width) in enumerate(cells):
        assert width == pytest.approx(share / highest if place < 4 else share, abs=0.02)


def test_pieces_of_words_have_no_types_and_were_learned_from_some_lines(workspace: Path, browser: Browser) -> None:
    path = workspace / "reports" / "vocab" / "base.json"
    vocabularies = records.read(Vocabularies, path)
    sides = {side: replace(getattr(vocabularies, side), types=0) for side in SIDES}
    records.write(path, replace(vocabularies, kind="bpe", sentencepiece_lines=54321, **sides))
    page = open_page(browser, run_stage(workspace))
    assert page.get_by_text("SentencePiece learned from 54,321 lines").is_visible()
    assert rows_of(page.locator("table", has_text="coverage, dev"))["source"][1] is None


def test_each_vocabulary_has_a_part_of_its_own(workspace: Path, browser: Browser) -> None:
    vocabularies = {"base": {}, "pieces": {"kind": "bpe"}}
    models = project.MODELS | {"pieces-1": {"system": "pieces", "seed": 1, "vocabulary": "pieces"}}
    systems: dict[str, Any] = {"reversed": {}, "pieces": {}}
    project.write_parameters(workspace, vocabularies=vocabularies, systems=systems, models=models, runs=project.RUNS)
    for kind in ("vocab", "encoding"):
        shutil.copyfile(workspace / "reports" / kind / "base.json", workspace / "reports" / kind / "pieces.json")
    perplexities = json.loads((workspace / "reports" / "perplexity.json").read_text())
    files.write_json(workspace / "reports" / "perplexity.json", perplexities | {"pieces-1": project.perplexities(2)})
    shutil.copyfile(workspace / "curves" / "reversed-1.csv", workspace / "curves" / "pieces-1.csv")
    page = open_page(browser, run_stage(workspace))
    titles = page.locator("#data h3").all_inner_texts()
    assert [title for title in titles if "ocabulary" in title] == [
        f"{words} {name}" for name in vocabularies for words in ("Vocabulary", "Sentence lengths in vocabulary")
    ]
    names = page.locator("[id]").evaluate_all("all => all.map(node => node.id)")
    assert len(names) == len({*names})
    assert "different target vocabularies cannot be compared" in page.locator("#perplexity-table-note").inner_text()
    assert page.locator("#perplexity th", has_text="pieces-1").inner_text().split() == ["pieces-1", "pieces"]
    assert barriers(page) == []


def test_a_wide_table_scrolls_in_its_own_box(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made), 390)
    box = page.locator(".table:has(.ledger)").first
    assert box.evaluate("node => node.scrollWidth > node.clientWidth")
    box.evaluate("node => node.scrollLeft = 9999")
    names = [page.locator("#data .ledger tbody th").first, page.locator("#data .ledger tfoot th").first]
    assert [round(name.evaluate("node => node.getBoundingClientRect().left")) for name in names] == [16, 16]


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off_on_a_phone_or_a_screen(width: int, made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made), width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    shown = [page.locator(f"#length .{form}").is_visible() for form in ("wide", "narrow")]
    assert shown == ([False, True] if width < 500 else [True, False])


def test_it_is_light_and_dark_as_the_reader_wishes(made: Path, browser: Browser) -> None:
    path = page_of(made)
    background = "getComputedStyle(document.body).backgroundColor"
    light = open_page(browser, path, color_scheme="light").evaluate(background)
    dark = open_page(browser, path, color_scheme="dark").evaluate(background)
    assert [sum(map(int, re.findall(r"\d+", color))) > 3 * 128 for color in (light, dark)] == [True, False]


@pytest.mark.parametrize("colors", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_checker_of_accessibility_finds_nothing_serious(
    width: int, colors: Any, made: Path, browser: Browser
) -> None:
    page = open_page(browser, page_of(made), width, color_scheme=colors)
    for part in page.locator("details:not([open]) > summary:visible").all()[::-1]:
        part.click()
    assert barriers(page) == []


def test_figures_answer_to_the_pointer(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made))
    tip = page.locator(".tip")
    page.locator("#length svg:visible .value").nth(1).hover()
    words = "single, 8–13 tokens: BLEU 68.43, 95 % interval 64.12 to 72.99, sentences: 125"
    assert tip.is_visible() and tip.inner_text() == words
    page.mouse.move(1, 1)
    assert not tip.is_visible()
    page.locator("#data svg:visible .value").first.hover()
    assert tip.inner_text() == "5–9 tokens: source 10,000, target 0 sentences"
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_figures_answer_to_the_keyboard(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made), 390)
    figure, tip = page.locator("#length svg:visible"), page.locator(".tip")
    parts = figure.locator(".value")
    assert figure.locator("[tabindex='0']").count() == 1  # a figure is one Tab stop
    parts.first.focus()
    for key, place in (("ArrowRight", 1), ("ArrowDown", 2), ("ArrowLeft", 1), ("End", parts.count() - 1), ("Home", 0)):
        page.keyboard.press(key)
        name = parts.nth(place).get_attribute("aria-label")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == name == tip.inner_text()
    box = tip.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390
    page.keyboard.press("Tab")
    assert not tip.is_visible()


def test_paper_shows_what_is_folded_on_the_screen(made: Path, browser: Browser) -> None:
    page = open_page(browser, page_of(made))
    assert not page.locator("#parameters table").first.is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#parameters table").first.is_visible()
    assert "train" in page.locator("#parameters caption").all_inner_texts()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not page.locator("#parameters table").first.is_visible()


def test_one_test_sentence_and_nothing_but_empty_translations(workspace: Path, browser: Browser) -> None:
    project.write_results(workspace, [("He waits.", "Il attend.")], {run: [""] for run in project.RUNS})
    page = open_page(browser, run_stage(workspace))
    assert page.locator("#translations .sample").count() == 1
    assert page.locator("#translations .sample .nothing").all_inner_texts() == ["nothing", "nothing"]


def test_no_samples_and_no_probes_leave_a_page(workspace: Path, browser: Browser) -> None:
    project.write_parameters(workspace, models=project.MODELS, runs=project.RUNS, report={"samples": 0})
    records.write(workspace / "reports" / "embeddings.json", MeasuredProbes("reversed-1", 1, "h", []))
    page = open_page(browser, run_stage(workspace))
    assert page.locator("#translations .sample").count() == 0
    assert page.get_by_text("The file of probe sentences is empty.").is_visible()


def test_what_is_left_of_other_runs_is_not_shown(workspace: Path) -> None:
    runs = {"ensemble": project.RUNS["ensemble"]}
    project.write_parameters(workspace, models=project.MODELS, runs=runs, **project.first_by("ensemble"))
    text = run_stage(workspace).read_text(encoding="utf-8")
    shown = {run for run in project.RUNS if f'<th scope="row">{run} ' in text or f'data-run="{run}"' in text}
    assert shown == {"ensemble"} and '"name": "single"' not in text


def test_the_same_results_give_the_same_bytes(workspace: Path) -> None:
    assert run_stage(workspace).read_bytes() == run_stage(workspace).read_bytes()


@pytest.mark.parametrize(
    ("perplexities", "best"), [([5.0, 3.0, 3.0], 1), ([float("nan"), 4.0, 5.0], 1), ([], None), ([float("nan")], None)]
)
def test_the_best_epoch_is_the_first_of_the_lowest_perplexity(perplexities: list[float], best: float | None) -> None:
    epochs = [float(number) for number in range(len(perplexities))]
    assert results.best_epoch({"epoch": epochs, "dev_perplexity": perplexities}) == best


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("reports/bleu.json", "{}", r"bleu.json: found no single; expected all that params.yaml names"),
        ("reports/perplexity.json", "[]", r"perplexity.json: JSON: .*; expected what the stage before writes"),
        (
            "reports/encoding/base.json",
            "{}",
            r"base.json: splits: Field required; expected what the stage before writes",
        ),
        ("curves/reversed-2.csv", "a,b\n", r"reversed-2.csv: found titles a,b; expected epoch,update,learning_rate,"),
    ],
)
def test_files_that_earlier_stages_did_not_write_are_refused(
    file: str, content: str, message: str, workspace: Path
) -> None:
    (workspace / file).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        run_stage(workspace)
    assert not (workspace / "reports" / "index.html").exists()
