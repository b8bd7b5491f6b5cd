"""The page's source with hostile text in every place that holds text of other people."""

import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline.figures.text import HARMFUL, legible
from pipeline.schemas.data import records
from pipeline.schemas.reports.embeddings import EmbeddedSentence, MeasuredProbes
from pipeline.schemas.reports.text import Cleaning, Example
from pipeline.stages.report import __main__ as report
from tests.support import project

EVIL = [
    "</script><script>evil()</script><img/src=x/onerror=evil()>\"'><b/id=evil>&lt;&amp;]]><!--",
    "\x1b[31mred\x07\x9b\u202eevil\u2066{{7*7}}\\u003c/script>",
    "w" * 3000,
    'href="#x"url(#y)/id="i1"$x^{',
]
PLAIN = [f"word{number}" for number in range(len(EVIL))]


class Page(HTMLParser):
    """Counts of tags and of the attributes' names, and the texts in the page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags, self.texts = Counter[str](), list[str]()
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        assert not any(name.startswith("on") or value == "evil" for name, value in attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def made(folder: Path, words: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a project whose texts are some words, and return the source of its page."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    mirror = "https://me:s3cret@host/\u202e"
    project.write_parameters(folder, models=project.MODELS, runs=project.RUNS, operation={"mirrors": [mirror]})
    project.write_results(folder, [(word, word) for word in words], dict.fromkeys(project.RUNS, words))
    reports = folder / "reports"
    probes = records.read(MeasuredProbes, reports / "embeddings.json")
    sentences = [EmbeddedSentence(word, word, 1.0, number) for number, word in enumerate(words)]
    panels = [replace(probes.panels[0], panel=word, sentences=sentences) for word in words]
    records.write(reports / "embeddings.json", replace(probes, model=words[0], state=words[1], panels=panels))
    cleaning = records.read(Cleaning, reports / "cleaning.json")
    examples = {"empty": [Example(word, 1, word, "") for word in words]}
    ledger = dict.fromkeys(words, cleaning.ledger["demo"])
    records.write(reports / "cleaning.json", replace(cleaning, examples=examples, ledger=ledger))
    report.main(reports, folder / "translations", folder / "clean", folder / "curves", reports / "index.html")
    return (reports / "index.html").read_text(encoding="utf-8")


def test_no_text_is_markup_and_nothing_hides_or_reorders_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Page(made(tmp_path / "plain", PLAIN, monkeypatch))
    source = made(tmp_path / "evil", EVIL, monkeypatch)
    page = Page(source)
    codes = sum(bool(HARMFUL.match(sign)) for word in EVIL for sign in word)  # written out in the example
    assert page.tags - plain.tags == Counter({"code": codes}) and not plain.tags - page.tags
    assert not HARMFUL.search(source)
    for word in EVIL:
        assert page.texts.count(legible(word)) > 4
    [data] = re.findall(r'<script type="application/json">(.*?)</script>', source)
    sentences = json.loads(data)
    assert sentences["source"] == sentences["reference"] == [*map(legible, EVIL)]
    assert sentences["runs"][0]["translation"] == [*map(legible, EVIL)]
    assert "s3cret" not in source and "https://***@host/\\u202e" in page.texts
