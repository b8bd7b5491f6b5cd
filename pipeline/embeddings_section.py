"""Values for the report page's section on sentence embeddings (the paper's Figure 2) and their separation."""

from pathlib import Path
from typing import Any

from pipeline import figures
from pipeline.probes import MeasuredPanel, MeasuredProbes
from pipeline.schemas import records
from pipeline.svg import SERIES, inline


def content(reports: Path) -> dict[str, Any]:
    """Return each panel with the group number of each sentence and the panel's drawing."""
    probes = records.read(MeasuredProbes, reports / "embeddings.json")
    panels = [
        (panel, figures.group_numbers(panel.sentences), drawing(panel, number))
        for number, panel in enumerate(probes.panels)
    ]
    return {"probes": probes, "panels": panels, "series": len(SERIES)}


def drawing(panel: MeasuredPanel, number: int) -> str:
    """Draw a panel for the page, with a label for screen readers."""
    label = f"Sentences of the panel {panel.panel} as numbered points in a plane; the list below has the sentences"
    return inline(figures.panel(panel), f"panel-{number}", label)
