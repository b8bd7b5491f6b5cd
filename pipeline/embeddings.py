"""Shows where a model's encoder puts sentences that differ in word order or voice: the paper's Figure 2."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from pipeline import figures, schemas, stage, tracking
from pipeline.parameters import Clean, read
from pipeline.schemas import EmbeddedProbes, EmbeddedSentence, Panel
from s2s import files, scoring, text, vocabulary
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
    """Embeds the probe sentences and projects each panel of them onto its two main directions.

    Args:
        model: folder of a model, from the train stage.
        probes: file of sentences, one a line below a line of titles: panel, group and sentence, separated by tabs.
        out: JSON file to be written.
        table: CSV file of the same numbers to be written.
        figure: SVG file of the same numbers to be written.
    """
    parameters = read()
    settings, language = parameters.embeddings, parameters.download.source_language
    device = prepare("cpu", settings.threads)
    sentences = read_probes(probes, parameters.clean, language)
    known = vocabulary.load(model, "source")
    with tracking.run() as tracked:
        ids = [known.encode(readable(one.sentence, known, language)) for one in sentences]
        vectors = scoring.embed(models.load(model, str(device)), ids)
        panels = project_panels(sentences, vectors)
        schemas.write(out, EmbeddedProbes(f"{settings.system}-{settings.seed}", panels))
        files.write_text(table, table_of(panels).to_csv(index=False, lineterminator="\n"))
        files.write_text(figure, figures.embeddings(panels))
        tracked.metrics({"panels": len(panels), "sentences": len(sentences)})


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


def project_panels(probes: Sequence[Probe], vectors: NDArray[np.float32]) -> list[Panel]:
    """Projects the sentences of each panel, [N, H], by themselves; panels and sentences keep their order."""
    panels = []
    for name in dict.fromkeys(probe.panel for probe in probes):
        rows = [row for row, probe in enumerate(probes) if probe.panel == name]
        points, shares = project(vectors[rows])
        sentences = [
            EmbeddedSentence(probes[row].group, probes[row].sentence, float(x), float(y))
            for row, (x, y) in zip(rows, points.round(DECIMALS) + 0.0, strict=True)  # + 0.0 makes -0.0 plain
        ]
        first, second = shares.round(DECIMALS).tolist()
        panels.append(Panel(name, (first, second), sentences))
    return panels


def project(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Principal components of N states: coordinates [N, 2] and the two directions' shares of the variance [2].

    A direction's sign is free in itself; here its largest loading is positive, so that figures can be compared.
    Where states vary in fewer than two directions, the others are zero.
    """
    points, shares = np.zeros((len(vectors), 2)), np.zeros(2)
    states = vectors.astype(np.float64)
    if np.ptp(states, axis=0).any():
        components = min(2, *states.shape)
        pca = PCA(components, svd_solver="full").fit(states)
        loadings = pca.components_[np.arange(components), np.abs(pca.components_).argmax(axis=1)]
        points[:, :components] = pca.transform(states) * np.sign(loadings)
        shares[:components] = pca.explained_variance_ratio_
    return points, shares


def table_of(panels: Sequence[Panel]) -> pd.DataFrame:
    """One row a sentence."""
    rows = [(panel.panel, one.group, one.sentence, one.x, one.y) for panel in panels for one in panel.sentences]
    return pd.DataFrame(rows, columns=[*COLUMNS, "x", "y"])


if __name__ == "__main__":
    stage.program(main)
