"""What MLflow loads a package into: it translates, with s2s/ and pandas alone, where no pipeline is.

A package holds this file beside s2s/, so it imports nothing else of the repository.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from s2s.device import prepare
from s2s.ensemble import MEANS
from s2s.errors import check
from s2s.search import SearchSettings
from s2s.translator import Translation, Translator

SETTINGS, LEXICON = "settings.json", "lexicon.parquet"  # the latter is there if the run replaces <unk>
COLUMN = "source"
RANGES: dict[str, tuple[float, float]] = {
    "beam": (1, 1000),
    "n_best": (1, 1000),
    "length_penalty": (0, 2),
    "word_reward": (-10, 10),
    "min_length_ratio": (0, 10),
    "max_length_ratio": (0.1, 100),
    "min_tokens": (0, 10_000),
    "max_tokens": (1, 10_000),
}
"""What a caller may ask for; the same as params.yaml allows."""


@dataclass(frozen=True)
class Settings:
    """settings.json: how the run translated, which callers may change for a request."""

    models: list[str]  # folders beside it
    search: SearchSettings

    def write(self, path: Path) -> None:
        """Writes the file."""
        path.write_text(json.dumps(asdict(self), indent=2, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Settings":
        """Reads the file."""
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(values["models"], SearchSettings(**values["search"]))


class Service:
    """A translator behind MLflow's `predict`."""

    def __init__(self, translator: Translator, search: SearchSettings, batch_sentences: int) -> None:
        self.translator, self.search, self.batch_sentences = translator, search, batch_sentences
        # A server's requests come in many threads, and a batch of one fills the processor: batches queue up, those of
        # different requests in turn, so that a short request waits for one batch of a long one.
        self.worker = ThreadPoolExecutor(max_workers=1)

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Translates texts.

        Args:
            model_input: a frame with the one column `source`, or one without a name: a text a row.
            params: settings of the search that differ from the run's.

        Returns:
            A row for each text: `translation`, `log_prob` (of the sentence, in nats), `score` (what ranked it) and
            `n_best`, the further translations as records of the same, the best first.

        Raises:
            UserError: the column has another name, a value is no text, or a setting is out of range.
        """
        lines, search = texts(model_input), changed(self.search, params or {})
        found: list[list[Translation]] = []
        for start in range(0, len(lines), self.batch_sentences):
            batch = lines[start : start + self.batch_sentences]
            found += self.worker.submit(self.translator.translate, batch, search, self.batch_sentences).result()
        return answer(found)


def texts(model_input: Any) -> list[str]:
    """The texts of a frame, a list or a single text."""
    frame = pd.DataFrame([model_input] if isinstance(model_input, str) else model_input)
    check(len(frame.columns) == 1, f"input: found {len(frame.columns)} columns; expected one, `{COLUMN}`")
    name = frame.columns[0]
    check(name in (COLUMN, 0), f"input: found a column `{name}`; expected `{COLUMN}`")
    lines = frame[name].tolist()
    for row, line in enumerate(lines):
        found = "nothing" if line is None or line != line else type(line).__name__  # noqa: PLR0124
        check(isinstance(line, str), f"input row {row}: found {found}; expected text")
    return lines


def changed(search: SearchSettings, params: Mapping[str, Any]) -> SearchSettings:
    """The settings with some changed, of the same types and within range."""
    known = {name: type(value) for name, value in asdict(search).items()}
    for name in params:
        check(name in known, f"params: found {name}; expected some of {', '.join(known)}")
    search = replace(search, **{name: known[name](value) for name, value in params.items()})
    for name, (least, most) in RANGES.items():
        value = getattr(search, name)
        check(least <= value <= most, f"params: found {name} {value}; expected {least} to {most}")
    check(search.n_best <= search.beam, f"params: found n_best {search.n_best}; expected at most beam, {search.beam}")
    check(search.mean in MEANS, f"params: found mean {search.mean}; expected {' or '.join(MEANS)}")
    return search


def answer(found: Sequence[Sequence[Translation]]) -> pd.DataFrame:
    """The translations of each text, the best first, as callers see them."""
    rows = [{**record(best), "n_best": [record(one) for one in others]} for best, *others in found]
    return pd.DataFrame(rows, columns=["translation", "log_prob", "score", "n_best"])


def record(translation: Translation) -> dict[str, str | float]:
    """One translation."""
    return {"translation": translation.text, "log_prob": translation.log_prob, "score": translation.score}


def _load_pyfunc(data_path: str, model_config: Mapping[str, Any]) -> Service:
    """What MLflow calls to load a package.

    Args:
        data_path: the package's folder of models.
        model_config: `device` (auto, cpu or cuda), `threads` of the CPU and `batch_sentences`, which are translated
            together; callers of `mlflow.pyfunc.load_model` may change them.
    """
    folder = Path(data_path)
    settings = Settings.read(folder / SETTINGS)
    device = prepare(model_config["device"], int(model_config["threads"]))
    lexicon = folder / LEXICON
    models = [folder / name for name in settings.models]
    translator = Translator.load(models, str(device), lexicon if lexicon.is_file() else None)
    return Service(translator, settings.search, int(model_config["batch_sentences"]))
