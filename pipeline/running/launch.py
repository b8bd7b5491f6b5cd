"""Runs of a stage as several processes on one or more nodes, by torchrun, with a restart if a process is lost."""

import logging
import os
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from s2s.errors import UserError, check
from s2s.program import mistake

NODES = "S2S_NODES"
"""Environment variable: number of nodes that share the processes. The same command must be started on each node."""
RENDEZVOUS = "S2S_RENDEZVOUS"
"""Environment variable: host:port on one of the nodes, to which all nodes connect."""
FAILURE = "S2S_FAILURE"
"""Environment variable, set here: the file to which a process writes a user's mistake."""
RESTARTS = 3


def is_worker() -> bool:
    """Return whether `launch` started this process."""
    return FAILURE in os.environ


def local_rank() -> int:
    """Return the number of this process on its node, which is also the number of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def node_count() -> int:
    """Return the number of nodes that share the processes."""
    text = os.environ.get(NODES, "1")
    check(text.isdecimal() and int(text) > 0, f"{NODES}: found {text!r}; expected a number of nodes, 1 or more")
    return int(text)


def processes_here(devices: int) -> int:
    """Return the number of processes on this node.

    Args:
        devices: number of all processes.

    Raises:
        UserError: the nodes cannot share the processes evenly, or have no address to connect to.
    """
    nodes = node_count()
    check(devices % nodes == 0, f"train.devices: found {devices}; expected a multiple of {NODES}={nodes}")
    check(nodes == 1 or RENDEZVOUS in os.environ, f"{RENDEZVOUS}: not set; expected host:port of one of {nodes} nodes")
    return devices // nodes


def launch(devices: int) -> None:
    """Run this program as `devices` processes, and again from the last checkpoint if a process is lost.

    Raises:
        UserError: a process found a user's mistake.
        SystemExit: processes failed too often, or a signal ended them.
    """
    nodes = node_count()
    # Otherwise restarted processes would read the addresses of the lost ones from a shared store, and wait for them.
    os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    logging.disable(logging.WARNING)  # torchrun warns of each signal that it forwards
    with tempfile.TemporaryDirectory() as folder:
        failure = Path(folder) / "failure"
        os.environ[FAILURE] = str(failure)
        config = LaunchConfig(
            min_nodes=nodes,
            max_nodes=nodes,
            nproc_per_node=processes_here(devices),
            run_id=os.environ.get(RENDEZVOUS, uuid.uuid4().hex),
            rdzv_backend="c10d",
            rdzv_endpoint=os.environ.get(RENDEZVOUS, "localhost:0"),
            max_restarts=RESTARTS,
            monitor_interval=0.2,
        )
        program = sys.modules["__main__"].__spec__
        assert program is not None, "stages are started by python -m"
        try:
            elastic_launch(config, sys.executable)("-m", program.name, *sys.argv[1:])
        except SignalException as ended:
            if failure.exists():
                raise UserError(failure.read_text(encoding="utf-8")) from None
            raise SystemExit(128 + int(ended.sigval)) from None
        except ChildFailedError as failed:
            rank, first = failed.get_first_failure()
            print(f"process {rank} of {devices} ended with exit code {first.exitcode}", file=sys.stderr)
            raise SystemExit(1) from None
        finally:
            del os.environ[FAILURE]


@contextmanager
def mistakes_told() -> Iterator[None]:
    """Report a user's mistake to the `launch` that started this process, so that it does not restart the process."""
    try:
        yield
    except (UserError, OSError) as error:
        message = mistake(error)
        if message is None:
            raise
        if local_rank() == 0:
            Path(os.environ[FAILURE]).write_text(message, encoding="utf-8")
            os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(60)  # until `launch` ends the process: an exit would look like a lost process
        raise
