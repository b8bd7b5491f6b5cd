"""A miniature project in a temporary folder: parameters and files as earlier stages leave them."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from pipeline.parameters import presets
from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import EncodedSplit
from pipeline.schemas.data.lists import FirstPass
from pipeline.schemas.data.pairs import SCORED, write_pairs
from pipeline.schemas.data.trained import CURVE_COLUMNS
from pipeline.schemas.data.translated import Member, Translation, write_translations
from pipeline.schemas.reports.alignments import HeatMap
from pipeline.schemas.reports.embeddings import EmbeddedSentence, MeasuredPanel, MeasuredProbes, Separation
from pipeline.schemas.reports.neighbors import CloseSentences, Neighbor, Neighborhood
from pipeline.schemas.reports.rescored import Choice, ListSize, Rescored
from pipeline.schemas.reports.text import (
    LONGEST,
    Cleaning,
    Encoding,
    Example,
    Lengths,
    Rule,
    SideVocabulary,
    Vocabularies,
)
from s2s import files
from s2s.text import tokenizer
from tests.support import ablated, scorecards

ROOT = Path(__file__).parents[2]


def write_parameters(folder: Path, **sections: Any) -> None:
    """Write params.yaml: the default preset with some values changed, by section."""
    values = yaml.safe_load((ROOT / "presets" / "default.yaml").read_text(encoding="utf-8"))
    values["embeddings"]["probes"] = str(ROOT / "probes" / "demo.tsv")
    for section, changes in sections.items():
        replaced = section in ("vocabularies", "systems", "models", "runs", "first_passes", "rescorings")
        values[section] = changes if replaced else values[section] | changes
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def preset(name: str) -> str:
    """Return the text of params.yaml that a preset makes."""
    return presets.merged(name, ROOT / "presets")


def write_split(folder: Path, split: str, pairs: Sequence[tuple[str, str]], normalized: str = "") -> None:
    """Write the clean text of a split from plain English and French sentences.

    Args:
        folder: folder of clean text.
        split: name of the file.
        pairs: sources and references.
        normalized: the targets; the references if it is empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sides = [[tokenizer.tokenize(pair[side], code) for pair in pairs] for side, code in enumerate(("en", "fr"))]
    source, target = ([pair[side] for pair in pairs] for side in (0, 1))
    targets = [[normalized] * len(pairs)] * 2 if normalized else [target, sides[1]]
    columns = [source, targets[0], sides[0], targets[1], target, sides[1]]
    table = pa.table([pa.array(column, pa.string()) for column in columns], SCORED.names[1:])
    write_pairs(folder / f"{split}.parquet", 0, table)


