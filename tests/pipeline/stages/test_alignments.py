"""Heat maps of attention weights for the translations of a run: the file, the figure and the page."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from pipeline.figures import attention
from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import vocabularies_of
from pipeline.schemas.data.translated import Member, Members, NamedFile, read_translations
from pipeline.schemas.reports.alignments import HeatMap, looked_at
from pipeline.stages import alignments as stage
from pipeline.stages import translate
from pipeline.stages.report import __main__ as report
from pipeline.stages.report import results
from s2s import files
from s2s.errors import UserError
from s2s.inference.attention_maps import alignments
from s2s.inference.search import SearchSettings, beam_search
from s2s.lexicon.lexicon import Lexicon
from s2s.model import folder as model_folder
from s2s.text import tokenizer, vocabulary
from s2s.text.vocabulary import UNK
from tests.support import model_folders, project, tiny

SENTENCES = ["the king sees the cat .", "the dog sees it", "here", "the <b> & the cat", "the " * 30 + "king ."]
SYSTEMS: dict[str, Any] = {"luong": {"model": {"context": "luong_dot"}}, "reversed": {}}
MODELS = {f"{system}-1": {"system": system, "seed": 1, "vocabulary": "base"} for system in SYSTEMS}
ODD = HeatMap(3, ["<b>", "&"], ["<script>document.title = 'injected'</script>", "שלום 😀", "</s>"], [[0.75, 0.25]] * 3)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project whose system `luong` has attention, and whose system `reversed` has none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S2S_TRACKING", "off")
    project.write_test_set(tmp_path / "clean", [(source, "le roi") for source in SENTENCES])
    looking = tiny.network(1, context="luong_dot", hidden=8, init_uniform=1.0, **model_folders.SIZES)
    with torch.no_grad():
        looking.decoder.output.bias[UNK] += 3
    model_folders.write(tmp_path / "models" / "luong" / "1", network=looking)
    model_folders.write(tmp_path / "models" / "reversed" / "1")
    write_runs(tmp_path, both=("luong", "reversed"), alone=("luong",), plain=("reversed",))
    return tmp_path


def write_runs(folder: Path, lexicon: NamedFile | None = None, **runs: tuple[str, ...]) -> None:
    """Write parameters and members of runs, each given as the names of the systems whose models it uses."""
    run_settings = {name: {"system": systems[0], "seeds": 1, "beam": 3} for name, systems in runs.items()}
    translate_settings = {"replace_unknown": True, "max_tokens": 12}
    project.write_parameters(
        folder,
        systems=SYSTEMS,
        models=MODELS,
        runs=run_settings,
        translate=translate_settings,
        **project.first_by(next(iter(runs))),
    )
    for name, systems in runs.items():
        folders = [folder / "models" / system / "1" for system in systems]
        members = [Member(path, 1, files.sha256(path / model_folder.WEIGHTS)) for path in folders]
        record = Members(name, systems[0], 3, members, vocabularies_of(folders[0]), lexicon)
        records.write(folder / "members" / f"{name}.json", record)


def run_stage(folder: Path) -> dict[str, list[HeatMap]]:
    out = folder / "reports" / "alignments.json"
    stage.main(folder / "members", folder / "clean", out, out.with_suffix(".svg"))
    return records.parse(dict[str, list[HeatMap]], out.read_bytes(), str(out))


def test_heat_maps_are_where_the_models_look_in_their_translations(workspace: Path) -> None:
    by_run = run_stage(workspace)
    assert list(by_run) == ["alone", "both"]
    source, target = model_folders.words()
    for run, systems in (("alone", ["luong"]), ("both", ["luong", "reversed"])):
        models = [model_folder.load(workspace / "models" / system / "1") for system in systems]
        # From short to long; the longest sentence of all is left out.
        assert [heat_map.id for heat_map in by_run[run]] == [2, 1, 0, 3]
        for heat_map in by_run[run]:
            tokens = tokenizer.tokenize(SENTENCES[heat_map.id], "en")
            assert heat_map.source == tokens.split()  # including words that the models read as <unk>
            ids = source.encode(tokens)
            ((best,),) = beam_search(models, [ids], SearchSettings(beam=3, max_tokens=12))
            assert heat_map.target == [*target.tokens(best.ids), "</s>"]
            np.testing.assert_allclose(heat_map.attention, alignments(models, [ids], [best.ids])[0], atol=6e-5)
    assert any("<unk>" in heat_map.target for heat_map in by_run["alone"])


def test_without_attention_there_is_nothing_to_draw(workspace: Path) -> None:
    write_runs(workspace, plain=("reversed",))
    assert run_stage(workspace) == {}
    assert "no run's models attend" in (workspace / "reports" / "alignments.svg").read_text(encoding="utf-8")


def test_a_second_run_gives_the_same_bytes(workspace: Path) -> None:
    contents = []
    for _ in range(2):
        run_stage(workspace)
        contents.append(
            [(workspace / "reports" / f"alignments.{kind}").read_bytes() for kind in ("json", "svg", "png")]
        )
    assert contents[0] == contents[1]


def test_pieces_of_words_are_shown_as_the_model_reads_them(workspace: Path) -> None:
    source, target = model_folders.subwords()
    sizes = {"source_vocabulary": len(source), "target_vocabulary": len(target)}
    looking = tiny.network(1, context="bahdanau", maxout=4, init_uniform=1.0, **sizes)
    for side in ("source", "target"):
        vocabulary.file_of(workspace / "models" / "luong" / "1", side).unlink()
    model_folders.write(workspace / "models" / "luong" / "1", network=looking, vocabularies=(source, target))
    write_runs(workspace, alone=("luong",))
    project.write_parameters(
        workspace,
        systems=SYSTEMS,
        models=MODELS,
        runs={"alone": {"system": "luong", "seeds": 1, "beam": 1}},
        vocab={"kind": "bpe"},
        **project.first_by("alone"),
    )
    for heat_map in run_stage(workspace)["alone"]:
        assert heat_map.source == source.tokens(source.encode(SENTENCES[heat_map.id]))
        assert len(heat_map.attention) == len(heat_map.target) and set(heat_map.target) <= {*target.names()}


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([], []),
        ([7], [0]),
        ([21, 0, 30], []),
        ([20, 0, 1], [2, 0]),
        ([*range(20, 0, -1)], [17, 13, 9, 5]),
        ([5] * 100, [12, 36, 60, 84]),
    ],
)
def test_some_sentences_of_every_length_are_chosen(lengths: list[int], expected: list[int]) -> None:
    chosen = stage.choose(lengths)
    chosen_lengths = [lengths[row] for row in chosen]
    assert chosen == expected or (len(chosen), chosen_lengths) == (4, sorted(chosen_lengths))


def test_what_is_absent_or_another_model_is_said_in_a_line(workspace: Path) -> None:
    weights = workspace / "models" / "luong" / "1" / model_folder.WEIGHTS
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(UserError, match=r"weights.safetensors: found sha256 .*; expected .*, the weights"):
        run_stage(workspace)
    (workspace / "members" / "both.json").unlink()
    (workspace / "members" / "alone.json").unlink()
    with pytest.raises(UserError, match=r"(both|alone).json: no such file; expected what the stage before writes"):
        run_stage(workspace)


def test_a_run_translates_unknown_words_by_where_its_models_look(workspace: Path) -> None:
    source, target = model_folders.words()
    lexicon = Lexicon({word: (f"{word}?", 0.5) for word in model_folders.WORDS}, 4.0, 0.1)
    lexicon.save(path := workspace / "lexicon.parquet")
    write_runs(workspace, NamedFile(path, files.sha256(path)), alone=("luong",))
    translate.main("alone", workspace / "members/alone.json", workspace / "clean", workspace / "out")
    network, moved = model_folder.load(workspace / "models" / "luong" / "1"), 0
    for translation in read_translations(workspace / "out", len(SENTENCES)):
        tokens = tokenizer.tokenize(SENTENCES[translation.id], "en")
        ids = source.encode(tokens)
        ((best,),) = beam_search([network], [ids], SearchSettings(beam=3, max_tokens=12))
        decoded = target.tokens(best.ids), alignments([network], [ids], [best.ids])[0]
        assert translation.tokens.split() == lexicon.replace(tokens.split(), *decoded)
        moved += translation.tokens.split() != lexicon.replace(tokens.split(), decoded[0])
    assert moved


@pytest.mark.parametrize(
    ("shares", "expected"),
    [([], []), ([0.2, 0.5, 0.3], [1, 2, 0]), ([0.3, 0.3, 0.2, 0.2], [0, 1, 2]), ([0.96, 0.04], [0]), ([0.02] * 50, [])],
)
def test_a_token_looks_at_few_others_above_all(shares: list[float], expected: list[int]) -> None:
    assert looked_at(shares) == expected


def test_each_row_of_a_figure_tells_what_it_looks_at() -> None:
    heat_map = HeatMap(7, ["the", "king"], ["<unk>", "roi $x$", "</s>"], [[0.5, 0.5], [0.001, 0.999], [0.04, 0.96]])
    drawing = ElementTree.fromstring(attention.one(heat_map, "single"))
    titles = [title.text for title in drawing.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["single, <unk>: the 50 %, king 50 %", "single, roi $x$: king 100 %", "single, </s>: king 96 %"]
    labels = [label.text for label in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert labels == ["the", "king", "<unk>", "roi $x$", "</s>"]


def test_the_darker_a_cell_the_larger_its_share() -> None:
    heat_map = HeatMap(7, ["a", "b", "c"], ["x", "y"], [[0.04, 0.76, 0.2], [1.0, 0.0, 0.0]])
    drawing = attention.one(heat_map, "single")
    cells = re.findall(r'<path d="([^"]+)"[^>]* style="fill: #3f7fd6(?:; opacity: ([\d.]+))?"', drawing)
    left = {opacity or "1": float(path.split()[1]) for path, opacity in cells}
    assert left["1"] < left["0.8"] < left["0.2"] and len(left) == 3
    assert left["0.8"] - left["1"] == pytest.approx(left["0.2"] - left["0.8"], abs=0.02)


def test_all_runs_are_on_one_sheet(workspace: Path) -> None:
    drawing = attention.sheet(run_stage(workspace))
    assert drawing.count("<title>alone, &lt;/s&gt;:") == drawing.count("<title>both, &lt;/s&gt;:") == 4
    ElementTree.fromstring(attention.sheet({"alone": []}))


def section(folder: Path, by_run: dict[str, Any]) -> str:
    """Return the HTML of the attention section of a page with these heat maps."""
    project.write_parameters(folder, models=project.MODELS, runs=project.RUNS)
    project.write_results(folder, [("He waits.", "Il attend.")], {run: ["Il attend."] for run in project.RUNS})
    files.write_json(folder / "reports" / "alignments.json", by_run)
    reports, translations, clean, curves = (folder / name for name in ("reports", "translations", "clean", "curves"))
    report.main(reports, translations, clean, curves, folder / "index.html")
    html = (folder / "index.html").read_text(encoding="utf-8")
    assert "<script>document" not in html
    (part,) = re.findall(r'<section id="alignments".*?</section>', html, flags=re.DOTALL)
    return str(part)


def test_the_page_says_in_words_what_the_heat_maps_show(workspace: Path) -> None:
    heat_map = {"id": 3, "source": ODD.source, "target": ODD.target, "attention": ODD.attention}
    html = section(workspace, {"ensemble": [heat_map], "an old run": [heat_map]})
    assert "an old run" not in html and "<h3>single" not in html  # not in params.yaml, or without heat maps
    rows = re.findall(r'<li><span lang="fr" dir="auto">(.*?)</span>', html)
    assert [unescape(row) for row in rows] == ODD.target
    shown = [float(value) for value in re.findall(r'<data value="([^"]+)"', html)]
    assert shown == [3.0, *[0.75, 0.25] * 3]
    assert html.count("<svg") == 1 and "list below has it in words" in html


def test_the_page_says_why_there_are_no_heat_maps(workspace: Path) -> None:
    assert "No run has a model with attention" in section(workspace, {})
    assert "No test sentence is short enough" in section(workspace, {"single": []})


def test_a_damaged_file_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "alignments.json").write_text(json.dumps({"single": [{"id": 1}]}), encoding="utf-8")
    with pytest.raises(UserError, match=r"alignments.json: single.0.source: Field required; expected what the stage"):
        results.alignments_content(tmp_path, ["single"])
