"""Stage `neighbors`: find the test sentences whose encoder states are most similar to those of some of them."""

from pathlib import Path

from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import read_column
from pipeline.schemas.reports.neighbors import CloseSentences, Neighbor, Neighborhood
from pipeline.tracking import run as tracking
from s2s.device import prepare
from s2s.evaluation import samples
from s2s.inference import vectors
from s2s.model import folder as model_folder
from s2s.model.folder import Description


def main(model: Path, clean: Path, out: Path) -> None:
    """Write the nearest neighbors of some test sentences.

    Args:
        model: folder of a model, from the train stage.
        clean: folder of clean text, from the clean stage.
        out: JSON file to be written.
    """
    parameters = read()
    shown, settings = parameters.embeddings, parameters.neighbors
    device = prepare("cpu", shown.threads)
    source = Description.read(model).vocabulary(model, "source")
    with tracking.run() as tracked:
        columns = ("source", "source_tokens")
        sources, tokens = (read_column(clean / "test.parquet", column) for column in columns)
        network = model_folder.load(model, str(device))
        ids = [source.encode(line) for line in (tokens if source.reads_tokens else sources)]
        states = vectors.embed(network, ids, shown.layer, shown.state)
        lengths = [len(line.split()) for line in tokens]
        various, longest = samples.choose(lengths, settings.sentences)
        rows = [*various, *reversed(longest)]
        neighborhoods = [
            Neighborhood(
                row, sources[row], lengths[row], [Neighbor(near, sources[near], cosine) for near, cosine in close]
            )
            for row, close in zip(rows, vectors.nearest(states, rows, settings.nearest, sources), strict=True)
        ]
        name, layer = f"{shown.system}-{shown.seed}", shown.layer or network.architecture.layers
        records.write(out, CloseSentences(name, layer, shown.state, neighborhoods))
        tracked.metrics({"sentences": len(neighborhoods)})


if __name__ == "__main__":
    program.program(main)
