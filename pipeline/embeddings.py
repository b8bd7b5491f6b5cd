"""Shows where a model's encoder puts sentences that differ in word order or voice: the paper's Figure 2."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from pipeline import figures, separation, stage, tracking
from pipeline.parameters import Clean, read
from pipeline.probes import MeasuredPanel, MeasuredProbes
from pipeline.schemas import records
from pipeline.schemas.embedded import EmbeddedSentence, Panel
from s2s import files, text, vectors, vocabulary
from s2s import model as models
from s2s.device import prepare
from s2s.errors import UserError, check
from s2s.vocabulary import Vocabulary

COLUMNS = ("panel", "group", "sentence")  # of a file of probes, separated by tabs
DECIMALS = 6  # of coordinates: what a float32 state holds


@dataclass(frozen=True)
class Probe:
    """A sentence to be embedded: with whom it shares a plane, and with whom a color."""

    panel: str
    group: str
    sentence: str


def main(model: Path, probes: Path, out: Path, table: Path, figure: Path) -> None:
    """Embeds the probe sentences, measures each panel of them and projects it onto its two main directions.

    Args:
        model: folder of a model, from the train stage.
        probes: file of sentences, one a line below a line of titles: panel, group and sentence, separated by tabs.
        out: JSON file to be written.
        table: CSV file of the same numbers to be written.
        figure: SVG file of the same numbers to be written, and with the suffix .png the same as PNG.
    """
    parameters = read()
    settings, language = parameters.embeddings, parameters.download.source_language
    device = prepare("cpu", settings.threads)
    sentences = read_probes(probes, parameters.clean, language)
    known = vocabulary.load(model, "source")
    with tracking.run() as tracked:
        ids = [known.encode(readable(one.sentence, known, language)) for one in sentences]
        network = models.load(model, str(device))
        states = vectors.embed(network, ids, settings.layer, settings.state)
        how = separation.Settings(settings.permutations, settings.permutation_seed)
        panels = make_panels(sentences, states, language, how)
        name, layer = f"{settings.system}-{settings.seed}", settings.layer or network.architecture.layers
        records.write(out, MeasuredProbes(name, layer, settings.state, panels))
        files.write_text(table, table_of(panels).to_csv(index=False, lineterminator="\n"))
        figures.embeddings.write(figure, panels)
        tracked.metrics({"panels": len(panels), "sentences": len(sentences)} | measures(panels))


def read_probes(path: Path, settings: Clean, language: str) -> list[Probe]:
    """Reads the probe sentences, normalized as the training text was.

    Raises:
        UserError: the file is not such a table; names the line.
    """
    try:
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected probe sentences, see probes/demo.tsv") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: found byte {error.object[error.start]:#04x} at {error.start}; expected UTF-8"
        ) from None
    wanted = f"{', '.join(COLUMNS)}, separated by tabs"
    titles = tuple(lines[0].rstrip("\r").split("\t"))
    check(titles == COLUMNS, f"{path} line 1: found titles {', '.join(titles) or 'none'}; expected {wanted}")
    probes = []
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            fields = [text.normalize(field, language, settings.normalize_punctuation) for field in line.split("\t")]
            check(
                len(fields) == len(COLUMNS) and all(fields),
                f"{path} line {number}: found {sum(map(bool, fields))} texts; expected {wanted}",
            )
            panel, group, sentence = fields
            probes.append(Probe(panel, group, sentence.lower() if settings.lowercase else sentence))
    return probes


def readable(sentence: str, known: Vocabulary, language: str) -> str:
    """A normalized sentence in the form that the vocabulary reads."""
    return text.tokenize(sentence, language) if known.reads_tokens else sentence


def make_panels(
    probes: Sequence[Probe], states: NDArray[np.float32], language: str, how: separation.Settings
) -> list[MeasuredPanel]:
    """Projects and measures the states of each panel, [N, H], by themselves; panels and sentences keep their order."""
    panels = []
    for name in dict.fromkeys(probe.panel for probe in probes):
        rows = [row for row, probe in enumerate(probes) if probe.panel == name]
        points, shares = project(states[rows])
        sentences = [
            EmbeddedSentence(probes[row].group, probes[row].sentence, float(x), float(y))
            for row, (x, y) in zip(rows, points.round(DECIMALS) + 0.0, strict=True)  # + 0.0 makes -0.0 plain
        ]
        first, second = shares.round(DECIMALS).tolist()
        bags = [separation.bag(text.tokenize(one.sentence, language)) for one in sentences]
        found = separation.measure(states[rows], [one.group for one in sentences], bags, how)
        panels.append(MeasuredPanel(name, (first, second), sentences, found))
    return panels


def project(states: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Principal components of N states: coordinates [N, 2] and the two directions' shares of the variance [2].

    A direction's sign is free in itself; here its largest loading is positive, so that figures can be compared.
    Where states vary in fewer than two directions, the others are zero.
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
    """What models can be compared by, named by the number of the panel: MLflow knows few of the signs of a title."""
    found = {}
    for number, panel in enumerate(panels, 1):
        for name in ("silhouette", "accuracy", "spread", "reordered"):
            if (value := getattr(panel.separation, name)) is not None:
                found[f"panel_{number}.{name}"] = value
    return found


def table_of(panels: Sequence[Panel]) -> pd.DataFrame:
    """One row a sentence."""
    rows = [(panel.panel, one.group, one.sentence, one.x, one.y) for panel in panels for one in panel.sentences]
    return pd.DataFrame(rows, columns=[*COLUMNS, "x", "y"])


if __name__ == "__main__":
    stage.program(main)
