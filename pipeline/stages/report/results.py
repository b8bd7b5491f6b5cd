"""Values for the report page's sections on scores, groups of sentences, ablations, attention and embeddings."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from markupsafe import Markup

from pipeline.figures import attention, axes, embeddings, groups
from pipeline.figures.ablations import differences
from pipeline.figures.curves import learning_curves
from pipeline.figures.svg import SERIES, inline
from pipeline.parameters.parameters import Parameters
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import read_column
from pipeline.schemas.data.trained import Perplexity, read_curve
from pipeline.schemas.data.translated import read_translations
from pipeline.schemas.reports.ablations import ABLATIONS, Ablations
from pipeline.schemas.reports.alignments import HeatMap, looked_at
from pipeline.schemas.reports.embeddings import MeasuredPanel, MeasuredProbes
from pipeline.schemas.reports.neighbors import CloseSentences
from pipeline.schemas.reports.rescored import Rescored
from pipeline.schemas.reports.scores import Group, LengthGroup, RunScores
from s2s.errors import check
from s2s.evaluation import samples

Row = TypeVar("Row", LengthGroup, Group)


def groups_content(reports: Path, runs: Sequence[str]) -> dict[str, Any]:
    """Return the groups of sentences of each system, and their figures."""
    lengths = ordered(LengthGroup, reports / "length.json", runs)
    ranks = ordered(Group, reports / "rarity.json", runs)
    return {
        "length_groups": lengths,
        "length_figures": both(groups.lengths, lengths, "length", "from short to long"),
        "rank_groups": ranks,
        "rank_figures": both(groups.ranks, ranks, "rarity", "from frequent words to rare ones"),
    }


def ordered(kind: type[Row], path: Path, runs: Iterable[str]) -> dict[str, list[Row]]:
    """Read the groups of our runs in the order of params.yaml, which gives them their colors, then of other systems."""
    groups: dict[str, list[Row]] = records.parse(
        dict[str, list[kind]],  # type: ignore[valid-type]
        records.content_of(path),
        str(path),
    )
    for run in runs:
        check(run in groups, f"{path}: found no {run}; expected all that params.yaml names")
    return {run: groups[run] for run in runs} | groups


def both(
    draw: Callable[[Mapping[str, Sequence[Row]], float], str], groups: Mapping[str, Sequence[Row]], name: str, way: str
) -> dict[str, Any]:
    """Draw a figure for a screen and for a phone, each with a label for screen readers."""
    label = f"BLEU of {', '.join(groups)} over groups of test sentences, {way}; the table below has it too"
    return axes.both(lambda width: draw(groups, width), name, label)


def ablations_content(reports: Path) -> dict[str, Any]:
    """Return the comparisons and their figure."""
    ablations = records.read(Ablations, reports / ABLATIONS)
    label = f"Perplexity and BLEU of each system against {ablations.base}; the table below has it too"
    drawings = axes.both(lambda width: differences(ablations, width), "ablations", label)
    other_tokens = [ablation.system for ablation in ablations.systems[1:] if ablation.perplexities.change is None]
    return {"ablations": ablations, "ablation_figures": drawings, "other_tokens": other_tokens}


def alignments_content(reports: Path, runs: Iterable[str]) -> dict[str, Any]:
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
    return {
        "map": content,
        "drawing": alignments_drawing(content, run),
        "width": attention.size(content)[0],
        "rows": rows,
    }


def alignments_drawing(content: HeatMap, run: str) -> Markup:
    """Draw an attention map for the page, with a label for screen readers."""
    label = f"Attention of {run} in sentence {content.id}, a row per target token; the list below has it in words"
    return inline(attention.one(content, run), f"alignment-{run}-{content.id}", label)


def embeddings_content(reports: Path) -> dict[str, Any]:
    """Return each panel with the group number of each sentence and the panel's drawing."""
    probes = records.read(MeasuredProbes, reports / "embeddings.json")
    panels = [
        (panel, embeddings.group_numbers(panel.sentences), embeddings_drawing(panel, number))
        for number, panel in enumerate(probes.panels)
    ]
    return {"probes": probes, "panels": panels, "series": len(SERIES)}


