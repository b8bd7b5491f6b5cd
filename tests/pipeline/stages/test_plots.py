"""Plots that `dvc plots diff` draws for two commits, from the declarations in dvc.yaml."""

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.schemas.data.trained import CURVE_COLUMNS
from pipeline.schemas.reports.scores import Group, LengthGroup, RunScores
from tests.support import project

pytestmark = pytest.mark.engine

CONFIG = "[core]\n    analytics = false\n    check_update = false\n"
SYSTEMS = ("single", "a <b>&</b> c")


def names(kind: Any) -> list[str]:
    return [field.name for field in fields(kind)]


COLUMNS = {
    "curves": list(CURVE_COLUMNS),
    "reports/bleu.csv": ["run", *names(RunScores)],
    "reports/length.csv": ["system", *names(LengthGroup)],
    "reports/rarity.csv": ["system", *names(Group)],
}
"""Tables that a plot may use, with the columns that their stages write."""
PLOTS: dict[str, dict[str, Any]] = {
    path: settings
    for plots in yaml.safe_load((project.ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    for path, settings in plots.items()
}


def call(folder: Path, *command: str) -> str:
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def commit(folder: Path, score: float) -> None:
    """Commit tables in which the last row of each system has `score` in all numeric columns."""
    for path, columns in COLUMNS.items():
        file = folder / (f"{path}/reversed-1.csv" if path == "curves" else path)
        file.parent.mkdir(exist_ok=True)
        with file.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns)
            writer.writeheader()
            for name in SYSTEMS:
                for place in (1, 2):
                    writer.writerow(dict.fromkeys(columns, score * place) | {columns[0]: name})
    call(folder, "git", "add", "--all")
    call(folder, "git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "tables")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the HTML page that DVC writes for two commits."""
    folder = tmp_path_factory.mktemp("plots")
    call(folder, "git", "init", "--quiet")
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").write_text(CONFIG)
    shutil.copytree(project.ROOT / ".dvc" / "plots", folder / ".dvc" / "plots")
    plots = yaml.safe_dump({"plots": [{path: settings} for path, settings in PLOTS.items()]})
    (folder / "dvc.yaml").write_text(plots, encoding="utf-8")
    commit(folder, 20.125)
    commit(folder, 21.375)
    call(folder, sys.executable, "-m", "dvc", "plots", "diff", "HEAD~1", "HEAD", "--out", "page")
    return (folder / "page" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PLOTS)
def test_a_plot_names_columns_that_its_table_has(path: str) -> None:
    wanted = {PLOTS[path]["x"], PLOTS[path]["y"]} | ({"system"} if PLOTS[path].get("template") == "systems" else set())
    assert wanted <= set(COLUMNS[path])


@pytest.mark.parametrize("path", PLOTS)
def test_a_plot_shows_both_commits(path: str, drawn: str) -> None:
    title = PLOTS[path].get("title", f"{path}/reversed-1.csv")
    (plot,) = [
        specification for specification in specifications(drawn) if title in json.dumps(specification.get("title"))
    ]
    rows = plot["data"]["values"]
    number = "x" if PLOTS[path].get("template", "").startswith("bar") else "y"
    values = {(row["rev"], float(row[PLOTS[path][number]])) for row in rows}
    assert values == {(rev, score * place) for rev, score in (("HEAD~1", 20.125), ("HEAD", 21.375)) for place in (1, 2)}
    if PLOTS[path].get("template") == "systems":
        assert {row["system"] for row in rows} == set(SYSTEMS)
        assert plot["encoding"]["color"]["field"] == "system" and plot["encoding"]["strokeDash"]["field"] == "rev"


def specifications(page: str) -> list[dict[str, Any]]:
    """Return the Vega-Lite specifications in a page that DVC wrote."""
    objects, decoder, place = [], json.JSONDecoder(), 0
    while (place := page.find('{"$schema"', place)) >= 0:
        value, place = decoder.raw_decode(page, place)
        objects.append(value)
    return objects
