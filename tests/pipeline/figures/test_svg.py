"""Figures as inline SVG and as files: ids, titles, colors, and the same bytes in each run."""

import io
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from pipeline.figures import axes, groups, svg
from pipeline.schemas.reports.scores import LengthGroup

GROUPS = {"single": [LengthGroup(1, 3, 9, 5, 50.0, 40.0, 60.0)]}
FIGURE = groups.lengths(GROUPS)


def test_inline_figures_keep_their_ids_apart() -> None:
    pages = [svg.inline(FIGURE, name, "BLEU") for name in ("one", "two")]
    ids = [set(re.findall(r' id="([^"]+)"', page)) for page in pages]
    assert ids[0] and not ids[0] & ids[1]
    for page, own_ids in zip(pages, ids, strict=True):
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', page)) <= own_ids


def test_an_inline_figure_says_what_it_is_and_takes_the_pages_size_and_colors() -> None:
    page = svg.inline(FIGURE, "one", 'BLEU "by" <length>')
    start = page[: page.index(">")]
    assert 'role="img" aria-label="BLEU &#34;by&#34; &lt;length&gt;"' in start
    assert " width=" not in start and " height=" not in start
    assert "var(--figure-ink, #72777f)" in page and "var(--series-1, #3f7fd6)" in page


def test_what_only_the_last_decimals_tell_apart_is_drawn_alike() -> None:
    raw = '<?xml?>\n<svg width="1pt"><g id="p{0}"/><path d="M {1} -0.001 \nL 2 3.125" clip-path="url(#p{0})"/></svg>'
    assert svg.tidy(raw.format("abc", "1.234567")) == svg.tidy(raw.format("def", "1.234568"))
    assert 'd="M 1.23 0 L 2 3.12" clip-path="url(#i0)"' in svg.tidy(raw.format("abc", "1.234567"))


def test_parts_of_a_figure_tell_their_values_as_they_are_given() -> None:
    words = ['<b>"12.50" & 7.1250', "שלום 😀", "of a bin"]

    @svg.drawn
    def draw() -> Figure:
        figure = Figure()
        axes = figure.add_subplot()
        svg.tell(axes, 1.0, 2.0, words[0])
        svg.tell(axes, 3.0, 4.0, words[1])
        svg.tell_span(axes, 1.0, 2.0, words[2])
        return figure

    parts = [element for element in ElementTree.fromstring(draw()).iter() if element.get("class") == "value"]
    titles = [part.find("{http://www.w3.org/2000/svg}title") for part in parts]
    assert sorted(title.text or "" for title in titles if title is not None) == sorted(words)
    assert all("opacity: 0" in ElementTree.tostring(part, encoding="unicode") for part in parts)


def test_a_figure_is_written_as_svg_and_beside_it_as_png(tmp_path: Path) -> None:
    groups.lengths.write(tmp_path / "length.svg", GROUPS)
    assert (tmp_path / "length.svg").read_text(encoding="utf-8") == FIGURE
    assert (tmp_path / "length.png").read_bytes() == groups.lengths.png(GROUPS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["length.png", "length.svg"]


@pytest.mark.parametrize("width", [axes.NARROW, axes.WIDE])
def test_a_png_is_the_same_bytes_twice_on_white_and_of_the_figures_size(width: float) -> None:
    content = groups.lengths.png(GROUPS, width)
    assert content == groups.lengths.png(GROUPS, width)
    assert not re.search(rb"tEXt|iTXt|tIME|matplotlib", content)  # no dates or versions
    pixels = imread(io.BytesIO(content), format="png")[:, :, :3]
    assert pixels.shape[:2] == (round(200 * 3.2), round(200 * width))  # HEIGHT and one line of legend
    assert (pixels[[0, 0, -1, -1], [0, -1, 0, -1]] == 1).all()
    blue = [int(svg.SERIES[0][place : place + 2], 16) / 255 for place in (1, 3, 5)]
    assert (abs(pixels - blue).max(axis=2) < 0.01).sum() > 20  # the marker of the only group
