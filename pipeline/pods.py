"""Stages as jobs of a Kubernetes cluster: what Snakemake's profile calls to send one and to ask how it stands."""

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
"""How the line begins in which Snakemake tells a job script's rule, threads and resources."""
LONGEST_NAME = 50  # characters; of 63, some are left for what the cluster adds


@app.command()
def submit(
    script: Annotated[Path, typer.Argument(help="what Snakemake wants to be run")],
    template: Annotated[Path, typer.Option(help="the job without name, command and resources")],
) -> None:
    """Sends a job and prints its name."""
    job = manifest(template, script, Path.cwd())
    done = kubectl("create", "--filename", "-", "--output", "name", given=json.dumps(job))
    check(done.returncode == 0, f"kubectl create: found {done.stderr.strip()}; expected the job to be taken")
    typer.echo(done.stdout.strip())


@app.command()
def status(job: Annotated[str, typer.Argument(help="its name, as submit printed it")]) -> None:
    """Prints one of the words that Snakemake knows: running, success, failed."""
    done = kubectl("get", job, "--output", "json")
    if done.returncode == 0:
        typer.echo(word(json.loads(done.stdout)["status"]))
        return
    typer.echo(f"kubectl get {job}: {done.stderr.strip()}", err=True)
    # A job that someone deleted has failed; a cluster that does not answer now says nothing of it.
    typer.echo("failed" if "NotFound" in done.stderr else "running")


def manifest(template: Path, script: Path, project: Path) -> dict[str, Any]:
    """The job of a template that runs a script of Snakemake's in the folder of the project."""
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
    """What Snakemake says of a job in its script."""
    lines = script.read_text(encoding="utf-8").splitlines()
    found = [line.removeprefix(PROPERTIES) for line in lines if line.startswith(PROPERTIES)]
    check(found, f"{script}: found no line '{PROPERTIES.strip()}'; expected a job script of Snakemake")
    properties: dict[str, Any] = json.loads(found[0])
    return properties


def resources(threads: int, needs: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Cores are asked for, memory is a limit too, and GPUs are counted by their limit alone."""
    memory = f"{needs['mem_mb']}M"
    limits = {"memory": memory}
    if needs.get("gpu"):
        limits["nvidia.com/gpu"] = str(needs["gpu"])
    return {"requests": {"cpu": str(threads), "memory": memory}, "limits": limits}


def name(rule: str) -> str:
    """How the names of a rule's jobs begin: a DNS label."""
    return f"s2s-{re.sub('[^a-z0-9]+', '-', rule.lower())[:LONGEST_NAME].strip('-')}-"


def word(state: dict[str, Any]) -> str:
    """A job's state in Snakemake's word for it."""
    return "success" if state.get("succeeded") else "failed" if state.get("failed") else "running"


def kubectl(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Calls the cluster."""
    try:
        return subprocess.run(["kubectl", *arguments], input=given, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserError("kubectl: not found; expected the client of the Kubernetes cluster in PATH") from None


if __name__ == "__main__":
    program.run(app)
