"""Figures of scores and groups: the same bytes in each run, positions, and labels that fit."""

import re
from collections.abc import Callable
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from pipeline.figures import axes, curves, embeddings, groups, histogram, svg
from pipeline.figures.histogram import Bin, Typical
from pipeline.schemas.reports.embeddings import EmbeddedSentence, Panel
from pipeline.schemas.reports.scores import Group, LengthGroup

GROUPS = [LengthGroup(n, 5 * n, 5 * n + 4, 10, 60.0 - n, 55.0 - n, 65.0 - n) for n in range(1, 9)]
RANKS = [Group(n, 1234.5 * n, 1234.5 * n + 999, 10, 60.0 - n, 55.0 - n, 65.0 - n) for n in range(1, 13)]
CURVE: dict[str, list[float]] = {
    "epoch": [1, 2, 3],
    "train_perplexity": [90.0, 9.0, 5.0],
    "dev_perplexity": [30.0, 8.0, 6.0],
}
ODD = "<script>alert(1)</script> & $x^2$ 😀 שלום"
PANEL = Panel(
    "who & whom", (0.75, 0.125), [EmbeddedSentence("a", ODD, 0.5, 1.0), EmbeddedSentence("b", "two", 2.0, 0.0)]
)

BINS = [Bin(0, 4, 10, 9), Bin(5, 9, 20, 19), Bin(200, None, 0, 2)]
TYPICAL = {"source": Typical(5.6, {50: 5, 90: 8, 100: 9}), "target": Typical(19.2, {50: 6, 90: 9, 100: 200})}

