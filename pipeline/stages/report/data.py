"""Values for the report page's section on the data: cleaning, difficulty, vocabularies, sentence lengths, padding."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pipeline.figures import axes, histogram
from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import EncodedSplit
from pipeline.schemas.data.pairs import SPLITS
from pipeline.schemas.reports.text import LONGEST, Cleaning, Difficulty, Encoding, Vocabularies
from pipeline.stages.report.filters import flatten

Value = TypeVar("Value")
REPAIRS = {
    "separators": "characters that many programs read as the end of a line; replaced by spaces",
    "invisible": "soft hyphens, zero-width spaces, word joiners and byte order marks; removed",
    "control": "other control characters; replaced by spaces",
    "not_nfc": "letters and accents not in Unicode's composed form (NFC); composed",
}
WAYS = {"bucketed": "sorted by length", "random": "drawn at random"}  # ways to fill batches


def content(reports: Path, vocabularies: Iterable[str]) -> dict[str, Any]:
    """Return all values of the section's template, from the reports of the stages before training."""
    return {
        **cleaned(records.read(Cleaning, reports / "cleaning.json")),
        **hardness(records.read(Difficulty, reports / "difficulty.json")),
        "texts": {name: in_vocabulary(reports, name) for name in vocabularies},
        "longest": LONGEST,
    }


def cleaned(cleaning: Cleaning) -> dict[str, Any]:
    """Return the counts of dropped and of repaired pairs, each with the sums over all corpora."""
    rules = {rule.rule: rule.drops for rule in cleaning.rules}
    kinds = dict.fromkeys(kind for counts in cleaning.repairs.values() for kind in counts)
    return {
        "cleaning": cleaning,
        "rules": rules,
        "repairs": {kind: REPAIRS.get(kind, "") for kind in kinds},
        "splits": in_order(cleaning.splits),
        "taken": sums(cleaning.ledger.values(), ["in", "out", *rules]),
        "repaired": sums(cleaning.repairs.values(), kinds),
    }


def in_order(splits: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values of each split, training text first."""
    return {split: splits[split] for split in SPLITS if split in splits}


def sums(rows: Iterable[Mapping[str, int]], names: Iterable[str]) -> dict[str, int]:
    """Return the sum of each named column."""
    counts = list(rows)
    return {name: sum(row.get(name, 0) for row in counts) for name in names}


def hardness(difficulty: Difficulty) -> dict[str, Any]:
    """Return measures of the text's difficulty, for each side and for sentence pairs."""
    return {
        "sides": {name: plain_first(value) for name, value in difficulty.items() if isinstance(value, dict)},
        "facts": {name: value for name, value in difficulty.items() if not isinstance(value, dict)},
    }


def plain_first(measures: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested measures by dotted names, the measures that are not nested first."""
    return dict(sorted(flatten(measures), key=lambda item: "." in item[0]))


def in_vocabulary(reports: Path, name: str) -> dict[str, Any]:
    """Return a vocabulary, and the text in its tokens: unknown tokens of each split, padding, and sentence lengths."""
    vocabulary = records.read(Vocabularies, reports / "vocab" / f"{name}.json")
    encoding = records.read(Encoding, reports / "encoding" / f"{name}.json")
    lengths = encoding.lengths["train"]
    bins, sides = histogram.grouped(lengths), histogram.typical(encoding.splits["train"], lengths)
    unknown = {split: unknown_shares(encoded) for split, encoded in encoding.splits.items()}
    label = "Histogram of the training sentences by their number of tokens; the tables below have the numbers"
    draw = partial(histogram.sentences, bins, sides)
    return {
        "vocabulary": vocabulary,
        "splits": in_order(encoding.splits),
        "unknown_shares": unknown,
        "highest_unknown_share": max(share for shares in unknown.values() for share in shares.values()),
        "padding": {WAYS.get(way, way): shares for way, shares in encoding.padding.items()},
        "length_bins": bins,
        "bin_width": bins[0].width if bins else 1,
        "typical_lengths": sides,
        "figures": axes.both(draw, f"sentences-{name}", label),
    }


def unknown_shares(split: EncodedSplit) -> dict[str, float]:
    """Return the share of tokens outside the vocabulary on each side, 0 to 1."""
    return {
        "source": split.source_unknown / max(1, split.source_tokens),
        "target": split.target_unknown / max(1, split.target_tokens),
    }
