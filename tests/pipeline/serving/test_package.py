"""Packages of a run: writing, registration, and loading and serving without this repository."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import vocabularies_of
from pipeline.schemas.data.translated import Member, Members, NamedFile
from pipeline.serving import package, service
from s2s import files
from s2s.errors import UserError
from s2s.inference.search import SearchSettings
from s2s.inference.translator import Translator
from s2s.lexicon.lexicon import Lexicon
from s2s.model.folder import WEIGHTS
from tests.support import model_folders, project
from tests.test_house import closure, imported

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]
TEXTS = [*model_folders.SENTENCES, "", "dog"]
trained = cache(model_folders.trained)
LOAD = """
import json, sys
import mlflow.pyfunc

try:
    import pipeline
except ModuleNotFoundError:
    model = mlflow.pyfunc.load_model(sys.argv[1], model_config={"device": "cpu"})
    texts, params = json.load(sys.stdin)
    print(json.dumps([model.predict(texts).to_dict("records"), model.predict(texts, params=params).to_dict("records")]))
"""


def write(folder: Path, lexicon: NamedFile | None = None, **translate: Any) -> None:
    project.write_parameters(
        folder,
        models=project.MODELS,
        runs=project.RUNS,
        translate={"device": "cpu", "threads": 1, "length_penalty": 0.5} | translate,
        operation={"experiment": "a: b/c"},
    )
    project.write_test_set(folder / "data/clean", [(line, "Le roi.") for line in model_folders.SENTENCES])
    for run, settings in project.RUNS.items():
        members = []
        for seed in range(1, settings["seeds"] + 1):  # type: ignore[operator]
            place = Path("models/reversed") / str(seed)
            model_folders.write(folder / place, seed, trained(seed))
            members.append(Member(place, seed, files.sha256(folder / place / WEIGHTS)))
        named = Members(run, "reversed", 2, members, vocabularies_of(folder / members[0].path), lexicon)
        records.write(folder / f"members/{run}.json", named)
    scores = {run: project.scores(run, 4, number) for number, run in enumerate(project.RUNS)}
    files.write_json(folder / "reports/bleu.json", scores)


def run(workspace: Path, *flags: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pipeline.serving.package", *flags],
        cwd=workspace,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Path:
    """Return a project whose run `ensemble` is packaged and registered."""
    folder = tmp_path_factory.mktemp("a b")
    shutil.copy(mlflow_database, folder / "mlflow.db")
    write(folder)
    process = run(folder, "--run", "ensemble")
    assert process.returncode == 0, process.stderr
    assert "registered as version 1 of a- b-c, models:/a- b-c@ensemble" in process.stdout
    return folder


@pytest.fixture
def project_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project and enter its folder."""
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def translated(workspace: Path, settings: SearchSettings) -> list[dict[str, Any]]:
    """Return the answers of the library itself."""
    translator = Translator.load([workspace / "models/reversed" / seed for seed in "12"])
    return [
        {
            "translation": best.text,
            "log_prob": best.log_prob,
            "score": best.score,
            "n_best": [{"translation": row.text, "log_prob": row.log_prob, "score": row.score} for row in alternatives],
        }
        for best, *alternatives in translator.translate(TEXTS, settings)
    ]


def close(rows: list[dict[str, Any]]) -> Any:
    """Return rows whose numbers compare approximately, because other batches round differently."""
    return [row | {name: pytest.approx(row[name], abs=1e-4) for name in ("log_prob", "score")} for row in rows]