FIGURES: dict[str, Callable[[], str]] = {
    "lengths": lambda: groups.lengths({"single": GROUPS, "ensemble": GROUPS}),
    "narrow lengths": lambda: groups.lengths({"single": GROUPS}, axes.NARROW),
    "one group": lambda: groups.lengths({"single": GROUPS[:1]}),
    "no group": lambda: groups.lengths({}),
    "a hundred groups": lambda: groups.lengths(
        {"single": [LengthGroup(n, n, n, 1, 5.0, 0.0, 9.0) for n in range(1, 101)]}
    ),
    "ranks": lambda: groups.ranks({"single": RANKS, "ensemble": RANKS[:1]}),
    "narrow ranks": lambda: groups.ranks({"single": RANKS}, axes.NARROW),
    "no ranks": lambda: groups.ranks({"single": []}),
    "curves": lambda: curves.learning_curves({"reversed-1": CURVE, "reversed-2": CURVE}),
    "one epoch": lambda: curves.learning_curves({"reversed-1": {name: column[:1] for name, column in CURVE.items()}}),
    "no curve": lambda: curves.learning_curves({}),
    "embeddings": lambda: embeddings.embeddings([PANEL, PANEL, PANEL]),
    "no probes": lambda: embeddings.embeddings([]),
    "panel": lambda: embeddings.panel(PANEL),
    "sentences": lambda: histogram.sentences(BINS, TYPICAL),
    "narrow sentences": lambda: histogram.sentences(BINS, TYPICAL, axes.NARROW),
    "one length": lambda: histogram.sentences(BINS[:1], TYPICAL),
    "no sentence": lambda: histogram.sentences([], {}),
    "identical points": lambda: embeddings.panel(Panel("p", (0.0, 0.0), [EmbeddedSentence("a", "b", 0.0, 0.0)] * 9)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_the_same_bytes_twice_and_xml_without_a_date(name: str) -> None:
    figure = FIGURES[name]()
    assert figure == FIGURES[name]()
    assert ElementTree.fromstring(figure).tag == "{http://www.w3.org/2000/svg}svg"
    assert not re.search(r"metadata|date|20\d\d-|<!--", figure)
    assert "nan" not in figure


def texts_in(svg: str, kind: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return ["".join(element.itertext()).strip() for element in root.iter(f"{{http://www.w3.org/2000/svg}}{kind}")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        *[(text, text) for text in (ODD, "who & whom", 'href="#x" url(#y) id="i5"', "a: #72777f ]]> <!-- -->", "$^{")],
        ("\x1b[31mred\x00\x7f\x9b", "␛[31mred␀\ufffd\ufffd"),
        ("\u202egnp.exe\u2066\uffff", "\ufffdgnp.exe\ufffd\ufffd"),
        ("w" * 999, "w" * 57 + "…"),
    ],
)
def test_text_of_people_stays_text_that_can_be_shown(text: str, shown: str) -> None:
    panel = Panel(text, (0.75, 0.125), [EmbeddedSentence(text, text, 0.5, 1.0), EmbeddedSentence("b", "two", 2.0, 0.0)])
    drawing = embeddings.embeddings([panel])
    page = str(svg.inline(drawing, "name", text))
    whole = text if "…" in shown else shown
    for figure in (drawing, page):
        assert {shown, whole} <= set(texts_in(figure, "text"))  # the sentence below, and the title of the panel
        assert f"1, {whole}: {whole}" in texts_in(figure, "title")
    assert ElementTree.fromstring(page).get("aria-label") == whole


def test_scores_stand_where_the_numbers_are() -> None:
    svg = groups.lengths({"single": GROUPS})
    line = re.search(r'<path d="([^"]+)" clip-path="[^"]+" style="fill: none; stroke: #3f7fd6; stroke-width: 1.4', svg)
    assert line
    heights = [float(y) for y in re.findall(r"[ML] \S+ (\S+)", line[1])]
    steps = [after - before for before, after in pairwise(heights)]
    assert len(heights) == len(GROUPS)
    assert steps == pytest.approx([steps[0]] * 7, abs=0.02) and steps[0] > 0  # each group is one BLEU point lower


@pytest.mark.parametrize(
    ("low", "high", "limits"),
    [(41.0, 68.0, (30, 70)), (0.0, 0.0, (0, 20)), (99.0, 100.0, (80, 101)), (1.9, 60.0, (0, 70)), (55, 56, (40, 60))],
)
def test_small_differences_look_small(low: float, high: float, limits: tuple[float, float]) -> None:
    assert groups.score_limits([Group(1, 1, 2, 3, low, low, high)]) == limits


def test_numbers_of_points_keep_apart() -> None:
    points = np.zeros((4, 2))
    offsets = np.array(embeddings.label_offsets(points))
    gaps = np.linalg.norm(offsets[:, None] - offsets[None], axis=2)[~np.eye(4, dtype=bool)]
    assert gaps.min() > 8  # typographic points, the height of a digit


def test_more_series_than_colors_are_told_apart() -> None:
    looks = [axes.look(number) for number in range(24)]
    assert len({(look["color"], look["linestyle"]) for look in looks}) == 24


@pytest.mark.parametrize("width", [axes.WIDE, axes.NARROW])
def test_a_legend_of_many_long_names_stays_within_the_figure(width: float) -> None:
    svg = groups.lengths({f"a-run-of-a-rather-long-name-{number}": GROUPS for number in range(9)}, width)
    names = re.findall(r'x="(\S+)" y="(\S+)"[^>]*>(a-run[^<]*)<', svg)
    assert len(names) == 9
    assert all(0 <= float(x) <= width * 72 - 100 and float(y) >= 5 for x, y, _ in names)


def test_long_sentences_are_cut_below_a_panel() -> None:
    assert axes.shorten("word " * 30) == "word " * 11 + "wo…"
    assert axes.shorten("a" * 58) == "a" * 58


@pytest.mark.parametrize(("width", "shown"), [(axes.WIDE, 6), (axes.NARROW, 3)])
def test_long_bounds_of_groups_do_not_run_into_each_other(width: float, shown: int) -> None:
    svg = groups.ranks({"single": RANKS}, width)
    places = [float(x) for x in re.findall(r'x="(\S+)" y="\S+"[^>]*>[\d,]+–[\d,]+<', svg)]
    assert len(places) == shown
    assert all(after - before > 13 * 4 for before, after in pairwise(places))  # 13 characters of 4 points or more
