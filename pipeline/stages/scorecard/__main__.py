"""Stage `scorecard`: compare each table cell and claim of the paper with our results, and decide whether it holds."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.reports.scorecard import VERDICTS, Entry, Scorecard
from pipeline.stages.scorecard import claims
from pipeline.stages.scorecard.evidence import Evidence
from pipeline.stages.scorecard.judges import (
    judge_bleu,
    judge_cell,
    judge_length,
    judge_perplexities,
    judge_share,
    judge_states,
)
from pipeline.stages.scorecard.verdicts import ALPHA
from pipeline.tracking import run as tracking
from s2s.evaluation.contrast import FEWEST


def main(reports: Path, translations: Path, rescored: Path, clean: Path, out: Path, table: Path) -> None:
    """Write the paper's numbers, ours and a verdict for each cell and each claim.

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
        records.write_csv(table, map(row, entries))
        verdicts = [entry.verdict for entry in entries if entry.kind == "claim"]
        tracked.metrics({f"claims.{verdict.replace(' ', '_')}": verdicts.count(verdict) for verdict in VERDICTS})


def row(entry: Entry) -> dict[str, Any]:
    """Return an entry as a row of the table; the values of a list are joined by semicolons."""
    return {
        name: "; ".join(map(str, value)) if isinstance(value, list) else value for name, value in asdict(entry).items()
    }


def judged(evidence: Evidence) -> Iterator[Entry]:
    """Yield all entries, those of the paper's tables first, then those of its text."""
    yield from (judge_cell(cell, evidence) for cell in claims.CELLS)
    yield judge_perplexities(claims.REVERSAL, evidence)
    yield judge_bleu(claims.CLAIMS[0], evidence)
    yield from (judge_perplexities(claim, evidence) for claim in claims.LAYERS)
    yield judge_share(claims.LAYER_SHARE, evidence)
    yield from (judge_bleu(claim, evidence) for claim in claims.CLAIMS[1:])
    yield from (judge_length(claim, evidence) for claim in claims.LENGTHS)
    yield from judge_states(evidence.reports)


if __name__ == "__main__":
    program.program(main)
