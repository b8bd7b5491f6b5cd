"""The JSON that every benchmark prints: what it measures, its command line, the machine, and the figures."""

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

PACKAGES = ("torch", "numpy", "pyarrow", "sacremoses")


def show(what: str, figures: Mapping[str, object], gpu: str = "") -> None:
    """Print a benchmark's figures as JSON, after the keys `benchmark`, `command` and `machine`.

    Args:
        what: the measured quantity, in a few words.
        figures: results and settings by name.
        gpu: name of the GPU that was measured, if any.
    """
    print(json.dumps({"benchmark": what, "command": command(), "machine": machine(gpu), **figures}, indent=2))


def command() -> str:
    """Return the command line of this program."""
    spec = sys.modules["__main__"].__spec__
    program = f"-m {spec.name}" if spec else sys.argv[0]
    return f"python {program} {shlex.join(sys.argv[1:])}".strip()


def machine(gpu: str = "") -> dict[str, object]:
    """Return the processor, the number of usable cores, the system, and the versions that decide speed."""
    versions = {name: version for name in PACKAGES if (version := installed(name))}
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        **({"gpu": gpu} if gpu else {}),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **versions,
    }


def processor() -> str:
    """Return the model of the processor, or its architecture where the system does not name the model."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8", errors="replace").splitlines() if facts.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def installed(package: str) -> str | None:
    """Return a package's version without importing it, None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
