"""What the report page says of the systems beside the base system: what each changes, gains and costs."""

from pathlib import Path
from typing import Any

from pipeline import ablation_figure, figures
from pipeline.ablations_schema import ABLATIONS, Ablations
from pipeline.schemas import records


def content(reports: Path) -> dict[str, Any]:
    """The comparisons and their figure."""
    found = records.read(Ablations, reports / ABLATIONS)
    label = f"Perplexity and BLEU of each system against {found.base}; the table below has it too"
    drawn = figures.both(lambda width: ablation_figure.differences(found, width), "ablations", label)
    other_tokens = [one.system for one in found.systems[1:] if one.perplexities.change is None]
    return {"ablations": found, "ablation_figures": drawn, "other_tokens": other_tokens}