def write_test_set(folder: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Write test.parquet from plain English and French sentences; what reads normalized targets scores nothing."""
    write_split(folder, "test", pairs, normalized="normalized")


def write_run(folder: Path, run: str, translations: Sequence[str]) -> None:
    """Write the translations of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [Translation(line, tokenizer.tokenize(line, "fr"), -1.0, 0) for line in translations]
    write_translations(folder / f"{run}.jsonl", rows)


def first_by(run: str) -> dict[str, Any]:
    """Return the sections of params.yaml by which a run rescores its own n-best lists."""
    first_passes, rescorings = {run: f"members/{run}.json"}, {run: {"first_pass": run, "scorer": run}}
    return {"first_passes": first_passes, "rescorings": rescorings}


MODELS = {f"reversed-{seed}": {"system": "reversed", "seed": seed, "vocabulary": "base"} for seed in (1, 2)}
RUNS = {
    "single": {"system": "reversed", "seeds": 1, "beam": 2},
    "ensemble": {"system": "reversed", "seeds": 2, "beam": 2},
}
SIGNATURE = "nrefs:1|case:mixed|eff:no|tok:{}|smooth:exp|version:2.5.1"


def write_results(folder: Path, pairs: Sequence[tuple[str, str]], translations: dict[str, list[str]]) -> None:
    """Write all inputs of the report stage, for the models `MODELS` and the runs `RUNS`."""
    write_test_set(folder / "clean", pairs)
    for run, lines in translations.items():
        write_run(folder / "translations", run, lines)
    reports = folder / "reports"
    files.write_json(reports / "bleu.json", {run: scores(run, len(pairs), number) for number, run in enumerate(RUNS)})
    records.write(reports / "rescore" / "ensemble.json", rescored())
    records.write(reports / "scorecard.json", scorecards.scorecard())
    files.write_json(reports / "perplexity.json", {model: perplexities(n) for n, model in enumerate(MODELS)})
    files.write_json(reports / "length.json", {run: groups(number) for number, run in enumerate(RUNS)})
    ranks = {name: rank_groups(number) for number, name in enumerate([*RUNS, "ensemble (rescored)"])}
    files.write_json(reports / "rarity.json", ranks)
    records.write(reports / "neighbors.json", close_sentences(pairs))
    records.write(reports / "ablations.json", ablated.report())
    files.write_json(reports / "alignments.json", {"ensemble": [asdict(heat_map(pairs, translations["ensemble"]))]})
    records.write(
        reports / "embeddings.json", MeasuredProbes("reversed-1", 1, "h", [panel("word order"), panel("voice")])
    )
    write_data_reports(reports)
    for number, model in enumerate(MODELS):
        rows = [f"{n},{100 * n},0.001,{40 / n + number + 1.5},{30 / n + number + 1.25},{5 / n}" for n in range(1, 9)]
        files.write_text(folder / "curves" / f"{model}.csv", "\n".join([",".join(CURVE_COLUMNS), *rows, ""]))


RULES = [
    Rule("not_utf8", "a side is not UTF-8"),
    Rule("empty", "a side holds no text"),
    Rule("too_long", "a side has more than 80 tokens"),
    Rule("ratio", "a side has more than 9 times the tokens of the other"),
    Rule("duplicate", "the pair was kept before"),
]
LEDGER = {
    "demo": {"in": 30123, "out": 30000, "empty": 1, "too_long": 20, "ratio": 2, "duplicate": 100},
    "second": {"in": 2345, "out": 2300, "empty": 45},
}
EXAMPLES = {
    "empty": [Example("demo", 4711, "", "Il\u2028 y\u00ad a <b>rien</b>.")],
    "too_long": [Example("second", 1000 + n, "word " * 40, "mot" * 66) for n in range(3)],
    "not_nfc": [Example("demo", 815, " The  cat\x85", "Le chat e\u0301coute.")],
}


def write_data_reports(reports: Path) -> None:
    """Write the reports of the stages before training."""
    repairs = {"demo": {"not_nfc": 17, "control": 0}, "second": {"not_nfc": 3}}
    records.write(reports / "cleaning.json", Cleaning(RULES, LEDGER, repairs, EXAMPLES, {"train": 32300, "dev": 1000}))
    records.write(
        reports / "vocab" / "base.json",
        Vocabularies(
            "words",
            0,
            SideVocabulary(2003, 2345, 345678, 0.991234, 0.981234),
            SideVocabulary(3003, 3456, 456789, 0.987123, 0.976123),
        ),
    )
    records.write(reports / "encoding" / "base.json", encoding())
    files.write_json(reports / "difficulty.json", DIFFICULTY)


def encoding() -> Encoding:
    """Make a report on 32,300 encoded pairs, some of them longer than the histogram reaches."""
    source, target = [0] * (LONGEST + 1), [0] * (LONGEST + 1)
    source[9:12], source[60], source[-1] = (10000, 12000, 10000), 297, 3
    target[10:13], target[77], target[-1] = (11000, 10000, 11000), 295, 5
    return Encoding(
        {
            "train": EncodedSplit(32300, 345678, 456789, 3030, 5885),
            "dev": EncodedSplit(1000, 11234, 12345, 212, 295),
        },
        {"train": Lengths(source, target)},
        {"bucketed": {"source": 0.0213, "target": 0.0345}, "random": {"source": 0.4213, "target": 0.4345}},
    )


DIFFICULTY = {
    "source": {
        "tokens": 345678,
        "types": 2345,
        "mean_length": 11.523,
        "length_quantiles": {"0.5": 9, "0.99": 47, "1": 60},
    },
    "target": {
        "tokens": 456789,
        "types": 3456,
        "mean_length": 12.346,
        "length_quantiles": {"0.5": 10, "0.99": 51, "1": 67},
    },
    "test_share_with_new_4gram": 0.6543,
    "dictionary_bleu": 17.6543,
    "dictionary_bleu_signature": SIGNATURE.format("13a"),
}


def scores(run: str, sentences: int, number: int) -> dict[str, Any]:
    """Make an entry of bleu.json, all of whose scores differ."""
    values: dict[str, Any] = {**RUNS[run], "sentences": sentences}
    values |= {"brevity_penalty": 0.987654 + number / 1000, "length_ratio": 0.991234 + number / 1000}
    values |= {f"precision_{n}": 91.2345 - 9.3456 * n + number for n in range(1, 5)}
    for place, name in enumerate(("bleu", "bleu_tokenized", "chrf")):
        score = 61.2345 + 7 * place + 2 * number
        values |= {name: score, f"{name}_low": score - 1.5678, f"{name}_high": score + 1.6789}
        values[f"{name}_signature"] = SIGNATURE.format(("13a", "none", "chrF")[place])
    return values


def rescored() -> Rescored:
    """Make the report on rescoring the n-best lists of `single` by `ensemble`, all of whose scores differ."""
    choices = {}
    for place, name in enumerate(("first", "even", "tuned", "oracle")):
        values: dict[str, Any] = {"dev_bleu_tokenized": 40.5 + place}
        for kind, score in (("bleu", 41.2345 + 3 * place), ("bleu_tokenized", 42.3456 + 3 * place)):
            values |= {kind: score, f"{kind}_low": score - 1.5678, f"{kind}_high": score + 1.6789}
            values |= {f"{kind}_signature": SIGNATURE.format("13a"), f"{kind}_p_value": 0.0123 * place + score / 1e4}
        choices[name] = Choice(**values)
    members = [Member(Path("models/reversed/1"), 1, "a" * 64)]
    sizes = {split: ListSize(3, 19.5, 20) for split in ("dev", "test")}
    return Rescored(
        FirstPass("single", members, {}), "ensemble", members, sizes, choices, {"first_pass": 0.5, "lstm": 0.5}
    )


def perplexities(number: int) -> dict[str, dict[str, Any]]:
    """Make an entry of perplexity.json."""
    return {
        split: {
            "perplexity": 3.456789 + number + place / 10,
            "tokens": 12345 + place,
            "unknown_share": 0.0123 + place / 100,
        }
        for place, split in enumerate(("dev", "test"))
    }


def groups(number: int) -> list[dict[str, Any]]:
    """Make an entry of length.json."""
    return [
        {
            "bin": n,
            "shortest": 5 * n - 2,
            "longest": 5 * n + 1 + n % 3,
            "sentences": 125,
            "bleu": 72.4321 - 2 * n + 3 * number,
            "bleu_low": 68.1234 - 2 * n + 3 * number,
            "bleu_high": 76.9876 - 2 * n + 3 * number,
        }
        for n in range(1, 9)
    ]


def rank_groups(number: int) -> list[dict[str, Any]]:
    """Make an entry of rarity.json."""
    return [
        {
            "bin": n,
            "lowest": 123.4567 * n,
            "highest": 123.4567 * n + 98.7654,
            "sentences": 124,
            "bleu": 71.4321 - 3 * n + 2 * number,
            "bleu_low": 67.1234 - 3 * n + 2 * number,
            "bleu_high": 75.9876 - 3 * n + 2 * number,
        }
        for n in range(1, 9)
    ]


def close_sentences(pairs: Sequence[tuple[str, str]]) -> CloseSentences:
    """Make the neighbors report: the neighbor of each test sentence is the next, and the last has none."""
    sources = [source for source, _ in pairs]
    close = [*[[Neighbor(n, source, 0.8765 - n / 100)] for n, source in enumerate(sources)][1:], []]
    neighborhoods = [
        Neighborhood(n, source, 7 + n, neighbors)
        for n, (source, neighbors) in enumerate(zip(sources, close, strict=True))
    ]
    return CloseSentences("reversed-1", 1, "h", neighborhoods)


def heat_map(pairs: Sequence[tuple[str, str]], translations: Sequence[str]) -> HeatMap:
    """Make the heat map of the first test sentence, with each target token attending to two adjacent source tokens."""
    source, target = pairs[0][0].split(), [*translations[0].split(), "</s>"]
    attention = [[0.0] * len(source) for _ in target]
    for row, shares in enumerate(attention):
        shares[row % len(source)] += 0.7654
        shares[(row + 1) % len(source)] += 0.2346
    return HeatMap(0, source, target, attention)


def panel(name: str) -> MeasuredPanel:
    """Make a panel of embeddings.json."""
    sentences = ["the king sees the gardener .", "the gardener sees the king .", "the king is seen by the gardener ."]
    points = [("king", 2.5, 1.5), ("gardener", -2.25, 0.5), ("gardener", -1.75, -1.25)]
    embedded = [
        EmbeddedSentence(group, sentence, x, y) for sentence, (group, x, y) in zip(sentences, points, strict=True)
    ]
    numbers = Separation(2, 0.4321, 0.3333, 0.6667, 0.3456, 0.6543, 3, True, 0.8765, None)
    return MeasuredPanel(name, (0.6789, 0.2345), embedded, numbers)
