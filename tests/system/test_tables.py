"""The paper's Tables 1 and 2, reproduced on the generated corpus in half an hour on two cores."""

import json
from pathlib import Path

import pytest
import yaml

from tests.support import project
from tests.support.checkout import call, clone

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the preset `demo_tables` in a copy of the working tree."""
    folder = clone(tmp_path_factory.mktemp("clone") / "tables")
    (folder / "params.yaml").write_text(project.preset("demo_tables"), encoding="utf-8")
    call(folder, "dvc", "repro")
    return folder


def read(folder: Path, name: str) -> dict[str, dict[str, float]]:
    rows: dict[str, dict[str, float]] = json.loads((folder / "reports" / name).read_text(encoding="utf-8"))
    return rows


def test_table_1_has_every_row_with_its_interval(tables: Path) -> None:
    rows = read(tables, "bleu.json")
    assert rows.keys() == yaml.safe_load((tables / "params.yaml").read_text(encoding="utf-8"))["runs"].keys()
    for row in rows.values():
        assert 40 < row["bleu_tokenized_low"] < row["bleu_tokenized"] < row["bleu_tokenized_high"] < 100


def test_models_together_translate_better_than_one(tables: Path) -> None:
    rows = read(tables, "bleu.json")
    single, two, five = (rows[f"{name}-beam12"]["bleu_tokenized"] for name in ("reversed", "two", "five"))
    assert single < two < five
    assert rows["five-beam12"]["bleu_tokenized_low"] > single


@pytest.mark.parametrize("name", ["reversed", "five"])
def test_table_2_other_models_improve_the_lists_of_a_first_pass(tables: Path, name: str) -> None:
    choices = json.loads((tables / "reports" / "rescore" / f"{name}.json").read_text(encoding="utf-8"))["choices"]
    first, even, tuned, oracle = (choices[kind]["bleu_tokenized"] for kind in ("first", "even", "tuned", "oracle"))
    assert first < even < oracle and first < tuned < oracle
    assert choices["even"]["bleu_tokenized_p_value"] < 0.05
