"""The page section that shows every test sentence with its translations, in a browser."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from playwright.sync_api import Browser, Locator, Page

from pipeline.schemas.data.translated import Alternative, Translation, write_translations
from pipeline.stages.report import filters, sentences
from pipeline.stages.report.__main__ import FOLDER
from s2s.evaluation import samples
from s2s.evaluation.sentence_scores import chrf_signature, classroom_bleu, sentence_chrf
from s2s.text import tokenizer
from tests.support import project
from tests.support.browsing import barriers, open_page

FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sentences</title>
<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width"><style>{{ css }}</style></head>
<body><main><h1>Sentences</h1>{% include "sentences.html.j2" %}</main><script>{{ js }}</script></body></html>"""
EVIL = "</script><script>document.title = 'injected'</script><img src=x onerror=\"document.title = 'injected'\"> <!--"
PAIRS = [
    ("The cat sleeps.", "Le chat dort."),
    (f"He sees {EVIL}.", f"Il voit {EVIL}."),
    ("He waits for the old man in the garden.", "שלום עולם 😀 & <b>oui</b>."),
    ("The e\u0301cole\u2028ends.", "L'étude se  termine."),
]
SINGLE = [
    Translation("Le chat dort.", "Le chat dort .", -0.5, 0),
    Translation(
        f"Il dit {EVIL}.", "", -12.25, 3, [Alternative("<i>Il</i>", -13.5, -13.5), Alternative("", -14.0, -7.0)]
    ),
    Translation("", "", -4.0, 0),
    Translation("L'étude <unk>", "", -2.125, 1),
]
ENSEMBLE = [Translation(reference, "", -1.0 - row, 0) for row, (_, reference) in enumerate(PAIRS)]
RUNS = {"single": SINGLE, "ensemble": ENSEMBLE}


