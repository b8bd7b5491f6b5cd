"""Runs a stage as several processes, on one node or more, by torchrun's own machinery; a lost one starts all again."""

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
"""Environment variable: how many nodes share the processes. The same command is to be started on each."""
RENDEZVOUS = "S2S_RENDEZVOUS"
"""Environment variable: host:port of one of the nodes, where they meet."""
FAILURE = "S2S_FAILURE"
"""Environment variable, set here: the file where a process writes what a person did wrong."""
RESTARTS = 3


def is_worker() -> bool:
    """Whether this process is one of several that `launch` started."""
    return FAILURE in os.environ


def local_rank() -> int:
    """The number of this process on its node; it takes the GPU of that number."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def node_count() -> int:
    """How many nodes share the processes."""
    text = os.environ.get(NODES, "1")
    check(text.isdecimal() and int(text) > 0, f"{NODES}: found {text!r}; expected a number of nodes, 1 or more")
    return int(text)


def processes_here(devices: int) -> int:
    """How many of all processes run on this node.

    Raises:
        UserError: they cannot be shared out.
    """
    nodes = node_count()
    check(devices % nodes == 0, f"train.devices: found {devices}; expected a multiple of {NODES}={nodes}")
    check(nodes == 1 or RENDEZVOUS in os.environ, f"{RENDEZVOUS}: not set; expected host:port of one of {nodes} nodes")
    return devices // nodes


def launch(devices: int) -> None:
    """Runs this very program as `devices` processes, and again from the last checkpoint if one of them is lost.

    Raises:
        UserError: one of them found a person's mistake.
        SystemExit: they failed too often, or a signal ended them.
    """
    nodes = node_count()
    # Those that start again would otherwise read the addresses of the lost ones, and wait for them.
    os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    logging.disable(logging.WARNING)  # torchrun warns of each signal that it passes on
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
    """In a process that `launch` started, hands a person's mistake to it, and is not started again for that."""
    try:
        yield
    except (UserError, OSError) as error:
        message = mistake(error)
        if message is None:
            raise
        if local_rank() == 0:
            Path(os.environ[FAILURE]).write_text(message, encoding="utf-8")
            os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(60)  # until it is ended: an exit would be taken for a loss
        raise
