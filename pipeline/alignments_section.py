"""Values for the report page's section on attention maps."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline import heat_figure
from pipeline.heat_map import HeatMap, looked_at
from pipeline.schemas import records
from pipeline.svg import inline


def content(reports: Path, runs: Iterable[str]) -> dict[str, Any]:
    """Return the attention maps of the runs whose models have attention, each with its drawing and a list in words."""
    path = reports / "alignments.json"
    heat_maps = records.parse(dict[str, list[HeatMap]], records.content_of(path), str(path))
    return {"heat_maps": {run: [entry(content, run) for content in heat_maps[run]] for run in runs if run in heat_maps}}


def entry(content: HeatMap, run: str) -> dict[str, Any]:
    """Return the values of the template for one attention map."""
    rows = [
        (token, [(content.source[position], shares[position]) for position in looked_at(shares)])
        for token, shares in zip(content.target, content.attention, strict=True)
    ]
    return {"map": content, "drawing": drawing(content, run), "width": heat_figure.size(content)[0], "rows": rows}


def drawing(content: HeatMap, run: str) -> Markup:
    """Draw an attention map for the page, with a label for screen readers."""
    label = f"Attention of {run} in sentence {content.id}, a row per target token; the list below has it in words"
    return inline(heat_figure.one(content, run), f"alignment-{run}-{content.id}", label)
