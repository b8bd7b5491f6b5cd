"""Scores every system on short and on long sentences: the left half of the paper's Figure 3."""

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from pipeline import group_figure, scored_groups, stage, systems, tracking
from pipeline.group import Group
from pipeline.parameters import read
from pipeline.schemas.pairs import read_column
from pipeline.schemas.scored import LengthGroup
from pipeline.scored_groups import Grouping
from s2s import files


def main(translations: Path, rescored: Path, others: Path, clean: Path, out: Path, table: Path, figure: Path) -> None:
    """Writes the BLEU of each system over groups of test sentences, from the shortest to the longest.

    Args:
        translations: folder of translations, from the translate stages.
        rescored: folder of rescored lists, from the rescore stages.
        others: folder of a person's own translations of the test set.
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
        table: CSV file of the same numbers to be written.
        figure: SVG file of the same numbers to be written, and with the suffix .png the same as PNG.
    """
    parameters = read()
    settings = parameters.length
    how = Grouping(settings.bins, settings.bootstrap_samples, settings.bootstrap_seed)
    lengths = [len(tokens.split()) for tokens in read_column(clean / "test.parquet", "source_tokens")]
    references = read_column(clean / "test.parquet", "target")
    with tracking.run() as tracked:
        known = systems.read_all(parameters, translations, rescored, others, len(references))
        scored = {name: scored_groups.score(one, references, lengths, how) for name, one in known.items()}
        found = {name: list(map(of_lengths, groups)) for name, groups in scored.items()}
        for run in parameters.runs:
            for group in found[run]:
                tracked.metrics({f"bleu_by_length.{run}": group.bleu}, step=group.bin)
        files.write_json(out, {name: [asdict(group) for group in groups] for name, groups in found.items()})
        frame = pd.DataFrame([{"system": name} | asdict(group) for name, groups in found.items() for group in groups])
        files.write_text(table, frame.to_csv(index=False, lineterminator="\n"))
        group_figure.lengths.write(figure, found)


def of_lengths(one: Group) -> LengthGroup:
    """A group whose bounds are lengths."""
    shortest, longest = int(one.lowest), int(one.highest)
    return LengthGroup(one.bin, shortest, longest, one.sentences, one.bleu, one.bleu_low, one.bleu_high)


if __name__ == "__main__":
    stage.program(main)
