"""Input files of the ablations stage, for its tests."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import EncodedSplit
from pipeline.schemas.data.trained import CURVE_COLUMNS
from pipeline.schemas.reports.scores import Scores, write_sentence_scores
from pipeline.schemas.reports.text import Encoding
from s2s import files
from s2s.text import tokenizer
from tests.support import model_folders, project, tiny

TEXT = "le chat noir voit un vieux chien et il dort dans son jardin près de la belle maison"
WORDS = TEXT.split()
REFERENCES = [f"{' '.join(WORDS[n % 7 : n % 7 + 6 + n % 5])} numéro {n} ." for n in range(48)]
SYSTEMS: dict[str, Any] = {
    "wide": {"model": {"hidden": 12}},
    "deep": {"model": {"layers": 2}, "train": {"learning_rate": 0.002}},
    "base": {},
    "idle": {},
}
SEEDS = {"wide": (1,), "deep": (1, 2, 3), "base": (1, 2)}
MODELS: dict[str, dict[str, Any]] = {
    f"{name}-{seed}": {"system": name, "seed": seed, "vocabulary": "base"}
    for name, seeds in SEEDS.items()
    for seed in seeds
}
RUNS: dict[str, dict[str, Any]] = {
    "base-pair": {"system": "base", "seeds": 2, "beam": 4},
    "base-beam4": {"system": "base", "seeds": 1, "beam": 4},
    "base-beam2": {"system": "base", "seeds": 1, "beam": 2},
    "deep-pair": {"system": "deep", "seeds": 2, "beam": 4},
    "deep-beam2": {"system": "deep", "seeds": 1, "beam": 2},
    "wide-beam8": {"system": "wide", "seeds": 1, "beam": 8},
}
RIGHT = {"base-pair": 22, "base-beam4": 20, "base-beam2": 18, "deep-pair": 40, "deep-beam2": 36, "wide-beam8": 30}
MEANS = {"base": -8.0, "deep": -7.0, "wide": -8.5}
ENCODING = {"train": EncodedSplit(1000, 9000, 11000, 0, 0), "test": EncodedSplit(48, 500, 480, 0, 0)}
EPOCHS = {1: 6.0, 2: 6.0, 3: 3.0}


def translated(right: int) -> list[str]:
    """Return the references, all but `right` of them with wrong words in the middle."""
    return [
        line if n * 29 % 48 < right else line.replace(" et ", " ou ").replace(" un ", " le ")
        for n, line in enumerate(REFERENCES)
    ]


def write_project(folder: Path, references: list[str] = REFERENCES, **sections: Any) -> None:
    """Write all inputs of the stage.

    The system `deep` is better than the base; `wide` has no run with the settings of a run of the base.
    """
    shared = {"systems": SYSTEMS, "models": MODELS, "runs": RUNS, **project.first_by("base-pair")}
    settings = {"embeddings": {"system": "base"}, "ablations": {"base": "base"}, "bleu": {"bootstrap_samples": 100}}
    project.write_parameters(folder, **shared | settings | sections)
    project.write_test_set(folder / "clean", [(line.upper(), line) for line in references])
    for run, right in RIGHT.items():
        project.write_run(folder / "translations", run, translated(right)[: len(references)])
    scores = {run: scored(run, number, len(references)) for number, run in enumerate(RUNS)}
    files.write_json(folder / "reports" / "bleu.json", scores)
    write_encoding(folder, "base", ENCODING)
    write_log_probs(folder, len(references))
    for model in MODELS.values():
        write_model(folder, **model)


def write_encoding(folder: Path, vocabulary: str, splits: dict[str, EncodedSplit]) -> None:
    """Write the report on text encoded with a vocabulary."""
    encoding = Encoding(splits, project.encoding().lengths, project.encoding().padding)
    records.write(folder / "reports" / "encoding" / f"{vocabulary}.json", encoding)


def scored(run: str, number: int, sentences: int) -> dict[str, Any]:
    """Make the entry of a run in bleu.json."""
    return project.scores("single", sentences, number) | RUNS[run]


def write_log_probs(folder: Path, sentences: int) -> None:
    """Write log_probs of five-token sentences: the mean of the system, shared noise, and noise of each model."""
    noise, draw = np.random.default_rng(1).normal(0, 1, sentences), np.random.default_rng(2)
    own_noise = {name: draw.normal(0, 0.4, sentences) for name in MODELS}
    tokens = np.full(sentences, 5)
    scores = {name: Scores(tokens, MEANS[model["system"]] + noise + own_noise[name]) for name, model in MODELS.items()}
    write_sentence_scores(folder / "reports" / "sentence_log_probs.parquet", scores)


def write_model(folder: Path, system: str, seed: int, vocabulary: str) -> None:
    """Write the folder of a model with random weights, and its learning curve."""
    changes = {"wide": {"hidden": 12}, "deep": {"layers": 2}, "base": {}}[system]
    sizes = model_folders.SIZES
    network = tiny.network(seed, **{"layers": 1, "hidden": 8} | changes | sizes)
    model_folders.write(folder / "models" / system / str(seed), seed, network)
    rows = [f"{epoch},{100 * epoch},0.001,5.0,4.0,1.0" for epoch in np.arange(1, EPOCHS[seed] + 1)]
    curve = "\n".join([",".join(CURVE_COLUMNS), *rows, ""])
    files.write_text(folder / "curves" / f"{system}-{seed}.csv", curve)


def tokens(lines: list[str]) -> list[str]:
    """French lines in Moses tokens."""
    return [tokenizer.tokenize(line, "fr") for line in lines]
