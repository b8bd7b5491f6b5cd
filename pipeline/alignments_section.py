"""What the report page says of where models look while they translate."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline import heat_figure
from pipeline.heat_map import HeatMap, looked_at
from pipeline.schemas import records
from pipeline.svg import inline


def content(reports: Path, runs: Iterable[str]) -> dict[str, Any]:
    """The heat maps of the runs whose models attend: each with its drawing, its width, and all of it in words."""
    path = reports / "alignments.json"
    found = records.parse(dict[str, list[HeatMap]], records.content_of(path), str(path))
    return {"heat_maps": {run: [entry(one, run) for one in found[run]] for run in runs if run in found}}


def entry(one: HeatMap, run: str) -> dict[str, Any]:
    """A heat map as the template needs it."""
    rows = [
        (token, [(one.source[place], shares[place]) for place in looked_at(shares)])
        for token, shares in zip(one.target, one.attention, strict=True)
    ]
    return {"map": one, "drawing": drawing(one, run), "width": heat_figure.size(one)[0], "rows": rows}


def drawing(one: HeatMap, run: str) -> Markup:
    """A heat map as part of the page, with what it shows for who does not see it."""
    label = f"Where {run} looks in sentence {one.id}: a row a token of the translation; the list below has it in words"
    return inline(heat_figure.one(one, run), f"alignment-{run}-{one.id}", label)
