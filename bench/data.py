"""Measures what it costs to prepare text of WMT'14's shape, beside the customary way, and prints JSON.

    python -m bench.data --pairs 100000 --workers 2

Archives are generated and served by this machine; the stages are those of the pipeline, each a program of its own.
"""

import json
import platform
import sys
import tempfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from bench import registry, wmt
from bench.footprint import Footprint, run
from bench.serve import serving
from pipeline.schemas import records
from pipeline.schemas.cleaned import Cleaning
from pipeline.schemas.measured_text import Encoding
from pipeline.workers import WORKERS, cores

ROOT = Path(__file__).parent.parent
STAGES = {
    "download": "--out data/raw --listed sources.yaml",
    "clean": "--raw data/raw --out data/clean --report reports/cleaning.json --table reports/cleaning.csv",
    "vocab": "--vocabulary base --clean data/clean --out data/vocab --report reports/vocab.json",
    "encode": "--clean data/clean --vocab data/vocab --out data/encoded --report reports/encoding.json",
}
TIMED = ("clean", "vocab", "encode")
PRESET = "wmt14"
VOCABULARY = {"kind": "words", "source_size": 160_000, "target_size": 80_000}  # the paper's, section 3.1
SAMPLE = 100_000  # pairs that the customary way is given, at most
LIBRARIES = ("numpy", "pyarrow", "pydantic", "sacremoses")


def main(
    pairs: Annotated[int, typer.Option(help="of training text, all corpora together")] = 100_000,
    workers: Annotated[int, typer.Option(help="processes of each stage")] = 2,
    folder: Annotated[Path, typer.Option(help="keeps the archives, and holds the work while it lasts")] = Path(
        "work/bench"
    ),
    seed: int = 1,
    customary: Annotated[bool, typer.Option(help="measure the customary way too, on 100,000 pairs at most")] = True,
) -> None:
    """Runs download, clean, vocab and encode on generated archives; prints what they took and what they found."""
    made = wmt.generate(folder, pairs, seed, workers)
    with tempfile.TemporaryDirectory(prefix="run-", dir=folder) as scratch:
        print(json.dumps(measured(made, Path(scratch), pairs, workers, customary), indent=2))


def measured(made: Path, project: Path, pairs: int, workers: int, customary: bool) -> dict[str, Any]:
    """Runs everything in an empty project folder."""
    expected = json.loads((made / wmt.EXPECTED).read_text(encoding="utf-8"))
    write_parameters(project / "params.yaml")
    with serving(made) as url:
        sizes = {name: one["pairs"] for name, one in expected["corpora"].items()}
        registry.write_sources(project / "sources.yaml", url, expected["files"], sizes)
        stages = {"download": stage("download", project, workers)}
    stages |= {name: stage(name, project, workers) for name in TIMED}
    rate = pairs / sum(stages[name].seconds for name in TIMED) / min(workers, cores())
    return {
        "pairs": pairs,
        "workers": workers,
        "pairs_per_second_per_core": round(rate),
        "pairs_per_cpu_second": round(pairs / sum(stages[name].cpu_seconds for name in TIMED)),
        "peak_memory_mb": round(max(one.peak_memory_mb for one in stages.values())),
        "seconds": {name: round(one.seconds, 2) for name, one in stages.items()},
        **(compared(project, pairs, workers, rate) if customary else {}),
        "stages": {name: {key: round(value, 2) for key, value in asdict(one).items()} for name, one in stages.items()},
        "disk_mb": {"archives": megabytes(made)}
        | {path.name: megabytes(path) for path in (project / "data").iterdir()},
        **findings(project, expected["corpora"]),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    }


def write_parameters(path: Path) -> None:
    """Writes the parameters of WMT'14 with the vocabularies of the paper."""
    values = yaml.safe_load((ROOT / "presets" / f"{PRESET}.yaml").read_text(encoding="utf-8"))
    values["vocab"] |= VOCABULARY
    values["embeddings"]["probes"] = str(ROOT / values["embeddings"]["probes"])
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def stage(name: str, project: Path, workers: int) -> Footprint:
    """Runs a stage of the pipeline."""
    return program(f"pipeline.{name} {STAGES[name]}", project, workers)


def program(line: str, project: Path, workers: int) -> Footprint:
    """Runs one of our programs in a project's folder, unrecorded."""
    environment = {"PYTHONPATH": str(ROOT), WORKERS: str(workers), "S2S_TRACKING": "off", "S2S_MIRRORS": ""}
    return run([sys.executable, "-m", *line.split()], project, environment)


def compared(project: Path, pairs: int, workers: int, rate: float) -> dict[str, Any]:
    """What the customary way takes for the same text, or for the first part of each corpus."""
    share = min(1.0, SAMPLE / pairs)
    took = program(
        f"bench.customary --raw data/raw --out customary --workers {workers} --share {share}", project, workers
    )
    customary = pairs * share / took.seconds / min(workers, cores())
    return {
        "times_the_customary_way": round(rate / customary, 2),
        "customary": {
            "pairs": round(pairs * share),
            "pairs_per_second_per_core": round(customary),
            "pairs_per_cpu_second": round(pairs * share / took.cpu_seconds),
            "peak_memory_mb": round(took.peak_memory_mb),
            "seconds": round(took.seconds, 2),
        },
    }


def findings(project: Path, expected: dict[str, Any]) -> dict[str, Any]:
    """The ledger and the repairs, each beside what the archives were given, by corpus; and how long sentences are."""
    cleaning = records.read(Cleaning, project / "reports" / "cleaning.json")
    train = records.read(Encoding, project / "reports" / "encoding.json").splits["train"]
    planted = {name: {key: expected[name][key] for key in ("pairs", "dropped", "repaired")} for name in cleaning.ledger}
    return {
        "tokens_a_pair": [round(tokens / train.pairs, 1) for tokens in (train.source_tokens, train.target_tokens)],
        "ledger": cleaning.ledger,
        "repairs": cleaning.repairs,
        "planted": planted,
    }


def megabytes(folder: Path) -> float:
    """What the files of a folder take."""
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6, 1)


if __name__ == "__main__":
    typer.run(main)
