"""A miniature project in a temporary folder: parameters and files as earlier stages leave them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline import schemas
from s2s import text

ROOT = Path(__file__).parent.parent


def write_parameters(folder: Path, **sections: Any) -> None:
    """Writes params.yaml: the demo preset with some values changed, by section."""
    values = yaml.safe_load((ROOT / "presets" / "demo.yaml").read_text(encoding="utf-8"))
    values["embeddings"]["probes"] = str(ROOT / "probes" / "demo.tsv")
    for section, changes in sections.items():
        replaced = section in ("systems", "models", "runs")
        values[section] = changes if replaced else values[section] | changes
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def write_test_set(folder: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Writes test.parquet from plain English and French sentences."""
    folder.mkdir(parents=True, exist_ok=True)
    with schemas.PairWriter(folder / "test.parquet") as writer:
        writer.write([(en, fr, text.tokenize(en, "en"), text.tokenize(fr, "fr")) for en, fr in pairs])


def write_run(folder: Path, run: str, translations: Sequence[str]) -> None:
    """Writes the translations of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [schemas.Translation(one, text.tokenize(one, "fr"), -1.0, 0) for one in translations]
    schemas.write_translations(folder / f"{run}.jsonl", rows)
