"""Kubernetes jobs, with a fake kubectl that runs their commands on this computer."""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline import dag
from pipeline.commands import kubernetes
from s2s.errors import UserError
from tests.support.checkout import Values, call, clone

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "profiles/kubernetes/job.yaml"
KUBECTL = f"""#!{sys.executable}
import json, pathlib, subprocess, sys
jobs = pathlib.Path(__file__).parent / "jobs"
jobs.mkdir(exist_ok=True)
if sys.argv[1] == "create":
    job = json.load(sys.stdin)
    name = job["metadata"]["generateName"] + f"{{len(list(jobs.iterdir())):05}}"
    container = job["spec"]["template"]["spec"]["containers"][0]
    (jobs / name).mkdir()
    (jobs / name / "job.json").write_text(json.dumps(job))
    run = '"$@" > "$0/log" 2>&1; echo $? > "$0/ended.part"; mv "$0/ended.part" "$0/ended"'
    command = ["bash", "-c", run, str(jobs / name), *container["command"]]
    subprocess.Popen(command, cwd=container["workingDir"], stdin=-3, stdout=-3, stderr=-3, start_new_session=True)
    print(f"job.batch/{{name}}")
else:
    ended = jobs / sys.argv[2].removeprefix("job.batch/") / "ended"
    if not ended.parent.is_dir():
        sys.exit(f'Error from server (NotFound): jobs.batch "{{ended.parent.name}}" not found')
    code = ended.read_text().strip() if ended.exists() else None
    print(json.dumps({{"status": {{None: {{"active": 1}}, "0": {{"succeeded": 1}}}}.get(code, {{"failed": 1}})}}))
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a fake kubectl first in PATH, and return its folder."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    (folder / "kubectl").write_text(KUBECTL)
    (folder / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def write_script(path: Path, command: str = "true", **properties: Any) -> Path:
    document = {"rule": "train_reversed_1", "threads": 4, "resources": {"mem_mb": 3000, "tmpdir": "<TBD>"}} | properties
    path.write_text(f"#!/bin/sh\n# properties = {json.dumps(document)}\n{command}\n")
    return path


@pytest.mark.parametrize(
    ("needs", "limits"),
    [
        ({"mem_mb": 3000}, {"memory": "3000M"}),
        ({"mem_mb": 1000, "gpu": 8}, {"memory": "1000M", "nvidia.com/gpu": "8"}),
    ],
)
def test_a_job_asks_for_what_its_rule_needs(needs: dict[str, int], limits: dict[str, str], tmp_path: Path) -> None:
    script = write_script(tmp_path / "job.sh", resources=needs)
    job = kubernetes.manifest(TEMPLATE, script, Path("/project/here"))
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"] == {"requests": {"cpu": "4", "memory": limits["memory"]}, "limits": limits}
    assert container["command"] == ["bash", str(script)]
    assert container["workingDir"] == "/project/here"
    assert job["metadata"] == {"labels": {"app": "seq2seq"}, "generateName": "s2s-train-reversed-1-"}


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("check", "s2s-check-"),
        ("translate_Bahdanau__2", "s2s-translate-bahdanau-2-"),
        ("train_" + "x" * 80, "s2s-train-" + "x" * 44 + "-"),
    ],
)
def test_names_are_dns_labels_with_room_for_what_the_cluster_adds(rule: str, name: str) -> None:
    assert kubernetes.name(rule) == name
    assert len(kubernetes.name(rule)) + 5 <= 63


@pytest.mark.parametrize(
    ("state", "word"),
    [({}, "running"), ({"active": 1}, "running"), ({"succeeded": 1}, "success"), ({"failed": 1}, "failed")],
)
def test_states_are_told_in_snakemakes_words(state: dict[str, int], word: str) -> None:
    assert kubernetes.word(state) == word


def test_a_deleted_job_has_failed(cluster: Path) -> None:
    assert CliRunner().invoke(kubernetes.app, ["status", "job.batch/gone"]).stdout == "failed\n"


def test_a_cluster_that_does_not_answer_says_nothing_of_a_job(cluster: Path) -> None:
    (cluster / "kubectl").write_text("#!/bin/sh\necho 'Unable to connect to the server' >&2; exit 1\n")
    result = CliRunner().invoke(kubernetes.app, ["status", "job.batch/one"])
    assert result.stdout == "running\n"
    assert "Unable to connect to the server" in result.stderr


@pytest.mark.parametrize(
    ("place", "text", "message"),
    [
        ("job.sh", "#!/bin/sh\n", "job.sh: found no line '# properties ='; expected a job script of Snakemake"),
        (
            "job.yaml",
            "kind: Job\n",
            r"job.yaml: found KeyError\('spec'\); expected a Kubernetes Job with one container",
        ),
        ("job.yaml", "a: [", "job.yaml: found .*; expected a Kubernetes Job with one container"),
    ],
)
def test_what_is_no_job_is_refused(place: str, text: str, message: str, tmp_path: Path) -> None:
    script = write_script(tmp_path / "job.sh")
    (tmp_path / "job.yaml").write_text(TEMPLATE.read_text(encoding="utf-8"))
    (tmp_path / place).write_text(text)
    with pytest.raises(UserError, match=message):
        kubernetes.manifest(tmp_path / "job.yaml", script, tmp_path)


def test_tells_why_a_job_was_not_taken(cluster: Path, tmp_path: Path) -> None:
    (cluster / "kubectl").write_text("#!/bin/sh\necho 'error: forbidden' >&2; exit 1\n")
    script = write_script(tmp_path / "job.sh")
    with pytest.raises(UserError, match="kubectl create: found error: forbidden; expected the job to be accepted"):
        kubernetes.submit(script, TEMPLATE)


def test_says_what_is_missing_without_kubectl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="kubectl: not found; expected the client of the Kubernetes cluster in PATH"):
        kubernetes.kubectl("get", "job")


@pytest.mark.slow
def test_stages_run_as_jobs_and_dvc_records_them(cluster: Path, tmp_path: Path) -> None:
    if find_spec("snakemake_executor_plugin_cluster_generic") is None:
        pytest.skip("Snakemake's executor plugins are not installed; run `make clusters`")
    folder = clone(tmp_path / "on a cluster")
    quick = ("--seconds-between-status-checks", "1", "--latency-wait", "5", "--max-threads", "2")
    call(folder, "snakemake", "--profile", "profiles/kubernetes", *quick, "data/clean")
    jobs = [json.loads(path.read_text(encoding="utf-8")) for path in (cluster / "jobs").glob("*/job.json")]
    assert {job["metadata"]["generateName"] for job in jobs} == {"s2s-check-", "s2s-download-", "s2s-clean-"}
    (clean,) = [stage for stage in dag.stages(folder) if stage.name == "clean"]
    (sent,) = [job for job in jobs if job["metadata"]["generateName"] == "s2s-clean-"]
    asked = sent["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert asked["requests"] == {"cpu": "2", "memory": f"{clean.meta['memory_mb']}M"}
    assert "up to date" in call(folder, "dvc", "status", "check", "download", "clean")


def take_no_translation(values: Values) -> None:
    """Configure files with different numbers of lines as parallel text."""
    sides = {"source": "LICENSE", "target": "README.md"}
    files = {key: sides[key.partition("_")[2]] for key in values["download"]["files"]}
    values["download"] |= {"source": "files", "files": files}


@pytest.mark.slow
def test_a_job_that_fails_is_told_and_ends_the_run(cluster: Path, tmp_path: Path) -> None:
    if find_spec("snakemake_executor_plugin_cluster_generic") is None:
        pytest.skip("Snakemake's executor plugins are not installed; run `make clusters`")
    folder = clone(tmp_path / "fails", take_no_translation)
    quick = ("--seconds-between-status-checks", "1", "--latency-wait", "5", "--retries", "0")
    output = call(folder, "snakemake", "--profile", "profiles/kubernetes", *quick, "data/raw", code=1)
    assert "Error in rule download" in output
