"""The description of a trained model in its folder: architecture, languages, and treatment of text."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from s2s.errors import UserError, check
from s2s.model.interface import Architecture
from s2s.model.seq2seq import Seq2Seq
from s2s.text import vocabulary
from s2s.text.vocabulary import Vocabulary


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

    @classmethod
    def read(cls, folder: Path) -> "Description":
        """Read model.json from a model's folder.

        Raises:
            UserError: the file is missing, or is no description of a model.
        """
        path = folder / DESCRIPTION
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            architecture = Architecture(**values["model"])
            fields = {key: values[key] for key in cls.__annotations__ if key in values}
            return cls(architecture=architecture, **fields)
        except OSError as error:
            raise UserError(f"{folder}: no model ({error.strerror}: {path.name}); expected the folder of one") from None
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: describes no model ({error}); expected what the train stage writes") from None

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
        return loaded


WEIGHTS = "weights.safetensors"


DESCRIPTION = "model.json"


def describe(architecture: Architecture) -> dict[str, object]:
    """Return an architecture as it is written to model.json."""
    return asdict(architecture)


def load(folder: Path, device: str = "cpu") -> Seq2Seq:
    """Load a trained model for evaluation.

    Raises:
        UserError: the folder holds no model, or its weights do not fit its description.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        model = Seq2Seq(Architecture(**description["model"]))
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise UserError(f"{folder}: no model ({error}); expected {DESCRIPTION} and {WEIGHTS}") from None
    except RuntimeError as error:
        check(False, f"{folder}: weights do not fit {DESCRIPTION} ({str(error).splitlines()[0]})")
    return model.to(torch.device(device)).eval()