def write_page(folder: Path, pairs: Sequence[tuple[str, str]], runs: Mapping[str, Sequence[Translation]]) -> Path:
    """Write a page that holds only the section on sentences, and return its path."""
    project.write_test_set(folder / "clean", pairs)
    for run, rows in runs.items():
        write_translations(folder / f"{run}.jsonl", rows)
    page = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters |= {filter.__name__: filter for filter in filters.FILTERS}
    content = sentences.content(folder, folder / "clean", runs)
    content |= {name: Markup((FOLDER / f"page.{name}").read_text(encoding="utf-8")) for name in ("css", "js")}
    path = folder / "page.html"
    path.write_text(page.from_string(FRAME).render(codes=("en", "fr"), **content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("sentences"), PAIRS, RUNS)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the page for a test set as large as the paper's (3003 sentences), with n-best lists of two runs."""
    words = [
        "le",
        "chat",
        "de",
        "la",
        "reine",
        "voit",
        "un",
        "très",
        "vieux",
        "jardin",
        "et",
        "dort",
        "près",
        "du",
        "mur",
    ]
    pairs = [(f"Sentence {n}.", " ".join(itertools.islice(itertools.cycle(words), n % 40 + 1))) for n in range(3003)]
    further = [Alternative("un autre " * 12, -5.0 - n, -5.0 - n) for n in range(11)]
    rows = [
        Translation(reference.replace("chat", "chien"), "", -float(n % 97), n % 3, further)
        for n, (_, reference) in enumerate(pairs)
    ]
    return write_page(tmp_path_factory.mktemp("many"), pairs, dict.fromkeys(("one", "two"), rows))


def numbers(page: Page) -> list[int]:
    """Return the numbers of the sentences shown, in page order."""
    texts: list[str] = page.locator(".sample .id").all_inner_texts()
    return [int(text.replace(",", "")) for text in texts]


def run_lines(page: Page, run: str) -> Locator:
    return page.locator(".sample .run", has=page.locator(".name", has_text=run))


def test_every_sentence_is_there_with_its_translations(path: Path, browser: Browser) -> None:
    page = open_page(browser, path)
    assert numbers(page) == [0, 1, 2, 3]
    assert page.locator(".found").inner_text() == "1 to 4 of 4 sentences"
    contents = "all => all.map(node => node.textContent)"
    assert page.locator(".source-text").evaluate_all(contents) == [source for source, _ in PAIRS]
    assert page.locator(".reference-text").evaluate_all(contents) == [reference for _, reference in PAIRS]
    assert run_lines(page, "single").locator(".text").evaluate_all(contents)[:2] == [
        SINGLE[0].translation,
        SINGLE[1].translation,
    ]
    assert run_lines(page, "single").locator(".nothing").count() == 2  # a translation, and a candidate of a list
    assert "in their output. If every run is shown" in page.locator(".note").first.inner_text()
    lengths = [len(tokenizer.tokenize(source, "en").split()) for source, _ in PAIRS]
    assert page.locator(".tokens data").evaluate_all("all => all.map(item => item.value)") == list(map(str, lengths))


def test_markup_stays_text_and_each_text_runs_its_own_way(path: Path, browser: Browser) -> None:
    page = open_page(browser, path)
    assert page.title() == "Sentences" and page.locator(".cards :is(script, img, b, i)").count() == 0
    directions = page.locator(".reference-text").evaluate_all(
        "all => all.map(node => getComputedStyle(node).direction)"
    )
    assert directions == ["ltr", "ltr", "rtl", "ltr"]


def test_measures_are_those_of_the_files(path: Path, browser: Browser) -> None:
    page = open_page(browser, path)
    texts = [row.translation for row in SINGLE], [reference for _, reference in PAIRS]
    for name, values in (
        ("chrf", [round(score, 4) for score in sentence_chrf(*texts)]),
        ("classroom-bleu", [round(score, 4) for score in classroom_bleu(*texts)]),
        ("unknown", [row.unknown for row in SINGLE]),
        ("log-prob", [row.log_prob for row in SINGLE]),
    ):
        shown = run_lines(page, "single").locator(f".measures .{name} data")
        assert [float(value) for value in shown.evaluate_all("all => all.map(item => item.value)")] == values
    assert run_lines(page, "single").locator(".log-prob").all_inner_texts() == ["-0.50", "-12.25", "-4.00", "-2.12"]


def test_differences_are_marked_as_in_the_samples(path: Path, browser: Browser) -> None:
    page = open_page(browser, path)
    lines = run_lines(page, "single")
    for row, translation in enumerate(SINGLE):
        parts = samples.compare(translation.translation, PAIRS[row][1])
        place = lines.nth(row).locator(".text")
        assert place.locator("mark").all_text_contents() == [
            part.words for part in parts if part.differs and part.words
        ]
        assert place.locator(".gap").count() == sum(not part.words for part in parts)
    equal = page.get_by_role("img", name="equal to the reference")
    assert equal.count() == 1 + len(ENSEMBLE)


def test_further_translations_unfold(path: Path, browser: Browser) -> None:
    page = open_page(browser, path)
    assert page.locator(".run details").count() == 1
    page.locator(".run summary").click()
    assert page.locator(".n-best li").all_inner_texts() == [
        "<i>Il</i>\nlog-probability -13.50",
        "nothing\nlog-probability -14.00, score -7.00",
    ]


def test_words_find_the_sentences_that_have_all_of_them(path: Path, browser: Browser) -> None:
    page = open_page(browser, path)
    wanted = {"chat": [0], "CHAT dort": [0], "école": [3], "e\u0301tude": [3], "😀": [2], "<b>": [2], "dit": [1]}
    wanted[" "] = [0, 1, 2, 3]
    shown = {}
    for words in wanted:
        page.get_by_label("Words").fill(words)
        shown[words] = numbers(page)
    assert shown == wanted


def test_words_that_no_sentence_has(path: Path, browser: Browser) -> None:
    page = open_page(browser, path)
    page.get_by_label("Words").fill("chat [")
    assert page.get_by_role("status").inner_text() == "No sentence has these words."
    page.get_by_label("Words").press("Enter")  # must not submit a form
    assert page.url == path.as_uri()


ORDERS: dict[str, Callable[[int], Any]] = {
    "longest first": lambda row: -len(tokenizer.tokenize(PAIRS[row][0], "en").split()),
    "most <unk> first": lambda row: -SINGLE[row].unknown,
    "least probable first": lambda row: SINGLE[row].log_prob,
    "most probable first": lambda row: -SINGLE[row].log_prob,
    "highest classroom BLEU first": lambda row: -classroom_bleu([SINGLE[row].translation], [PAIRS[row][1]])[0],
    "lowest chrF first": lambda row: sentence_chrf([SINGLE[row].translation], [PAIRS[row][1]])[0],
}


def test_one_run_alone_is_shown_in_order_of_its_measures(path: Path, browser: Browser) -> None:
    page = open_page(browser, path)
    page.get_by_label("Run").select_option("single")
    assert set(page.locator(".run .name").all_inner_texts()) == {"single"}
    shown = {}
    for order in ORDERS:
        page.get_by_label("Order").select_option(order)
        shown[order] = numbers(page)
    assert shown == {order: sorted(range(4), key=key) for order, key in ORDERS.items()}


def test_every_run_together_is_in_order_of_the_mean(path: Path, browser: Browser) -> None:
    page = open_page(browser, path)
    page.get_by_label("Order").select_option("most probable first")
    assert numbers(page) == [0, 3, 2, 1]
    page.get_by_label("Run").select_option("ensemble")
    assert numbers(page) == [0, 1, 2, 3]


def test_three_thousand_sentences_load_and_answer_within_a_second(many: Path, browser: Browser) -> None:
    page = open_page(browser, many)
    times = []
    for _ in range(5):  # only the fastest counts, because other programs may use the processor
        page.reload()
        times.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
    assert 0 < min(times) < 1000
    page.evaluate("document.getElementById('sentences-order').value = 'chrf 1'")
    page.get_by_label("Words").evaluate("node => { node.value = 'chien reine'; }")
    taken = page.evaluate(
        """() => {
            const start = performance.now();
            document.querySelector("form").dispatchEvent(new Event("input"));
            return performance.now() - start;
        }"""
    )
    assert 0 < taken < 1000
    assert len(numbers(page)) == 10


def test_pages_are_turned_by_keyboard_and_the_reader_goes_on_at_the_top(many: Path, browser: Browser) -> None:
    page = open_page(browser, many)
    top, bottom = page.get_by_role("button", name="Next").all()
    top.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert numbers(page) == list(range(20, 30))
    assert page.get_by_role("status").inner_text() == "21 to 30 of 3,003 sentences"
    bottom.focus()
    page.keyboard.press("Space")
    assert numbers(page) == list(range(30, 40))
    assert page.evaluate("document.activeElement.id") == "sentences-found"
    page.get_by_label("Words").fill("3002.")
    assert numbers(page) == [3002] and not top.is_visible()


def test_the_first_and_the_last_page_lead_no_further(many: Path, browser: Browser) -> None:
    page = open_page(browser, many)
    before, after = (page.get_by_role("button", name=name).first for name in ("Previous", "Next"))
    assert [link.get_attribute("aria-disabled") for link in (before, after)] == ["true", "false"]
    page.get_by_label("Words").fill("sentence 300")
    matching = [300, 1300, 2300, 3000, 3001, 3002]
    assert numbers(page) == matching and not after.is_visible()
    page.get_by_label("Words").fill("sentence 4.")
    before.dispatch_event("click")
    assert numbers(page) == list(range(4, 100, 10))
    for _ in range(40):
        after.dispatch_event("click")
    assert page.get_by_role("status").inner_text() == "291 to 300 of 300 sentences"
    assert [link.get_attribute("aria-disabled") for link in (before, after)] == ["false", "true"]


def test_only_the_best_further_translations_are_on_the_page(many: Path) -> None:
    content = many.read_text(encoding="utf-8")
    data = json.loads(content.partition('<script type="application/json">')[2].partition("</script>")[0])
    assert {len(candidates) for candidates in data["runs"][0]["n_best"]} == {sentences.SHOWN}


@pytest.mark.parametrize("colors", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_accessible_and_fits(width: int, colors: Any, path: Path, browser: Browser) -> None:
    page = open_page(browser, path, width, color_scheme=colors)
    page.locator(".run summary").click()
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_one_sentence_and_nothing_but_empty_translations(tmp_path: Path, browser: Browser) -> None:
    empty = [Translation("", "", 0.0, 0)]
    page = open_page(browser, write_page(tmp_path, [("He waits.", "Il attend.")], {"single": empty}))
    assert page.get_by_role("status").inner_text() == "1 to 1 of 1 sentence"
    assert page.locator(".nothing").count() == 1
    for score in (".chrf data", ".classroom-bleu data"):
        assert page.locator(score).get_attribute("value") == "0"
    assert page.get_by_label("Run").locator("option").all_inner_texts() == ["single"]
    page.get_by_label("Order").select_option("lowest chrF first")
    assert numbers(page) == [0]


def test_without_scripts_it_says_where_translations_are(path: Path, browser: Browser) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(path.as_uri())
    assert "needs JavaScript" in page.locator("noscript p:visible").inner_text()
    assert page.locator("#sentences :is(input, select, button):visible").count() == 0


def test_sentence_chrf_is_what_sacrebleus_command_line_prints(tmp_path: Path) -> None:
    hypotheses = ["Le chat dort.", "Le chien dort .", "", "😀 oui", "x"]
    references = ["Le chat dort.", "Le chat dort.", "Il attend.", "😀 non", "y"]
    for name, lines in (("hypotheses", hypotheses), ("references", references)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "sacrebleu",
        "references",
        "-i",
        "hypotheses",
        "-m",
        "chrf",
        "--sentence-level",
        "-b",
        "-w",
        "6",
    ]
    printed = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONUTF8": "1"}, capture_output=True, text=True, check=True
    ).stdout
    assert [round(score, 6) for score in sentence_chrf(hypotheses, references)] == [
        float(score) for score in printed.split()
    ]
    assert chrf_signature().startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:")