def test_the_registered_version_loads_where_no_pipeline_is(workspace: Path, tmp_path: Path) -> None:
    params = {"beam": 4, "n_best": 3, "length_penalty": 0.0}
    process = subprocess.run(
        [sys.executable, "-I", "-c", LOAD, "models:/a- b-c@ensemble"],
        cwd=tmp_path,
        env=os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{workspace / 'mlflow.db'}"},
        input=json.dumps([TEXTS, params]),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert process.returncode == 0, process.stderr
    usual, wider = json.loads(process.stdout)
    assert usual == close(translated(workspace, SearchSettings(length_penalty=0.5)))
    assert [row["translation"] for row in wider] == [
        row["translation"] for row in translated(workspace, SearchSettings(beam=4, n_best=3))
    ]
    assert usual[3]["translation"] == "ici."
    assert [len(row["n_best"]) for row in wider] == [2, 2, 2, 2, 0, 2]


@contextmanager
def serving(folder: Path, cwd: Path) -> Iterator[str]:
    """Serve a package by `mlflow models serve`, and yield the URL once the server answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["models", "serve", "--model-uri", str(folder), "--env-manager", "local", "--port", str(port)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    log = cwd / "server.log"
    with log.open("w") as lines:
        server = subprocess.Popen(
            [sys.executable, "-I", "-m", "mlflow", *command],
            cwd=cwd,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": path},
            stdout=lines,
            stderr=lines,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 120
            while not answers(url):
                assert server.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield url
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(30)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ping", timeout=5):
            return True
    except OSError:
        return False


def post(url: str, body: str, kind: str = "application/json") -> tuple[int, Any]:
    request = urllib.request.Request(f"{url}/invocations", body.encode(), {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_server_translates_and_outlives_bad_input(workspace: Path, tmp_path: Path) -> None:
    usual = close(translated(workspace, SearchSettings(length_penalty=0.5)))
    wider = close(translated(workspace, SearchSettings(beam=4, n_best=3, length_penalty=0.5)))
    rows = [{"source": line} for line in TEXTS]
    with serving(workspace / "packages/ensemble", tmp_path) as url:
        assert post(url, json.dumps({"inputs": TEXTS})) == (200, {"predictions": usual})
        assert post(url, json.dumps({"dataframe_records": rows})) == (200, {"predictions": usual})
        assert post(url, "source\nHere.\n", "text/csv") == (200, {"predictions": usual[3:4]})
        status, contents = post(url, json.dumps({"inputs": TEXTS, "params": {"beam": 4, "n_best": 3}}))
        assert status == 200
        assert [row["translation"] for row in contents["predictions"]] == [row["translation"] for row in wider]
        for body, message in [
            ("{", "JSON"),
            (json.dumps({"inputs": []}), "missing inputs"),
            (json.dumps({"dataframe_records": [{"text": "Here."}]}), "found a column `text`; expected `source`"),
            (json.dumps({"inputs": TEXTS, "params": {"beam": 0}}), "params: found beam 0; expected 1 to 1000"),
            (json.dumps({"dataframe_records": [{"source": None}]}), "found nothing; expected text"),
            (json.dumps({"dataframe_records": [{"source": 3}]}), "expected text"),
            (json.dumps({"inputs": TEXTS, "params": {"n_best": 3}}), "found n_best 3; expected at most beam, 2"),
        ]:
            status, text = post(url, body)
            assert (status, message in text) == (400, True), text
        assert post(url, json.dumps({"inputs": TEXTS})) == (200, {"predictions": usual})


def test_the_version_leads_to_what_it_was_made_from(workspace: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{workspace / 'mlflow.db'}")
    version = client.get_model_version_by_alias("a- b-c", "ensemble")
    assert version.description == "Run ensemble: 2 x reversed, en-fr, beam 2; BLEU 63.23 (61.67 to 64.91)"
    for seed in "12":
        assert version.tags[f"model.{seed}.sha256"] == files.sha256(workspace / "models/reversed" / seed / WEIGHTS)
    assert version.tags["bleu_signature"] == project.SIGNATURE.format("13a")
    assert version.tags["params_sha256"] == files.sha256(workspace / "params.yaml")
    made = client.get_run(version.run_id)
    assert (made.info.status, made.data.tags["stage"]) == ("FINISHED", "package@ensemble")
    parent = client.get_run(made.data.tags["mlflow.parentRunId"])
    assert parent.info.status == "FINISHED"


def test_what_is_packed_has_the_same_bytes_each_time_and_no_path_of_this_machine(project_folder: Path) -> None:
    contents = []
    for _ in range(2):
        package.main("single", register=False)
        folder = project_folder / "packages/single"
        files_read = {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }
        about = yaml.safe_load(files_read.pop("MLmodel"))
        contents.append(files_read | {"MLmodel": json.dumps({key: about[key] for key in about.keys() - MADE_ANEW})})
    assert contents[0] == contents[1]
    assert {"code/service.py", "code/s2s/inference/translator.py", "data/translator/1/weights.safetensors"} <= contents[
        0
    ].keys()
    assert not [name for name, content in contents[0].items() if str(project_folder) in str(content)]
    assert not [name for name in contents[0] if "__pycache__" in name or name.startswith("code/pipeline")]


MADE_ANEW = {"model_uuid", "utc_time_created"}


def test_what_is_packed_needs_what_it_says(project_folder: Path) -> None:
    package.main("single", register=False)
    imports = {name.partition(".")[0] for file in closure("pipeline/serving/service.py") for name in imported(file)}
    outside = imports - sys.stdlib_module_names - {"s2s"}
    assert {*outside, "mlflow"} == set(package.REQUIREMENTS)
    lock = (ROOT / "requirements.lock").read_text().split("\n")
    needed = (project_folder / "packages/single/requirements.txt").read_text().split("\n")
    assert set(needed) < set(lock)
    assert [line.split("==")[0] for line in needed] == list(package.REQUIREMENTS)


def test_a_run_that_replaces_unknown_words_takes_the_lexicon_along(project_folder: Path) -> None:
    path, (_, target) = Path("data/lexicon/base.parquet"), model_folders.words()
    Lexicon({"dog": ("chien", 0.9)}, 1.0, 0.1, target.sha256).save(path)
    write(project_folder, NamedFile(path, files.sha256(path)), replace_unknown=True)
    package.main("single", register=False)
    config = {"device": "cpu", "threads": 1, "batch_sentences": 64}
    contents = service._load_pyfunc("packages/single/data/translator", config).predict(TEXTS)["translation"].tolist()
    assert contents[3:] == ["ici.", "", "chien"]


def test_a_lexicon_that_is_not_there_is_told(project_folder: Path) -> None:
    write(project_folder, NamedFile(Path("data/lexicon/base.parquet"), "0" * 64), replace_unknown=True)
    with pytest.raises(UserError, match=r"^data/lexicon/base.parquet: found no such file; expected what the"):
        package.main("single", register=False)


def test_only_a_package_is_replaced(project_folder: Path) -> None:
    (project_folder / "mine").mkdir()
    with pytest.raises(UserError, match=r"^mine: found no package there; expected one or nothing$"):
        package.main("single", Path("mine"), register=False)


def test_other_runs_are_refused(project_folder: Path) -> None:
    with pytest.raises(UserError, match=r"^--run: found best; expected one of single, ensemble$"):
        package.main("best")


def test_other_models_than_the_named_are_refused(project_folder: Path) -> None:
    model_folders.write(project_folder / "models/reversed/1", 7)
    with pytest.raises(UserError, match=r"weights.safetensors: found sha256 \w+; expected \w+, run the members stage"):
        package.main("single", register=False)
    assert not (project_folder / "packages").exists()


def test_a_store_that_does_not_answer_costs_the_registration_alone(project_folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://me:secret@127.0.0.1:{free.getsockname()[1]}"
    process = run(project_folder, "--run", "single", MLFLOW_TRACKING_URI=nowhere)
    assert (process.returncode, "secret" in process.stderr) == (2, False)
    assert process.stderr.rstrip().endswith("expected a store that answers, or --no-register")
    assert (project_folder / "packages/single/MLmodel").is_file()
