"""The processor and GPU time of a stage, and a description of its machine."""

import os
import platform
import socket
import sys
from pathlib import Path

import psutil


def process() -> str:
    """Return host, pid and start time of this process, which no later process shares."""
    own = psutil.Process()
    return f"{socket.gethostname()} {own.pid} {own.create_time()}"


def is_dead(identity: str) -> bool:
    """Return True if a process of this host has ended.

    For processes of other hosts, return False.
    """
    host, pid, created = identity.rsplit(" ", 2)
    if host != socket.gethostname():
        return False
    try:
        candidate = psutil.Process(int(pid))
        return bool(candidate.status() == psutil.STATUS_ZOMBIE or abs(candidate.create_time() - float(created)) > 1)
    except psutil.NoSuchProcess:
        return True


def cpu_seconds() -> float:
    """Return the processor seconds of this process and of its ended children.

    In a training by several processes, this is the time of the first process alone.
    """
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def gpus() -> int:
    """Return the number of GPUs in use by this process and its process group."""
    return int(os.environ.get("WORLD_SIZE", "1")) if device() else 0


def device() -> str:
    """Return the name of the GPU in use, or "", without an import of torch."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return ""
    try:
        return str(torch.cuda.get_device_name())
    except RuntimeError:  # after some errors a GPU does not answer; the stage reports its own error
        return "unknown"


def machine() -> dict[str, str]:
    """Return the processor, the number of cores that this process may use, the memory, and the system."""
    return {
        "processor": processor(),
        "cores": str(len(psutil.Process().cpu_affinity() or []) if sys.platform == "linux" else psutil.cpu_count()),
        "memory_gb": f"{psutil.virtual_memory().total / 1e9:.1f}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def processor() -> str:
    """Return the processor's model, or its architecture where the system does not name the model."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8", errors="replace").splitlines() if facts.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
