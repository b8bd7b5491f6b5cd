"""What the report page says of long sentences and of rare words: both halves of the paper's Figure 3."""

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
    """The groups of each system, and their figures."""
    lengths = ordered(LengthGroup, reports / "length.json", runs)
    ranks = ordered(Group, reports / "rarity.json", runs)
    return {
        "length_groups": lengths,
        "length_figures": both(group_figure.lengths, lengths, "length", "from short to long"),
        "rank_groups": ranks,
        "rank_figures": both(group_figure.ranks, ranks, "rarity", "from frequent words to rare ones"),
    }


def ordered(kind: type[Row], path: Path, runs: Iterable[str]) -> dict[str, list[Row]]:
    """The groups of our runs in their order, which is that of colors everywhere, and then of the other systems."""
    found: dict[str, list[Row]] = records.parse(
        dict[str, list[kind]],  # type: ignore[valid-type]
        records.content_of(path),
        str(path),
    )
    for run in runs:
        check(run in found, f"{path}: found no {run}; expected all that params.yaml names")
    return {run: found[run] for run in runs} | found


def both(
    draw: Callable[[Mapping[str, Sequence[Row]], float], str], groups: Mapping[str, Sequence[Row]], name: str, way: str
) -> dict[str, Any]:
    """A figure for a screen and for a phone, with what it shows for who does not see it."""
    label = f"BLEU of {', '.join(groups)} over groups of test sentences, {way}; the table below has it too"
    return figures.both(lambda width: draw(groups, width), name, label)
