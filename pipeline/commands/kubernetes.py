"""Kubernetes jobs for stages: the commands by which Snakemake's profile submits a job and asks for its state."""

import json
import re
import subprocess
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from s2s import program
from s2s.errors import UserError, check

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__, no_args_is_help=True)
PROPERTIES = "# properties = "
"""Start of the line in which Snakemake writes a job script's rule, threads and resources."""
LONGEST_NAME = 50  # characters; the limit is 63, and the cluster adds a suffix


@app.command()
def submit(
    script: Annotated[Path, typer.Argument(help="job script written by Snakemake")],
    template: Annotated[Path, typer.Option(help="the job without name, command and resources")],
) -> None:
    """Submit a job and print its name."""
    job = manifest(template, script, Path.cwd())
    done = kubectl("create", "--filename", "-", "--output", "name", given=json.dumps(job))
    check(done.returncode == 0, f"kubectl create: found {done.stderr.strip()}; expected the job to be accepted")
    typer.echo(done.stdout.strip())


@app.command()
def status(job: Annotated[str, typer.Argument(help="name of the job, as submit printed it")]) -> None:
    """Print the state of a job in Snakemake's words: running, success or failed."""
    done = kubectl("get", job, "--output", "json")
    if done.returncode == 0:
        typer.echo(word(json.loads(done.stdout)["status"]))
        return
    typer.echo(f"kubectl get {job}: {done.stderr.strip()}", err=True)
    # A deleted job has failed; a cluster that does not answer at the moment tells nothing about the job.
    typer.echo("failed" if "NotFound" in done.stderr else "running")


def manifest(template: Path, script: Path, project: Path) -> dict[str, Any]:
    """Return the template's job, completed to run Snakemake's script in the folder of the project."""
    properties = asked(script)
    try:
        job: dict[str, Any] = yaml.safe_load(template.read_text(encoding="utf-8"))
        container = job["spec"]["template"]["spec"]["containers"][0]
    except (FileNotFoundError, yaml.YAMLError, LookupError, TypeError) as error:
        raise UserError(f"{template}: found {error!r}; expected a Kubernetes Job with one container") from None
    job.setdefault("metadata", {})["generateName"] = name(properties["rule"])
    container["command"] = ["bash", str(script.absolute())]
    container["workingDir"] = str(project)
    container["resources"] = resources(properties["threads"], properties["resources"])
    return job


def asked(script: Path) -> dict[str, Any]:
    """Return rule, threads and resources of a job, as Snakemake writes them into its script."""
    lines = script.read_text(encoding="utf-8").splitlines()
    documents = [line.removeprefix(PROPERTIES) for line in lines if line.startswith(PROPERTIES)]
    check(documents, f"{script}: found no line '{PROPERTIES.strip()}'; expected a job script of Snakemake")
    properties: dict[str, Any] = json.loads(documents[0])
    return properties


def resources(threads: int, needs: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return requests and limits of a container: cores as a request, memory as both, GPUs as a limit."""
    memory = f"{needs['mem_mb']}M"
    limits = {"memory": memory}
    if needs.get("gpu"):
        limits["nvidia.com/gpu"] = str(needs["gpu"])
    return {"requests": {"cpu": str(threads), "memory": memory}, "limits": limits}


def name(rule: str) -> str:
    """Return the prefix of the names of a rule's jobs, a valid DNS label."""
    return f"s2s-{re.sub('[^a-z0-9]+', '-', rule.lower())[:LONGEST_NAME].strip('-')}-"


def word(state: dict[str, Any]) -> str:
    """Return Snakemake's word for the status of a Kubernetes job."""
    return "success" if state.get("succeeded") else "failed" if state.get("failed") else "running"


def kubectl(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run kubectl, with `given` as its standard input."""
    try:
        return subprocess.run(["kubectl", *arguments], input=given, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserError("kubectl: not found; expected the client of the Kubernetes cluster in PATH") from None


if __name__ == "__main__":
    program.run(app)
