"""A SLURM cluster of one machine, from Debian's packages, with daemons that run during a test."""

import getpass
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol")
INSTALL = "apt-get install --no-install-recommends slurmctld slurmd slurm-client munge"
CORES = 4
GPUS = ("/dev/null", "/dev/zero")
"""Files that the node declares as GPUs; the controller only counts the requests of jobs."""
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
MinJobAge=86400
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=16000 Gres=gpu:{gpus}
PartitionName=main Nodes=ALL Default=YES State=UP
"""


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


@contextmanager
def cluster(folder: Path) -> Iterator[Path]:
    """Run the daemons within the block, and yield the path of their configuration, the clients' SLURM_CONF.

    The folder `bin` beside it must be first in PATH: jobs start steps by `srun`, and Snakemake's plugin removes
    SLURM_CONF from their environment, because a real cluster has its configuration in SLURM's default place.
    """
    configuration = configured(folder)
    munge = [f"--{name}={folder}/munge.{name.partition('-')[0]}" for name in ("socket", "pid-file", "seed-file")]
    munge += [f"--log-file={folder}/munged.log", f"--key-file={folder}/munge.key", "--foreground", "--force"]
    with ExitStack() as stack:
        for command in (
            ["munged", *munge],
            ["slurmctld", "-D", "-f", str(configuration)],
            ["slurmd", "-D", "-f", str(configuration)],
        ):
            stack.enter_context(daemon(command, folder))
        wait_until_idle(configuration, folder)
        yield configuration


def configured(folder: Path) -> Path:
    """Write the configuration of the daemons, and return its path."""
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(bytes(range(128)))
    key.chmod(0o600)
    host = socket.gethostname()
    (folder / "gres.conf").write_text("".join(f"NodeName={host} Name=gpu File={file}\n" for file in GPUS))
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(
            host=host,
            user=getpass.getuser(),
            folder=folder,
            controller_port=free_port(),
            node_port=free_port(),
            cores=CORES,
            gpus=len(GPUS),
        )
    )
    (folder / "bin").mkdir()
    step = folder / "bin/srun"
    step.write_text(f'#!/bin/sh\nSLURM_CONF="{folder}/slurm.conf" exec {shutil.which("srun")} "$@"\n')
    step.chmod(0o755)
    return folder / "slurm.conf"


def free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def daemon(command: Sequence[str], folder: Path) -> Iterator[None]:
    """Run a program within the block, with its output in a file."""
    with (folder / f"{command[0]}.out").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


def wait_until_idle(configuration: Path, folder: Path, seconds: float = 60.0) -> None:
    """Wait until the node accepts jobs."""
    end = time.monotonic() + seconds
    while "idle" not in ask(configuration, "sinfo", "--noheader", "--format=%T"):
        logs = "\n".join(f"{path.name}: {path.read_text()[-2000:]}" for path in sorted(folder.glob("*.out")))
        assert time.monotonic() < end, logs
        time.sleep(0.5)


def ask(configuration: Path, *command: str) -> str:
    """Return the output of a client of the cluster."""
    environment = {"SLURM_CONF": str(configuration), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def jobs(configuration: Path) -> list[dict[str, str]]:
    """Return the controller's fields of each job, running or ended."""
    lines = ask(configuration, "scontrol", "--oneliner", "show", "job").splitlines()
    return [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines if line.startswith("JobId=")]
