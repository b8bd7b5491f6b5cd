"""Sections of the report page on embeddings, neighbors, and groups of sentences."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from pipeline.schemas.data import records
from pipeline.schemas.reports.embeddings import MeasuredProbes
from pipeline.schemas.reports.neighbors import CloseSentences
from pipeline.stages.report import __main__ as report
from s2s import files
from s2s.errors import UserError
from tests.support import project

ODD = "<script>document.title = 'injected'</script> & שלום 😀 {{ languages }}"
PAIRS = [(ODD, "Le roi."), ("He waits.", "Il attend."), ("The cat sleeps.", "Le chat dort.")]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S2S_TRACKING", "off")
    project.write_parameters(tmp_path, models=project.MODELS, runs=project.RUNS)
    project.write_results(tmp_path, PAIRS, {run: [target for _, target in PAIRS] for run in project.RUNS})
    return tmp_path


def page(folder: Path) -> str:
    reports, translations, clean, curves = (folder / name for name in ("reports", "translations", "clean", "curves"))
    report.main(reports, translations, clean, curves, folder / "index.html")
    return (folder / "index.html").read_text(encoding="utf-8")


def section(html: str, name: str) -> str:
    (part,) = re.findall(rf'<section id="{name}".*?</section>', html, flags=re.DOTALL)
    return str(part)


def fractions(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from fractions(item)
    elif isinstance(value, float):
        yield value


@pytest.mark.parametrize("name", ["length", "rarity", "neighbors"])
def test_every_number_of_a_report_is_in_its_section_as_it_is(name: str, workspace: Path) -> None:
    shown = {float(value) for value in re.findall(r'<data value="([^"]+)"', section(page(workspace), name))}
    wanted = set(fractions(json.loads((workspace / "reports" / f"{name}.json").read_text(encoding="utf-8"))))
    assert wanted and wanted <= shown


def test_how_far_groups_lie_apart_is_told_with_its_chance_or_as_undecided(workspace: Path) -> None:
    html = section(page(workspace), "embeddings")
    report = json.loads((workspace / "reports" / "embeddings.json").read_text(encoding="utf-8"))
    separation = report["panels"][0]["separation"]
    shown = [float(value) for value in re.findall(r'<data value="([^"]+)"', html)]
    assert set(fractions(separation)) <= set(shown)
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</th>(.*?)</tr>", html, flags=re.DOTALL)
    assert [name for name, _ in rows] == ["word order", "voice"]
    assert all(row.count("undecided") == 1 for _, row in rows)  # no two probes of these have the same words


def test_markup_in_sentences_and_names_stays_text(workspace: Path) -> None:
    path = workspace / "reports" / "rarity.json"
    groups = json.loads(path.read_text(encoding="utf-8"))
    files.write_json(path, groups | {"<b>web</b> & co": groups["single"]})
    html = page(workspace)
    assert ODD in unescape(section(html, "neighbors")) and "<script>doc" not in html
    assert "&lt;b&gt;web&lt;/b&gt; &amp; co" in section(html, "rarity") and "<b>web" not in html


def test_our_runs_come_first_and_keep_their_order(workspace: Path) -> None:
    titles = re.findall(r'<th scope="col">([^<]*)</th>', section(page(workspace), "rarity"))
    assert titles == ["average rank", "sentences", "single", "ensemble", "ensemble (rescored)"]


def test_a_run_without_groups_is_told(workspace: Path) -> None:
    files.write_json(workspace / "reports" / "rarity.json", {"single": []})
    with pytest.raises(UserError, match=r"rarity.json: found no ensemble; expected all that params.yaml names"):
        page(workspace)


def test_without_probes_neighbors_and_groups_there_is_a_page(workspace: Path) -> None:
    reports = workspace / "reports"
    records.write(reports / "embeddings.json", MeasuredProbes("reversed-1", 1, "c", []))
    records.write(reports / "neighbors.json", CloseSentences("reversed-1", 1, "c", []))
    for name in ("length", "rarity"):
        files.write_json(reports / f"{name}.json", {run: [] for run in project.RUNS})
    html = page(workspace)
    assert "probe sentences is empty" in section(html, "embeddings") and "No sentence was chosen" in section(
        html, "neighbors"
    )
