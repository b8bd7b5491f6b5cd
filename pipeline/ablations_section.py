"""Values for the report page's section on ablations: each system's changes, gains and costs against the base."""

from pathlib import Path
from typing import Any

from pipeline import ablation_figure, figures
from pipeline.ablations_schema import ABLATIONS, Ablations
from pipeline.schemas import records


def content(reports: Path) -> dict[str, Any]:
    """Return the comparisons and their figure."""
    ablations = records.read(Ablations, reports / ABLATIONS)
    label = f"Perplexity and BLEU of each system against {ablations.base}; the table below has it too"
    drawings = figures.both(lambda width: ablation_figure.differences(ablations, width), "ablations", label)
    other_tokens = [ablation.system for ablation in ablations.systems[1:] if ablation.perplexities.change is None]
    return {"ablations": ablations, "ablation_figures": drawings, "other_tokens": other_tokens}
