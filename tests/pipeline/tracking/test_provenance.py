"""The MLflow runs that made the results, and the section of the page that shows them."""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from playwright.sync_api import Browser, Page

from pipeline.stages.report import filters
from pipeline.stages.report.__main__ import FOLDER, OWN
from pipeline.tracking import lineage, machine, names, provenance, store
from pipeline.tracking import machine as tracking_machine
from pipeline.tracking.provenance import File, Provenance, Run, Stage, Total
from s2s.errors import UserError
from tests.pipeline.test_dag import stage
from tests.support import project, servers
from tests.support.browsing import barriers, open_page

TRAIN = stage("train@a-1", "data.txt", "models/a/1 curves/a-1.csv")
BLEU = replace(stage("bleu", "models/a/1", "reports/bleu.json reports/bleu.csv"), cmd="bleu")
DRAW = replace(stage("draw", "models/a/1", "reports/figure.svg"), cmd="draw")
EVERY = [TRAIN, BLEU, DRAW]
GROUP = {"params_sha256": "ab", names.COMMIT: "c0ffee" + 34 * "0"}
MODEL = "0123456789abcdef0123456789abcdef.dir"
LOCK = f"""
schema: '2.0'
stages:
  train@a-1:
    cmd: x
    outs:
    - {{path: models/a/1, hash: md5, md5: {MODEL}, size: 3, nfiles: 1}}
"""
START = 1_700_000_000_000  # milliseconds: 2023-11-14T22:13:20Z


def noted(path: str, content: str) -> dict[str, str]:
    return {f"output.{path}": hashlib.md5(content.encode()).hexdigest()}


def key(described: Any) -> dict[str, str]:
    return {names.KEY: lineage.key(described, lineage.digests(described, EVERY, patience_seconds=0.0))}


