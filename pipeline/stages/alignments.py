"""Stage `alignments`: write attention maps of each run's models for some test sentences."""

from collections.abc import Sequence
from pathlib import Path

import torch

from pipeline.decoding import load_translator, read_sources, search_settings
from pipeline.figures import attention
from pipeline.parameters.parameters import Parameters
from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import read_column, text_column
from pipeline.schemas.data.translated import Members
from pipeline.schemas.reports.alignments import HeatMap
from pipeline.tracking import run as tracking
from s2s.device import prepare
from s2s.evaluation import samples
from s2s.inference.attention_maps import alignments, attends
from s2s.inference.search import beam_search
from s2s.model.folder import Description
from s2s.text.vocabulary import EOS, SPECIAL, Vocabulary

SENTENCES = 4  # of each run
MOST_TOKENS = 20  # of a source sentence, as many as a phone shows
DECIMALS = 4  # of shares


def main(members: Path, clean: Path, out: Path, figure: Path) -> None:
    """Translate some test sentences with the runs whose models have attention, and write their attention maps.

    Args:
        members: folder of what the runs translate with, from the members stages.
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
        figure: SVG file of the same numbers to be written; the same figure is written as PNG beside it.
    """
    parameters = read()
    device = prepare("cpu", parameters.translate.threads)
    with tracking.run() as tracked:
        maps = {}
        for run in parameters.runs:
            named = records.read(Members, members / f"{run}.json")
            if any(attends(Description.read(model.path).architecture) for model in named.members):
                maps[run] = look(parameters, named, clean, device)
        records.write(out, maps)
        attention.sheet.write(figure, maps)
        tracked.metrics({"runs": len(maps), "sentences": sum(map(len, maps.values()))})


def choose(lengths: Sequence[int]) -> list[int]:
    """Choose test sentences of various lengths up to `MOST_TOKENS`, the shortest first."""
    short = [row for row, length in enumerate(lengths) if 1 <= length <= MOST_TOKENS]
    various, longest = samples.choose([lengths[row] for row in short], SENTENCES + samples.LONGEST)
    return [short[position] for position in (*various, *reversed(longest))][:SENTENCES]


def readable(
    clean: Path, vocabulary: Vocabulary, sources: Sequence[Sequence[int]], rows: Sequence[int]
) -> list[list[str]]:
    """Return the tokens of some test sentences; words that a model reads as <unk> are kept as they are."""
    if not vocabulary.reads_tokens:
        return [vocabulary.tokens(sources[row]) for row in rows]
    lines = read_column(clean / "test.parquet", text_column("source", tokens=True))
    return [lines[row].split() for row in rows]


def look(parameters: Parameters, run: Members, clean: Path, device: torch.device) -> list[HeatMap]:
    """Translate some test sentences with the models of a run and return the attention maps, with a row for </s>."""
    loaded = load_translator(run, device)
    models, source, target = loaded.models, loaded.source, loaded.target
    sources = read_sources(clean, "test", source)
    rows = choose([len(source) for source in sources])
    chosen = [sources[row] for row in rows]
    settings = search_settings(parameters.run(run.run), run.beam)
    hypotheses = [best.ids for best, *_ in beam_search(models, chosen, settings)]
    tokens = [[*target.tokens(ids), SPECIAL[EOS]] for ids in hypotheses]
    shares = [weights.astype(float).round(DECIMALS).tolist() for weights in alignments(models, chosen, hypotheses)]
    texts = readable(clean, source, sources, rows)
    return [HeatMap(*content) for content in zip(rows, texts, tokens, shares, strict=True)]


if __name__ == "__main__":
    program.program(main)
