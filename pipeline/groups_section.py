"""Values for the report page's sections on long sentences and on rare words (the paper's Figure 3)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pipeline import figures, group_figure
from pipeline.group import Group
from pipeline.schemas import records
from pipeline.schemas.scored import LengthGroup
from s2s.errors import check

Row = TypeVar("Row", LengthGroup, Group)


def content(reports: Path, runs: Sequence[str]) -> dict[str, Any]:
    """Return the groups of sentences of each system, and their figures."""
    lengths = ordered(LengthGroup, reports / "length.json", runs)
    ranks = ordered(Group, reports / "rarity.json", runs)
    return {
        "length_groups": lengths,
        "length_figures": both(group_figure.lengths, lengths, "length", "from short to long"),
        "rank_groups": ranks,
        "rank_figures": both(group_figure.ranks, ranks, "rarity", "from frequent words to rare ones"),
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
    return figures.both(lambda width: draw(groups, width), name, label)
