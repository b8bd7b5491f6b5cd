"""The model that MLflow loads from a package: translates with s2s/ and pandas, without the pipeline.

A package contains this file and s2s/, so it imports nothing else of the repository.
"""

import json
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from s2s.device import prepare
from s2s.errors import UserError, check
from s2s.inference.ensemble import MEANS
from s2s.inference.search import RANGES, SearchSettings
from s2s.inference.translator import Translation, Translator

SETTINGS, LEXICON = "settings.json", "lexicon.parquet"  # the lexicon is present if the run replaces <unk>
COLUMN = "source"


@dataclass(frozen=True)
class Settings:
    """settings.json: the models of the run and its search settings, which a request may override."""

    models: list[str]  # folders beside settings.json
    search: SearchSettings

    def write(self, path: Path) -> None:
        """Write the file."""
        path.write_text(json.dumps(asdict(self), indent=2, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Settings":
        """Read the file."""
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(values["models"], SearchSettings(**values["search"]))


class Service:
    """A translator with the interface of an MLflow model."""

    def __init__(self, translator: Translator, search: SearchSettings, batch_sentences: int) -> None:
        self.translator, self.search, self.batch_sentences = translator, search, batch_sentences
        # Requests come in many threads, and one batch fills the processor. Batches of all requests share one queue, so
        # that a short request waits for one batch of a long request only.
        self.worker = ThreadPoolExecutor(max_workers=1)

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Translate texts.

        Args:
            model_input: a frame with one column, `source` or without a name, and a text in each row.
            params: search settings that override the run's.

        Returns:
            A row for each text: `translation`, `log_prob` (in nats), `score` (by which translations are ranked) and
            `n_best`, the other translations as records of these three, the best first.

        Raises:
            UserError: the column has another name, a value is not text, or a setting is out of range.
        """
        lines, search = texts(model_input), changed(self.search, params or {})
        lists: list[list[Translation]] = []
        for start in range(0, len(lines), self.batch_sentences):
            batch = lines[start : start + self.batch_sentences]
            lists += self.worker.submit(self.translator.translate, batch, search, self.batch_sentences).result()
        return answer(lists)


def texts(model_input: Any) -> list[str]:
    """Return the texts of a frame, of a list, or of a single string."""
    try:
        frame = pd.DataFrame([model_input] if isinstance(model_input, str) else model_input)
    except (TypeError, ValueError) as error:
        raise UserError(f"input: found {type(model_input).__name__} ({error}); expected a list of texts") from None
    check(len(frame.columns) == 1, f"input: found {len(frame.columns)} columns; expected one, `{COLUMN}`")
    name = frame.columns[0]
    check(name in (COLUMN, 0), f"input: found a column `{name}`; expected `{COLUMN}`")
    lines = frame[name].tolist()
    for row, line in enumerate(lines):
        is_missing = bool(np.all(pd.isna(line)))  # None, NaN, NA and NaT, and lists of these
        found = "nothing" if is_missing else type(line).__name__
        check(isinstance(line, str), f"input row {row}: found {found}; expected text")
    return lines


def changed(search: SearchSettings, params: Mapping[str, Any]) -> SearchSettings:
    """Return the settings with overrides of a request, converted to their types and checked."""
    types = {name: type(value) for name, value in asdict(search).items()}
    for name in params:
        check(name in types, f"params: found {name}; expected some of {', '.join(types)}")
    search = replace(search, **{name: converted(name, value, types[name]) for name, value in params.items()})
    for name, (least, most) in RANGES.items():
        value = getattr(search, name)
        check(least <= value <= most, f"params: found {name} {value}; expected {least} to {most}")
    check(search.n_best <= search.beam, f"params: found n_best {search.n_best}; expected at most beam, {search.beam}")
    check(search.mean in MEANS, f"params: found mean {search.mean}; expected {' or '.join(MEANS)}")
    return search


def converted(name: str, value: Any, kind: type) -> Any:
    """Return a setting as its type, such as a whole number that JSON wrote as 4.0."""
    wanted = f"params: found {name} {value!r}; expected a value of type {kind.__name__}"
    try:
        result = kind(value)
        fits = bool(result == value) or (kind is float and math.isnan(result))
    except (TypeError, ValueError, ArithmeticError):
        raise UserError(wanted) from None
    check(fits, wanted)
    return result


def answer(lists: Sequence[Sequence[Translation]]) -> pd.DataFrame:
    """Return the frame that `predict` returns, given the translations of each text, the best first."""
    rows = [{**record(best), "n_best": [record(translation) for translation in others]} for best, *others in lists]
    return pd.DataFrame(rows, columns=["translation", "log_prob", "score", "n_best"])


def record(translation: Translation) -> dict[str, str | float]:
    """Return the fields of a translation that callers see."""
    return {"translation": translation.text, "log_prob": translation.log_prob, "score": translation.score}


def _load_pyfunc(data_path: str, model_config: Mapping[str, Any]) -> Service:
    """Load a package; MLflow calls this function by its name.

    Args:
        data_path: the package's folder of models.
        model_config: `device` (auto, cpu or cuda), `threads` (CPU threads) and `batch_sentences` (the most sentences
            of a batch); callers of `mlflow.pyfunc.load_model` may override them.
    """
    folder = Path(data_path)
    settings = Settings.read(folder / SETTINGS)
    device = prepare(model_config["device"], int(model_config["threads"]))
    lexicon = folder / LEXICON
    models = [folder / name for name in settings.models]
    translator = Translator.load(models, str(device), lexicon if lexicon.is_file() else None)
    return Service(translator, settings.search, int(model_config["batch_sentences"]))
