"""Requests that a served package accepts: texts and settings."""

import math
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.serving import service
from pipeline.serving.service import Service
from s2s.errors import UserError
from s2s.inference.search import SearchSettings
from s2s.inference.translator import Translator
from tests.support import model_folders

pytestmark = pytest.mark.process

TEXTS = [*model_folders.SENTENCES, "", "dog"]


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        ("Here.", ["Here."]),
        (["Here.", ""], ["Here.", ""]),
        (pd.Series(["Here."], name="source"), ["Here."]),
        (pd.DataFrame({"source": ["Here."]}, index=[7]), ["Here."]),
    ],
)
def test_texts_come_as_people_have_them(asked: Any, lines: list[str]) -> None:
    assert service.texts(asked) == lines


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["Here.", 3], "input row 1: found int; expected text"),
        (["Here.", None], "input row 1: found nothing; expected text"),
        ([math.nan], "input row 0: found nothing; expected text"),
        (pd.Series(["Here.", pd.NA], dtype="string"), "input row 1: found nothing; expected text"),
        (pd.Series([pd.NaT]), "input row 0: found nothing; expected text"),
        ([[["Here."]]], "input row 0: found list; expected text"),
        (["\ud800"], r"input: found list \(.* surrogates not allowed\); expected a list of texts"),
        (None, "input: found 0 columns; expected one, `source`"),
        (3, r"input: found int \(.*\); expected a list of texts"),
        ({"source": "Here."}, r"input: found dict \(.*\); expected a list of texts"),
        (pd.DataFrame({"text": ["Here."]}), "input: found a column `text`; expected `source`"),
        (pd.DataFrame({"id": ["1"], "source": ["Here."]}), "input: found 2 columns; expected one, `source`"),
    ],
)
def test_what_is_no_text_is_refused(asked: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        service.texts(asked)


def test_a_short_request_overtakes_a_long_one(tmp_path: Path) -> None:
    loaded = Translator.load([model_folders.write(tmp_path, 1, model_folders.trained(1))])
    service = Service(loaded, SearchSettings(), batch_sentences=1)
    long = threading.Thread(target=service.predict, args=(TEXTS[:1] * 500,))
    long.start()
    assert len(service.predict(TEXTS)) == len(TEXTS)
    assert long.is_alive()
    long.join(120)
    assert not long.is_alive()


def test_settings_change_for_a_request() -> None:
    changed = service.changed(SearchSettings(max_tokens=7), {"beam": 4.0, "n_best": 4, "length_penalty": 1})
    assert changed == SearchSettings(beam=4, n_best=4, length_penalty=1.0, max_tokens=7)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"beam": 1001}, "params: found beam 1001; expected 1 to 1000"),
        ({"max_length_ratio": float("nan")}, "params: found max_length_ratio nan; expected 0 to 100"),
        ({"beam": None}, "params: found beam None; expected a value of type int"),
        ({"beam": pd.NA}, "params: found beam <NA>; expected a value of type int"),
        ({"beam": 2.5}, "params: found beam 2.5; expected a value of type int"),
        ({"beam": math.inf}, "params: found beam inf; expected a value of type int"),
        ({"forbid_unknown": "false"}, "params: found forbid_unknown 'false'; expected a value of type bool"),
        ({"mean": None}, "params: found mean None; expected a value of type str"),
        ({"n_best": 3}, "params: found n_best 3; expected at most beam, 2"),
        ({"mean": "median"}, "params: found mean median; expected probabilities or log_probabilities"),
        ({"bem": 2}, "params: found bem; expected some of beam, n_best, .*"),
    ],
)
def test_settings_out_of_range_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        service.changed(SearchSettings(), params)
