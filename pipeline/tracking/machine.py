"""The processor and GPU time of a stage, and a description of its machine."""

import os
import sys
import time
from pathlib import Path


def process() -> str:
    """Return host, pid and the present time, by which a later process with the same pid is known to be another."""
    return f"{os.uname().nodename} {os.getpid()} {time.time()}"


def is_here(identity: str) -> bool:
    """Return True if a process runs, or ran, on this host."""
    return identity.rsplit(" ", 2)[0] == os.uname().nodename


def is_dead(identity: str) -> bool:
    """Return True if a process of this host has ended.

    For processes of other hosts, return False.
    """
    import psutil  # noqa: PLC0415 its import takes as long as all else that a stage does for its record

    _, pid, seen = identity.rsplit(" ", 2)
    if not is_here(identity):
        return False
    try:
        candidate = psutil.Process(int(pid))
        return bool(candidate.status() == psutil.STATUS_ZOMBIE or candidate.create_time() > float(seen) + 1)
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
    system = os.uname()
    return {
        "processor": processor(),
        "cores": str(len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()),
        "memory_gb": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f}",
        "system": f"{system.sysname} {system.release} {system.machine}",
    }


def processor() -> str:
    """Return the processor's model, or its architecture where the system does not name the model."""
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        with facts.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return os.uname().machine
