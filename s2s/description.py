"""What a model's folder says of it: its architecture, its languages, and how text was brought to it."""

import json
from dataclasses import dataclass
from pathlib import Path

from s2s import vocabulary
from s2s.errors import UserError, check
from s2s.model import DESCRIPTION
from s2s.network.interface import Architecture
from s2s.vocabulary import Vocabulary


@dataclass(frozen=True)
class Description:
    """A trained model without its weights."""

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
    normalize_punctuation: bool = True  # as `text.normalize` was told for the training text
    lowercase: bool = False

    @classmethod
    def read(cls, folder: Path) -> "Description":
        """Reads model.json.

        Raises:
            UserError: there is none, or it is no description of a model.
        """
        path = folder / DESCRIPTION
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            architecture = Architecture(**values["model"])
            known = {key: values[key] for key in cls.__annotations__ if key in values}
            return cls(architecture=architecture, **known)
        except OSError as error:
            raise UserError(f"{folder}: no model ({error.strerror}: {path.name}); expected the folder of one") from None
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: describes no model ({error}); expected what the train stage writes") from None

    def vocabulary(self, folder: Path, side: str) -> Vocabulary:
        """The vocabulary in the model's folder of one side, "source" or "target".

        Raises:
            UserError: it is absent, damaged, or another one than the model was trained with.
        """
        found = vocabulary.load(folder, side)
        wanted = getattr(self, f"{side}_vocabulary_sha256")
        check(
            found.sha256 == wanted,
            f"{folder}: found a {side} vocabulary of sha256 {found.sha256[:12]}; expected {wanted[:12]}, "
            "with which the model was trained",
        )
        return found