def write_workspace(folder: Path) -> None:
    texts = {"data.txt": "data", "dvc.lock": LOCK, "reports/bleu.json": "old", "reports/figure.svg": "drawn"}
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> tuple[Path, dict[str, str]]:
    """Make a store with runs of three stages, and return their ids; the newest run of `bleu` made other bytes."""
    folder, ids = tmp_path_factory.mktemp("recorded"), dict[str, str]()
    write_workspace(folder)
    shutil.copy(mlflow_database, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        mlflow = store.Store("seq2seq")

        def run(name: str, described: Any, start: int, seconds: int, tags: dict[str, str], **metrics: float) -> None:
            ids[name], parent = mlflow.begin(described.name, GROUP, tags, START + 1000 * start)
            rows = [(metric, value, START, 0) for metric, value in metrics.items()]
            mlflow.write(ids[name], rows, {"command": "python -m x", "beam": "2"})
            status = "KILLED" if name == "killed" else "FINISHED"
            mlflow.end(ids[name], parent, status, START + 1000 * (start + seconds))

        machine = {"version.torch": "2.13.0", "hardware.processor": "a processor"}
        run("killed", TRAIN, 0, 100, key(TRAIN))
        run("train", TRAIN, 200, 50, key(TRAIN) | machine, cpu_seconds=75.5, gpus=2, words_per_second=10.0)
        mlflow.write(ids["train"], [("words_per_second", value, START, 1) for value in (30.0, 20.0)], {})
        run("first", BLEU, 300, 5, {names.KEY: "of other code"} | noted("reports/bleu.json", "old"))
        run("second", BLEU, 400, 5, key(BLEU) | noted("reports/bleu.json", "new"), cpu_seconds=4.0, gpus=0)
        run("other bytes", DRAW, 500, 1, key(DRAW) | noted("reports/figure.svg", "drawn otherwise"))
    return folder, ids


@pytest.fixture
def run_ids(recorded: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Make a workspace for a test that shares the store, and return the ids of its runs."""
    write_workspace(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(recorded[0]))
    return recorded[1]


def find_runs() -> tuple[dict[str, tuple[str | None, str | None]], Provenance]:
    """Return the run of each result with the kind of match, and all that was gathered."""
    gathered = provenance.gather(EVERY, "seq2seq")
    return {file.path: (file.run, file.found_by) for listed in gathered.stages for file in listed.files}, gathered


def test_bytes_lead_to_the_run_that_made_them(run_ids: dict[str, str]) -> None:
    runs, gathered = find_runs()
    assert runs == {
        "models/a/1": (run_ids["train"], "inputs"),  # no run recorded the digest
        "reports/bleu.json": (run_ids["first"], "content"),  # newer code and a newer run made other bytes
        "reports/figure.svg": (None, None),  # the run from the same inputs made other bytes
    }
    assert gathered.runs.keys() == {run_ids["train"], run_ids["first"]}


def test_of_runs_that_made_the_same_bytes_one_from_the_same_inputs_comes_first(run_ids: dict[str, str]) -> None:
    Path("reports/bleu.json").write_text("new")
    assert find_runs()[0]["reports/bleu.json"] == (run_ids["second"], "content")


def test_what_a_person_changed_has_no_run(run_ids: dict[str, str]) -> None:
    Path("reports/bleu.csv").write_text("mine")
    locked = LOCK + "  bleu:\n    cmd: x\n    outs:\n    - {path: reports/bleu.csv, md5: of another}\n"
    Path("dvc.lock").write_text(locked)
    assert find_runs()[0]["reports/bleu.csv"] == (None, None)


def test_a_file_of_which_no_run_noted_bytes_is_known_by_the_inputs(run_ids: dict[str, str]) -> None:
    Path("reports/bleu.csv").write_text("text")
    assert find_runs()[0]["reports/bleu.csv"] == (run_ids["second"], "inputs")


def test_a_run_tells_what_it_took(run_ids: dict[str, str]) -> None:
    _, gathered = find_runs()
    run = gathered.runs[run_ids["train"]]
    assert run == Run(
        url=None,
        started="2023-11-14T22:16:40Z",
        seconds=50.0,
        cpu_seconds=75.5,
        gpu_seconds=100.0,  # two GPUs
        lost_seconds=100.0,
        words_per_second=20.0,
        commit=GROUP[names.COMMIT],
        command="python -m x",
        parameters={"beam": "2"},
        versions={"torch": "2.13.0"},
        hardware={"processor": "a processor"},
    )
    assert gathered.runs[run_ids["first"]].cpu_seconds is None
    assert gathered.total == Total(2, 55.0, 75.5, 100.0, 100.0, 1)
    assert gathered.store.endswith("/mlflow.db")


def test_without_a_store_results_stand_alone_and_none_is_made(
    run_ids: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    runs, gathered = find_runs()
    assert set(runs.values()) == {(None, None)} and gathered.total == Total(0, 0, 0.0, 0.0, 0, 0)
    assert not (tmp_path / "mlflow.db").exists()


def test_anothers_store_knows_nothing_of_these_results(run_ids: dict[str, str]) -> None:
    assert provenance.gather(EVERY, "another experiment").runs == {}
    assert store.Store.find("another experiment") is None  # not created by the search


def test_a_server_has_a_page_for_each_run_whose_address_holds_no_password(
    run_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = store.Store.find("seq2seq")
    assert mlflow and mlflow.page("12ab") is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@mlflow.example/")
    assert mlflow.page("12ab") == f"https://mlflow.example/#/experiments/{mlflow.experiment}/runs/12ab"


def test_a_dead_server_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write_parameters(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", servers.dead().replace("//", "//me:secret@"))
    monkeypatch.setattr("pipeline.dag.stages", lambda: EVERY)
    with pytest.raises(UserError, match=r"^http://127.0.0.1:\d+: found .*; expected a store that answers$") as error:
        provenance.main(tmp_path / "reports")
    assert "secret" not in str(error.value) and not (tmp_path / "reports").exists()


def test_a_damaged_database_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write_parameters(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipeline.dag.stages", lambda: EVERY)
    Path("mlflow.db").write_text("no database")
    with pytest.raises(UserError, match=r"mlflow\.db: found .*not a database.*; expected a store that answers$"):
        provenance.main(tmp_path / "reports")


def test_the_command_writes_a_script_and_says_what_it_found(
    run_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write_parameters(Path())
    monkeypatch.setattr("pipeline.dag.stages", lambda: EVERY)
    provenance.main()
    assert capsys.readouterr().out.startswith("reports/provenance.js: 2 of 3 results have a run in sqlite:///")
    first, _, rest = Path("reports/provenance.js").read_text().partition("\n")
    written = json.loads(rest)
    assert first == "window.provenance ="
    assert written["stages"][1]["files"][0]["md5"] == lineage.md5(Path("reports/bleu.json"))


def test_cost_is_that_of_this_process_and_its_children() -> None:
    before = machine.cpu_seconds()
    hashlib.pbkdf2_hmac("sha256", b"a", b"b", 500_000)
    own = machine.cpu_seconds()
    os.waitpid(os.spawnlp(os.P_NOWAIT, "sh", "sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"), 0)
    assert before < own < machine.cpu_seconds()
    assert machine.gpus() == 0 and machine.device() == ""


def test_a_training_on_gpus_tells_how_many_and_which(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def lost() -> str:
        raise RuntimeError("CUDA error: unspecified launch failure")

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    assert machine.device() == "NVIDIA H200" and machine.gpus() == 1
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert machine.gpus() == 8
    monkeypatch.setattr(torch.cuda, "get_device_name", lost)
    assert machine.device() == "unknown"  # errors are left to the stage


def test_the_machine_is_told_in_words() -> None:
    machine = tracking_machine.machine()
    assert machine.keys() == {"processor", "cores", "memory_gb", "system"} and all(machine.values())
    assert int(machine["cores"]) >= 1 and float(machine["memory_gb"]) > 0


# The section of the page

FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Provenance</title>
<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width"><style>{{ css }}</style></head>
<body><main><h1>Provenance</h1>
<p class="source">From <a href="bleu.json">bleu.json</a>, <a href="bleu.csv">bleu.csv</a>,
<a href="../models/">models</a> and <a href="absent.json">absent.json</a></p>
{% include "provenance.html.j2" %}</main><script>{{ js }}</script></body>
</html>"""
EVIL = "</script><script>document.title = 'injected'</script><img src=x onerror=\"document.title = 'injected'\">\u2028"
RUN = Run(
    url="https://mlflow.example/#/experiments/1/runs/0123456789",
    started="2023-11-14T22:16:40Z",
    seconds=5400.0,
    cpu_seconds=90.0,
    gpu_seconds=0.0,
    lost_seconds=0.0,
    words_per_second=12345.6,
    commit="c0ffee0000",
    command=f"python -m x {EVIL}",
    parameters={"train.epochs": "7.5", EVIL: EVIL},
    versions={"torch": "2.13.0"},
    hardware={"processor": EVIL},
)
OLD = replace(RUN, url=None, seconds=2.04, cpu_seconds=None, gpu_seconds=None, words_per_second=None, commit=None)
SHOWN = Provenance(
    "2023-11-15T08:00:00Z",
    f"sqlite:///{EVIL}",
    [
        Stage("train@a-1", [File("models/a/1", MODEL, "0123456789", "inputs")]),
        Stage(
            "bleu", [File(f"reports/bleu.{suffix}", "ab" * 16, "fedcba9876", "content") for suffix in ("json", "csv")]
        ),
        Stage(EVIL, [File(f"reports/{EVIL}", "cd" * 16, None, None)]),
    ],
    {"0123456789": RUN, "fedcba9876": OLD},
    Total(2, 5402.04, 90.0, 7200.0, 60.0, 1),
)


def write_page(folder: Path) -> Path:
    """Write a page with only the section of provenance."""
    loader = FileSystemLoader(FOLDER)
    page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters |= {filter.__name__: filter for filter in filters.FILTERS}

    def own(names: Sequence[str]) -> Markup:
        return Markup("".join((FOLDER / name).read_text(encoding="utf-8") for name in names))

    path = folder / "page.html"
    path.write_text(page.from_string(FRAME).render({kind: own(names) for kind, names in OWN.items()}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    provenance.write(folder, SHOWN)
    return write_page(folder)


def open_section(browser: Browser, path: Path, width: int = 1280, **settings: Any) -> Page:
    page = open_page(browser, path, width, **settings)
    page.locator("#provenance .runs > summary").click()
    page.locator("#provenance .found:not(:empty)").wait_for()
    return page


def test_each_stage_has_its_run_and_what_that_took(path: Path, browser: Browser) -> None:
    page = open_section(browser, path)
    rows = page.locator("#provenance tbody tr").evaluate_all(
        "all => all.map(row => [...row.cells].map(cell => cell.innerText))"
    )
    assert rows[0] == [
        "train@a-1",
        "01234567",
        "c0ffee00",
        "2023-11-14 22:16:40",
        "1.5\u202fh",
        "1.5\u202fmin",
        "none",
        "12,346",
    ]
    assert rows[1][:2] + rows[1][4:] == ["bleu", "fedcba98", "2.0\u202fs", "unknown", "unknown", ""]
    assert rows[2][1:] == ["unknown", *[""] * 6]
    total = page.locator("#provenance tfoot tr").inner_text()
    assert total.split("\t") == [
        "all 2 runs (1 without recorded CPU and GPU time), and 1.0\u202fmin in attempts that did not finish",
        "1.5\u202fh",
        "1.5\u202fmin",
        "2.0\u202fh",
        "",
    ]
    assert page.locator("#provenance tbody a").get_attribute("href") == RUN.url


def test_each_source_of_numbers_leads_to_the_run_that_made_it(path: Path, browser: Browser) -> None:
    page = open_section(browser, path)
    links = page.locator(".source .maker")
    assert links.all_inner_texts() == ["made by bleu", "made by train@a-1"]
    page.locator("#provenance .runs > summary").click()
    links.first.click()
    assert page.locator("#provenance tbody tr:target th").inner_text() == "bleu"
    assert page.locator("#provenance tbody tr:target").is_visible()


def test_files_parameters_versions_and_machine_unfold(path: Path, browser: Browser) -> None:
    page = open_section(browser, path)
    about = page.locator("#provenance .kinds details").first
    about.locator("summary").click()
    words = about.inner_text()
    assert f"models/a/1\n{MODEL} found by inputs" in words and "id\n0123456789\ncommit\nc0ffee0000" in words
    assert "train.epochs\n7.5" in words and "torch\n2.13.0" in words


def test_markup_in_names_and_values_stays_text(path: Path, browser: Browser) -> None:
    page = open_section(browser, path)
    for summary in page.locator("#provenance .kinds summary").all():
        summary.click()
    assert page.title() == "Provenance" and page.locator("#provenance img").count() == 0
    texts = page.locator("#provenance dd").evaluate_all("all => all.map(item => item.textContent)")
    assert texts.count(EVIL) == 4 and f"python -m x {EVIL}" in texts  # in a parameter and a processor, of two runs each
    assert page.locator("#provenance tbody th").last.evaluate("head => head.textContent") == EVIL


def test_without_the_file_the_section_says_how_to_write_it_and_looks_again(tmp_path: Path, browser: Browser) -> None:
    page = open_section(browser, write_page(tmp_path))
    words = "There is no provenance.js next to this page. Write it with python -m pipeline provenance."
    assert page.locator("#provenance .found").inner_text() == words
    assert page.locator(".maker").count() == 0 and not page.locator("#provenance table").is_visible()
    provenance.write(tmp_path, SHOWN)
    page.locator("#provenance .runs > summary").click()
    page.locator("#provenance .runs > summary").click()
    page.locator("#provenance tbody tr").first.wait_for()


def test_without_scripts_it_names_the_file_that_has_all(path: Path, browser: Browser) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(path.as_uri())
    assert "all of its content is in provenance.js" in page.locator("noscript p:visible").inner_text()
    assert not page.locator("#provenance details").is_visible()


@pytest.mark.parametrize("colors", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_accessible_and_fits(width: int, colors: Any, path: Path, browser: Browser) -> None:
    page = open_section(browser, path, width, color_scheme=colors)
    for summary in page.locator("#provenance .kinds summary").all():
        summary.click()
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
