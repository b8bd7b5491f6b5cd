"""Measure the preparation of text like WMT'14's, against a plain program with sacremoses, and print JSON.

    python -m bench.data --pairs 100000 --workers 2
    python -m bench.data --pairs 2000 --no-customary

This machine generates and serves the archives. The stages are those of the pipeline, each in its own process.
"""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from bench import registry, report, wmt
from bench.footprint import Footprint
from bench.project import STAGES, link_inputs, run_module, write_preset
from bench.serve import serving
from pipeline.schemas.data import records
from pipeline.schemas.reports.text import Cleaning, Encoding
from pipeline.workers import cores

TIMED = ("clean", "vocab", "encode")
PRESET = "wmt14"
VOCABULARY = {"kind": "words", "source_size": 160_000, "target_size": 80_000}  # the paper's, section 3.1
SAMPLE = 100_000  # most pairs that the plain program processes


def main(
    pairs: Annotated[int, typer.Option(help="training pairs of all corpora together")] = 100_000,
    workers: Annotated[int, typer.Option(help="processes of each stage")] = 2,
    folder: Annotated[Path, typer.Option(help="folder that keeps the archives, and temporary files")] = Path(
        "work/bench"
    ),
    seed: Annotated[int, typer.Option(help="seed of the generated text")] = 1,
    customary: Annotated[bool, typer.Option(help="run the plain program too, on 100,000 pairs at most")] = True,
) -> None:
    """Measure time and memory of download, clean, vocab and encode on generated archives."""
    made = wmt.generate(folder, pairs, seed, workers)
    with tempfile.TemporaryDirectory(prefix="run-", dir=folder) as scratch:
        report.show("preparation of text", measured(made, Path(scratch), pairs, workers, customary))


def measured(made: Path, project: Path, pairs: int, workers: int, customary: bool) -> dict[str, Any]:
    """Run all stages in an empty project folder, and return the figures."""
    expected = json.loads((made / wmt.EXPECTED).read_text(encoding="utf-8"))
    write_parameters(project)
    with serving(made) as url:
        sizes = {name: corpus["pairs"] for name, corpus in expected["corpora"].items()}
        registry.write_sources(project / "sources.yaml", url, expected["files"], sizes)
        line = f"{STAGES['download']} --listed sources.yaml"
        stages = {"download": run_module(line, project, workers, mirrors="")}
    stages |= {name: run_module(STAGES[name], project, workers) for name in TIMED}
    rate = pairs / sum(stages[name].seconds for name in TIMED) / min(workers, cores())
    return {
        "pairs": pairs,
        "workers": workers,
        "pairs_per_second_per_core": round(rate),
        "pairs_per_cpu_second": round(pairs / sum(stages[name].cpu_seconds for name in TIMED)),
        "peak_memory_mb": round(max(cost.peak_memory_mb for cost in stages.values())),
        "seconds": {name: round(cost.seconds, 2) for name, cost in stages.items()},
        **(compared(project, pairs, workers, rate) if customary else {}),
        "stages": {name: rounded(cost) for name, cost in stages.items()},
        "disk_mb": {"archives": megabytes(made)}
        | {path.name: megabytes(path) for path in (project / "data").iterdir()},
        **findings(project, expected["corpora"]),
    }


def write_parameters(project: Path) -> None:
    """Write the parameters of WMT'14 with the vocabularies of the paper into a project folder."""
    link_inputs(project)
    write_preset(PRESET, project)
    path = project / "params.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    values["vocab"] |= VOCABULARY

    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def rounded(cost: Footprint) -> dict[str, float]:
    """Return the cost of a program, rounded to hundredths."""
    return {name: round(value, 2) for name, value in asdict(cost).items()}


def compared(project: Path, pairs: int, workers: int, rate: float) -> dict[str, Any]:
    """Run the plain program on the same text, or on the first part of each corpus, and return its figures.

    Args:
        project: folder with the raw text.
        pairs: pairs of the raw text.
        workers: processes.
        rate: pairs per second and core of the pipeline.
    """
    share = min(1.0, SAMPLE / pairs)
    line = f"bench.customary --raw data/raw --out customary --workers {workers} --share {share}"
    cost = run_module(line, project, workers)
    customary = pairs * share / cost.seconds / min(workers, cores())
    return {
        "times_the_customary_way": round(rate / customary, 2),
        "customary": {
            "pairs": round(pairs * share),
            "pairs_per_second_per_core": round(customary),
            "pairs_per_cpu_second": round(pairs * share / cost.cpu_seconds),
            "peak_memory_mb": round(cost.peak_memory_mb),
            "seconds": round(cost.seconds, 2),
        },
    }


def findings(project: Path, expected: dict[str, Any]) -> dict[str, Any]:
    """Return mean lengths, and the ledger and repairs of each corpus with the defects that were planted."""
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
    """Return the size of all files in a folder in MB."""
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6, 1)


if __name__ == "__main__":
    typer.run(main)