def embeddings_drawing(panel: MeasuredPanel, number: int) -> str:
    """Draw a panel for the page, with a label for screen readers."""
    label = f"Sentences of the panel {panel.panel} as numbered points in a plane; the list below has the sentences"
    return inline(embeddings.panel(panel), f"panel-{number}", label)


def neighbors_content(reports: Path) -> dict[str, Any]:
    """Return all values of the section's template."""
    return {"close": records.read(CloseSentences, reports / "neighbors.json")}


SCORES = {"bleu": "BLEU", "bleu_tokenized": "BLEU, tokenized", "chrf": "chrF"}


def scored(reports: Path, parameters: Parameters) -> dict[str, Any]:
    """Return the scores of all runs, and the sacreBLEU signatures of these scores."""
    scores = records.read_named(RunScores, reports / "bleu.json", parameters.runs)
    signatures = {
        title: list(dict.fromkeys(getattr(score, f"{key}_signature") for score in scores.values()))
        for key, title in SCORES.items()
    }
    return {
        "scores": scores,
        "best": max(scores, key=lambda run: scores[run].bleu),
        "seeds": {run: parameters.seeds(score.system)[: score.seeds] for run, score in scores.items()},
        "signatures": signatures,
        "scale": scale(list(scores.values())),
    }


def scale(scores: Sequence[RunScores]) -> tuple[int, int]:
    """Return multiples of 5 below and above the BLEU intervals of all runs, for the scale of the bars."""
    low = 5 * math.floor(min(score.bleu_low for score in scores) / 5)
    return low, max(5 * math.ceil(max(score.bleu_high for score in scores) / 5), low + 5)


def rescored(reports: Path, parameters: Parameters) -> dict[str, Rescored]:
    """Return the results of each rescoring of n-best lists (the paper's Table 2)."""
    return {name: records.read(Rescored, reports / "rescore" / f"{name}.json") for name in parameters.rescorings}


def learned(reports: Path, curves: Path, parameters: Parameters) -> dict[str, Any]:
    """Return the perplexities and the learning curves of all models."""
    columns = {model: read_curve(curves / f"{model}.csv") for model in parameters.models}
    return {
        "perplexities": records.read_named(dict[str, Perplexity], reports / "perplexity.json", parameters.models),
        "model_vocabularies": {name: model.vocabulary for name, model in parameters.models.items()},
        "best_epochs": {model: best_epoch(curve) for model, curve in columns.items()},
        "curve_figures": axes.both(
            lambda width: learning_curves(columns, width), "curves", "Perplexity of each model by epoch"
        ),
    }


def best_epoch(curve: Mapping[str, Sequence[float]]) -> float | None:
    """Return the first epoch with the lowest development perplexity; None if no perplexity is finite."""
    epochs = zip(curve["dev_perplexity"], curve["epoch"], strict=True)
    perplexity, epoch = min((pair for pair in epochs if math.isfinite(pair[0])), default=(math.inf, 0.0))
    if perplexity == math.inf:
        return None
    return int(epoch) if epoch.is_integer() else epoch


def translated(translations: Path, clean: Path, parameters: Parameters) -> dict[str, Any]:
    """Return the sample translations, each split into parts that are or are not in the reference."""
    test = clean / "test.parquet"
    sources, references = (read_column(test, name) for name in ("source", "reference"))
    lengths = [len(tokens.split()) for tokens in read_column(test, "source_tokens")]
    runs = {run: read_translations(translations / f"{run}.jsonl", len(sources)) for run in parameters.runs}

    def sample(row: int) -> dict[str, Any]:
        lines = {run: rows[row] for run, rows in runs.items()}
        parts = {run: samples.compare(line.translation, references[row]) for run, line in lines.items()}
        source, reference = sources[row], references[row]
        return {
            "id": row,
            "length": lengths[row],
            "source": source,
            "reference": reference,
            "runs": lines,
            "parts": parts,
        }

    various, longest = samples.choose(lengths, parameters.report.samples)
    return {"samples": {"From short to long": map(sample, various), "The longest": map(sample, longest)}}
