"""The stage `alignments`: where the models of each run look while they translate some test sentences."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from pipeline import heat_figure, samples, stage, tracking
from pipeline.decoding import load_translator, read_sources, search_settings
from pipeline.heat_map import HeatMap
from pipeline.parameters import Parameters, read
from pipeline.schemas import records
from pipeline.schemas.pairs import read_column, text_column
from pipeline.schemas.translated import Members
from s2s import files
from s2s.alignments import alignments, attends
from s2s.description import Description
from s2s.device import prepare
from s2s.search import beam_search
from s2s.vocabulary import EOS, SPECIAL, Vocabulary

SENTENCES = 4  # of each run
MOST_TOKENS = 20  # of their sources: what a phone shows
DECIMALS = 4  # of shares


def main(members: Path, clean: Path, out: Path, figure: Path) -> None:
    """Translates some test sentences with the runs whose models attend, and writes where these looked.

    Args:
        members: folder of what the runs translate with, from the members stages.
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
        figure: SVG file of the same numbers to be written, and with the suffix .png the same as PNG.
    """
    parameters = read()
    device = prepare("cpu", parameters.translate.threads)
    with tracking.run() as tracked:
        found = {}
        for run in parameters.runs:
            named = records.read(Members, members / f"{run}.json")
            if any(attends(Description.read(model.path).architecture) for model in named.members):
                found[run] = look(parameters, named, clean, device)
        files.write_json(out, {run: [asdict(one) for one in maps] for run, maps in found.items()})
        heat_figure.sheet.write(figure, found)
        tracked.metrics({"runs": len(found), "sentences": sum(map(len, found.values()))})


def choose(lengths: Sequence[int]) -> list[int]:
    """Chooses test sentences: some of every length up to `MOST_TOKENS`, the shortest first."""
    short = [row for row, length in enumerate(lengths) if 1 <= length <= MOST_TOKENS]
    various, longest = samples.choose([lengths[row] for row in short], SENTENCES + samples.LONGEST)
    return [short[place] for place in (*various, *reversed(longest))][:SENTENCES]


def readable(clean: Path, known: Vocabulary, sources: Sequence[Sequence[int]], rows: Sequence[int]) -> list[list[str]]:
    """The tokens of some test sentences as the text has them: words also where a model reads <unk>."""
    if not known.reads_tokens:
        return [known.tokens(sources[row]) for row in rows]
    lines = read_column(clean / "test.parquet", text_column("source", tokens=True))
    return [lines[row].split() for row in rows]


def look(parameters: Parameters, run: Members, clean: Path, device: torch.device) -> list[HeatMap]:
    """Where the models of a run look while they translate some test sentences, the end of each, </s>, included."""
    loaded = load_translator(run, device)
    models, source, target = loaded.models, loaded.source, loaded.target
    sources = read_sources(clean, "test", source)
    rows = choose([len(source) for source in sources])
    chosen = [sources[row] for row in rows]
    settings = search_settings(parameters.run(run.run), run.beam)
    said = [best.ids for best, *_ in beam_search(models, chosen, settings)]
    tokens = [[*target.tokens(ids), SPECIAL[EOS]] for ids in said]
    shares = [one.astype(float).round(DECIMALS).tolist() for one in alignments(models, chosen, said)]
    return [HeatMap(*one) for one in zip(rows, readable(clean, source, sources, rows), tokens, shares, strict=True)]


if __name__ == "__main__":
    stage.program(main)
