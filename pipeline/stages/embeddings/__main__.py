"""Stage `embeddings`: embed probe sentences that differ in word order or voice (the paper's Figure 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from pipeline.figures import embeddings
from pipeline.parameters.reading import read
from pipeline.parameters.sections import Clean
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.reports.embeddings import EmbeddedSentence, MeasuredPanel, MeasuredProbes, Panel
from pipeline.stages.embeddings import separation
from pipeline.tracking import run as tracking
from s2s.device import prepare
from s2s.errors import check, reading
from s2s.inference import vectors
from s2s.model import folder as model_folder
from s2s.model.folder import Description
from s2s.text import tokenizer
from s2s.text.vocabulary import Vocabulary

COLUMNS = ("panel", "group", "sentence")  # of a file of probes, separated by tabs
DECIMALS = 6  # of coordinates, about the precision of a float32 state


@dataclass(frozen=True)
class Probe:
    """A sentence to embed; sentences of a panel share a plane, and those of a group a color."""

    panel: str
    group: str
    sentence: str


def main(model: Path, out: Path, table: Path, figure: Path) -> None:
    """Embed the probe sentences, measure the separation of each panel, and project it onto its two main directions.

    The sentences are those of `embeddings.probes` in params.yaml.

    Args:
        model: folder of a model, from the train stage.
        out: JSON file to be written.
        table: CSV file of the same numbers to be written.
        figure: SVG file of the same numbers to be written; the same figure is written as PNG beside it.
    """
    parameters = read()
    settings, language = parameters.embeddings, parameters.download.source_language
    device = prepare("cpu", settings.threads)
    sentences = read_probes(Path(settings.probes), parameters.clean, language)
    source = Description.read(model).vocabulary(model, "source")
    with tracking.run() as tracked:
        ids = [source.encode(readable(probe.sentence, source, language)) for probe in sentences]
        network = model_folder.load(model, str(device))
        states = vectors.embed(network, ids, settings.layer, settings.state)
        how = separation.Settings(settings.permutations, settings.permutation_seed)
        panels = make_panels(sentences, states, language, how)
        name, layer = f"{settings.system}-{settings.seed}", settings.layer or network.architecture.layers
        records.write(out, MeasuredProbes(name, layer, settings.state, panels))
        records.write_csv(table, (row for panel in panels for row in rows_of(panel)))
        embeddings.embeddings.write(figure, panels)
        tracked.metrics({"panels": len(panels), "sentences": len(sentences)} | measures(panels))


def read_probes(path: Path, settings: Clean, language: str) -> list[Probe]:
    """Read a file of probe sentences, normalized like the training text.

    It has a line of titles and a line per sentence: panel, group and sentence, separated by tabs.

    Raises:
        UserError: the file is not such a table; the message names the line.
    """
    with reading(path, "probe sentences in UTF-8, see probes/demo.tsv"):
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    wanted = f"{', '.join(COLUMNS)}, separated by tabs"
    titles = tuple(lines[0].rstrip("\r").split("\t"))
    check(titles == COLUMNS, f"{path} line 1: found titles {', '.join(titles) or 'none'}; expected {wanted}")
    probes = []
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            fields = [
                tokenizer.normalize(field, language, settings.normalize_punctuation) for field in line.split("\t")
            ]
            check(
                len(fields) == len(COLUMNS) and all(fields),
                f"{path} line {number}: found {sum(map(bool, fields))} texts; expected {wanted}",
            )
            panel, group, sentence = fields
            probes.append(Probe(panel, group, sentence.lower() if settings.lowercase else sentence))
    return probes


def readable(sentence: str, vocabulary: Vocabulary, language: str) -> str:
    """Return a normalized sentence as the vocabulary reads it: as tokens or as plain text."""
    return tokenizer.tokenize(sentence, language) if vocabulary.reads_tokens else sentence


def make_panels(
    probes: Sequence[Probe], states: NDArray[np.float32], language: str, how: separation.Settings
) -> list[MeasuredPanel]:
    """Project and measure the states [N, H] of each panel separately, in the order of the file."""
    panels = []
    for name in dict.fromkeys(probe.panel for probe in probes):
        rows = [row for row, probe in enumerate(probes) if probe.panel == name]
        points, shares = project(states[rows])
        sentences = [
            EmbeddedSentence(probes[row].group, probes[row].sentence, float(x), float(y))
            for row, (x, y) in zip(rows, points.round(DECIMALS) + 0.0, strict=True)  # + 0.0 makes -0.0 plain
        ]
        first, second = shares.round(DECIMALS).tolist()
        bags = [separation.bag(tokenizer.tokenize(sentence.sentence, language)) for sentence in sentences]
        measured = separation.measure(states[rows], [sentence.group for sentence in sentences], bags, how)
        panels.append(MeasuredPanel(name, (first, second), sentences, measured))
    return panels


def project(states: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the first two principal components of states [N, H].

    The sign of a component is arbitrary; here its largest loading is positive, so that figures can be compared.

    Returns:
        Coordinates [N, 2], and the components' shares of the variance [2]. Components that the states lack are zero.
    """
    points, shares = np.zeros((len(states), 2)), np.zeros(2)
    exact = states.astype(np.float64)
    if np.ptp(exact, axis=0).any():
        components = min(2, *exact.shape)
        pca = PCA(components, svd_solver="full").fit(exact)
        loadings = pca.components_[np.arange(components), np.abs(pca.components_).argmax(axis=1)]
        points[:, :components] = pca.transform(exact) * np.sign(loadings)
        shares[:components] = pca.explained_variance_ratio_
    return points, shares


def measures(panels: Sequence[MeasuredPanel]) -> dict[str, float]:
    """Return the metrics of each panel; names have the panel's number, since MLflow allows few signs of its title."""
    metrics = {}
    for number, panel in enumerate(panels, 1):
        for name in ("silhouette", "accuracy", "spread", "reordered"):
            if (value := getattr(panel.separation, name)) is not None:
                metrics[f"panel_{number}.{name}"] = value
    return metrics


def rows_of(panel: Panel) -> list[dict[str, Any]]:
    """Return the sentences of a panel as rows of the table."""
    return [{"panel": panel.panel} | vars(sentence) for sentence in panel.sentences]


if __name__ == "__main__":
    program.program(main)
