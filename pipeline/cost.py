"""What a stage takes of the machine, and what the machine is."""

import os
import platform
import sys
from pathlib import Path

import psutil


def cpu_seconds() -> float:
    """Processor seconds of this process and of those that it started and saw end.

    Of a training by several processes the first one speaks for itself alone.
    """
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def gpus() -> int:
    """How many GPUs this process and those beside it work on."""
    return int(os.environ.get("WORLD_SIZE", "1")) if device() else 0


def device() -> str:
    """The name of the GPU that this process works on, or nothing; torch is not imported for that."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return ""
    try:
        return str(torch.cuda.get_device_name())
    except RuntimeError:  # after some errors a GPU answers no more, and the stage has its own to tell
        return "unknown"


def machine() -> dict[str, str]:
    """The processor, how many of its cores this process may use, the memory, and the system."""
    return {
        "processor": processor(),
        "cores": str(len(psutil.Process().cpu_affinity() or []) if sys.platform == "linux" else psutil.cpu_count()),
        "memory_gb": f"{psutil.virtual_memory().total / 1e9:.1f}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def processor() -> str:
    """The processor's model, as far as the system tells it."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8", errors="replace").splitlines() if facts.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
