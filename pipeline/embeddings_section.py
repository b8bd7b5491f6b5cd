"""What the report page says of sentence embeddings: the paper's Figure 2, and how far its groups lie apart."""

from pathlib import Path
from typing import Any

from pipeline import figures
from pipeline.probes import MeasuredPanel, MeasuredProbes
from pipeline.schemas import records
from pipeline.svg import SERIES, inline


def content(reports: Path) -> dict[str, Any]:
    """Each panel with the number of each sentence's group and its drawing."""
    probes = records.read(MeasuredProbes, reports / "embeddings.json")
    panels = [
        (panel, figures.group_numbers(panel.sentences), drawing(panel, number))
        for number, panel in enumerate(probes.panels)
    ]
    return {"probes": probes, "panels": panels, "series": len(SERIES)}


def drawing(panel: MeasuredPanel, number: int) -> str:
    """A panel as part of the page, with what it shows for who does not see it."""
    label = f"Sentences of the panel {panel.panel} as numbered points in a plane; the list below has the sentences"
    return inline(figures.panel(panel), f"panel-{number}", label)
