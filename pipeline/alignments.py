"""The stage `alignments`: where the models of each run look while they translate some test sentences."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from pipeline import heat_figure, samples, stage, tracking
from pipeline.decoding import load_members, read_sources, search_settings
from pipeline.heat_map import HeatMap
from pipeline.parameters import Parameters, read
from pipeline.schemas.pairs import read_column, text_column
from pipeline.schemas.translated import Member, read_members
from s2s import files, vocabulary
from s2s.alignments import alignments, attends
from s2s.data import SIDES
from s2s.description import Description
from s2s.device import prepare
from s2s.search import beam_search
from s2s.vocabulary import EOS, SPECIAL, Vocabulary

SENTENCES = 4  # of each run
MOST_TOKENS = 20  # of their sources: what a phone shows
DECIMALS = 4  # of shares


def main(members: Path, clean: Path, vocab: Path, out: Path, figure: Path) -> None:
    """Translates some test sentences with the runs whose models attend, and writes where these looked.

    Args:
        members: folder of which models the runs have, from the members stages.
        clean: folder of clean text, from the clean stage.
        vocab: folder of vocabularies, from the vocab stage.
        out: JSON file to be written.
        figure: SVG file of the same numbers to be written, and with the suffix .png the same as PNG.
    """
    parameters = read()
    known = {side: vocabulary.load(vocab, side) for side in SIDES}
    sources = read_sources(clean, "test", known["source"])
    device = prepare("cpu", parameters.translate.threads)
    with tracking.run() as tracked:
        rows = choose([len(source) for source in sources])
        words = readable(clean, known["source"], sources, rows)
        found = {}
        for run in parameters.runs:
            models = read_members(members / f"{run}.json")
            if any(attends(Description.read(model.path).architecture) for model in models):
                looks = look(parameters, run, models, known, [sources[row] for row in rows], device)
                found[run] = [HeatMap(*one) for one in zip(rows, words, *looks, strict=True)]
        files.write_json(out, {run: [asdict(one) for one in maps] for run, maps in found.items()})
        heat_figure.sheet.write(figure, found)
        tracked.metrics({"runs": len(found), "sentences": len(rows)})


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


def look(
    parameters: Parameters,
    run: str,
    members: Sequence[Member],
    known: dict[str, Vocabulary],
    sources: Sequence[Sequence[int]],
    device: torch.device,
) -> tuple[list[list[str]], list[list[list[float]]]]:
    """What the models of a run say of each source, </s> the last, and the shares of their attention meanwhile."""
    models = load_members(members, known, device)
    settings = search_settings(parameters.run(run), parameters.runs[run].beam)
    said = [best.ids for best, *_ in beam_search(models, sources, settings)]
    tokens = [[*known["target"].tokens(ids), SPECIAL[EOS]] for ids in said]
    shares = alignments(models, sources, said)
    return tokens, [one.astype(float).round(DECIMALS).tolist() for one in shares]


if __name__ == "__main__":
    stage.program(main)
