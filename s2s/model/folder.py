"""A trained model's folder: weights, vocabularies, and a description of architecture, languages and treatment of text.

A folder may come from anywhere. It is read only if its files are those that the description names by their SHA-256, and
no memory is taken for weights before their shapes are known to be those of the description.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from s2s import files
from s2s.data.corpus import SIDES
from s2s.errors import check, reading
from s2s.model.interface import Architecture
from s2s.model.seq2seq import Seq2Seq, parts
from s2s.text import vocabulary
from s2s.text.vocabulary import Vocabulary

WEIGHTS, DESCRIPTION = "weights.safetensors", "model.json"
MAKER, SAYS = "what the train stage writes", f"{DESCRIPTION} says"
LARGEST = 1e308  # a number of model.json
UNFIT = (KeyError, TypeError, RuntimeError, ArithmeticError, AssertionError)
"""Errors, besides ValueError, of a description that is none of ours; nested JSON gives a RuntimeError."""


@dataclass(frozen=True)
class Description:
    """The contents of model.json."""

    system: str
    seed: int
    architecture: Architecture
    parameters: int
    best_epoch: float
    dev_perplexity: float
    source_language: str  # ISO 639-1 code
    target_language: str
    source_vocabulary_sha256: str
    target_vocabulary_sha256: str
    normalize_punctuation: bool = True  # in the training text
    lowercase: bool = False  # likewise
    weights_sha256: str = ""  # "" if an older version wrote the folder

    @classmethod
    def read(cls, folder: Path) -> "Description":
        """Read model.json from a model's folder.

        Raises:
            UserError: the file is missing, or is no description of a model.
        """
        path = folder / DESCRIPTION
        check(path.is_file(), f"{folder}: found no {path.name}; expected the folder of a model")
        with reading(path, MAKER, *UNFIT):
            values = json.loads(path.read_text(encoding="utf-8"))
            architecture = Architecture(**values["model"])
            parts(architecture)
            description = cls(
                architecture=architecture, **{key: values[key] for key in cls.__annotations__ if key in values}
            )
        for record in (architecture, description):
            check_types(record, path)
        return description

    def vocabulary(self, folder: Path, side: str) -> Vocabulary:
        """Load the vocabulary of one side, "source" or "target", from the model's folder.

        Raises:
            UserError: it is missing, damaged, or not the one that the model was trained with.
        """
        loaded = vocabulary.load(folder, side)
        wanted = getattr(self, f"{side}_vocabulary_sha256")
        check(
            loaded.sha256 == wanted,
            f"{folder}: found a {side} vocabulary of sha256 {loaded.sha256[:12]}; expected {wanted[:12]}, "
            "with which the model was trained",
        )
        rows = getattr(self.architecture, f"{side}_vocabulary")
        check(len(loaded) == rows, f"{folder}: found {len(loaded)} {side} tokens; expected {rows}, as {SAYS}")
        return loaded


def check_types(record: Architecture | Description, path: Path) -> None:
    """Raise a UserError unless each value has its field's type, counts are positive, and text can be printed."""
    for name, kind in get_type_hints(type(record)).items():
        value = getattr(record, name)
        kinds = (int, float) if kind is float else kind
        fits = isinstance(value, kinds) and (kind is bool or not isinstance(value, bool))
        check(fits, f"{path}: found {name} {value!r}; expected a value of type {kind.__name__}")
        check(kind is not str or value.isprintable(), f"{path}: found {name} {value!r}; expected printable text")
        check(kind is not float or abs(value) < LARGEST, f"{path}: found {name} {value}; expected a finite number")
        if isinstance(record, Architecture) and kind is int:
            check(value > 0, f"{path}: found {name} {value}; expected 1 or more")


def describe(architecture: Architecture) -> dict[str, object]:
    """Return an architecture as it is written to model.json."""
    return asdict(architecture)


def verified(folder: Path) -> Description:
    """Read a model's description and refuse files that are not those it names; see `files.verify` for the time.

    Returns:
        The description, with the digest of the weights also if an older version left it out.

    Raises:
        UserError: the folder holds no model, or a file has another digest.
    """
    description = Description.read(folder)
    for side in SIDES:
        description.vocabulary(folder, side)
    digest = files.verify(folder / WEIGHTS, description.weights_sha256, f"the weights that {DESCRIPTION} names")
    return replace(description, weights_sha256=digest)


def load(folder: Path, device: str = "cpu") -> Seq2Seq:
    """Load a trained model for evaluation.

    Raises:
        UserError: the folder holds no model, or files that are not those of its description.
    """
    architecture, weights = verified(folder).architecture, folder / WEIGHTS
    check_shapes(weights, architecture)
    with reading(weights, MAKER, SafetensorError, RuntimeError):
        model = Seq2Seq(architecture)
        model.load_state_dict(load_file(weights))
    for name, tensor in model.state_dict().items():
        check(tensor.isfinite().all(), f"{weights}: found NaN or infinity in {name}; expected finite numbers")
    return model.to(torch.device(device)).eval()


def check_shapes(weights: Path, architecture: Architecture) -> None:
    """Raise a UserError unless a file has the tensors of an architecture, without taking memory for either."""
    with reading(weights, MAKER, SafetensorError), safe_open(weights, framework="pt") as file:
        found: dict[str, Any] = {name: list(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    layers = architecture.layers
    check(layers <= len(found), f"{weights}: found {len(found)} tensors; expected those of {layers} layers, as {SAYS}")
    with reading(weights.parent / DESCRIPTION, MAKER, *UNFIT), torch.device("meta"):
        wanted: dict[str, Any] = {
            name: list(tensor.shape) for name, tensor in Seq2Seq(architecture).state_dict().items()
        }
    for name in wanted | found:
        has, needs = (shapes.get(name, "no tensor") for shapes in (found, wanted))
        check(has == needs, f"{weights}: found {name} of shape {has}; expected {needs}, as {SAYS}")
