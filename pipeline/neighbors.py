"""Finds the test sentences that a model's encoder puts closest to some of them."""

from pathlib import Path

from pipeline import samples, stage, tracking
from pipeline.close_sentences import CloseSentences, Neighbor, Neighborhood
from pipeline.parameters import read
from pipeline.schemas import records
from pipeline.schemas.pairs import read_column
from s2s import model as models
from s2s import vectors, vocabulary
from s2s.device import prepare


def main(model: Path, clean: Path, out: Path) -> None:
    """Writes the neighbors of some test sentences.

    Args:
        model: folder of a model, from the train stage.
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
    """
    parameters = read()
    shown, settings = parameters.embeddings, parameters.neighbors
    device = prepare("cpu", shown.threads)
    known = vocabulary.load(model, "source")
    with tracking.run() as tracked:
        columns = ("source", "source_tokens")
        sources, tokens = (read_column(clean / "test.parquet", column) for column in columns)
        network = models.load(model, str(device))
        ids = [known.encode(line) for line in (tokens if known.reads_tokens else sources)]
        states = vectors.embed(network, ids, shown.layer, shown.state)
        lengths = [len(line.split()) for line in tokens]
        various, longest = samples.choose(lengths, settings.sentences)
        rows = [*various, *reversed(longest)]
        found = [
            Neighborhood(
                row, sources[row], lengths[row], [Neighbor(one, sources[one], cosine) for one, cosine in close]
            )
            for row, close in zip(rows, vectors.nearest(states, rows, settings.nearest, sources), strict=True)
        ]
        name, layer = f"{shown.system}-{shown.seed}", shown.layer or network.architecture.layers
        records.write(out, CloseSentences(name, layer, shown.state, found))
        tracked.metrics({"sentences": len(found)})


if __name__ == "__main__":
    stage.program(main)
