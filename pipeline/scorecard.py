"""Holds each table and claim of the paper against what was measured, and says which are decided and how surely."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import claims, stage, tracking
from pipeline.deciding import ALPHA, FEWEST
from pipeline.evidence import Evidence
from pipeline.judges import judge_bleu, judge_cell, judge_length, judge_perplexities, judge_share
from pipeline.parameters import read
from pipeline.schemas import records
from pipeline.scorecard_schema import VERDICTS, Entry, Scorecard
from pipeline.state_judge import judge_states
from s2s import files


def main(reports: Path, translations: Path, rescored: Path, clean: Path, out: Path, table: Path) -> None:
    """Writes the paper's side, ours and a verdict for each cell and each claim.

    Args:
        reports: folder of the JSON files of the stages that measure.
        translations: folder of translations, from the translate stages.
        rescored: folder of rescored lists, from the rescore stages.
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
        table: CSV file of the same entries to be written.
    """
    parameters = read()
    with tracking.run() as tracked:
        entries = list(judged(Evidence(parameters, reports, translations, rescored, clean)))
        records.write(out, Scorecard(entries, ALPHA, FEWEST, parameters.bleu.bootstrap_samples))
        files.write_text(table, pd.DataFrame(map(row, entries)).to_csv(index=False, lineterminator="\n"))
        found = [one.verdict for one in entries if one.kind == "claim"]
        tracked.metrics({f"claims.{verdict.replace(' ', '_')}": found.count(verdict) for verdict in VERDICTS})


def row(one: Entry) -> dict[str, Any]:
    """An entry as a line of the table: several values of a cell stand behind each other."""
    return {name: "; ".join(map(str, of)) if isinstance(of, list) else of for name, of in asdict(one).items()}


def judged(evidence: Evidence) -> Iterator[Entry]:
    """All entries, in the order of the paper's tables and then of its text."""
    yield from (judge_cell(cell, evidence) for cell in claims.CELLS)
    yield judge_perplexities(claims.REVERSAL, evidence)
    yield judge_bleu(claims.CLAIMS[0], evidence)
    yield from (judge_perplexities(claim, evidence) for claim in claims.LAYERS)
    yield judge_share(claims.LAYER_SHARE, evidence)
    yield from (judge_bleu(claim, evidence) for claim in claims.CLAIMS[1:])
    yield from (judge_length(claim, evidence) for claim in claims.LENGTHS)
    yield from judge_states(evidence.reports)


if __name__ == "__main__":
    stage.program(main)
