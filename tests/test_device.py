"""Which device computes, and the memory that a process keeps for its next tensors."""

import subprocess
import sys

import pytest

from s2s.device import prepare
from s2s.errors import UserError

# Page faults of a tensor of 64 MB, 16,384 pages, made anew after one of its size was freed.
FAULTS = """
import resource, torch
{setting}
def faults():
    torch.ones(1 << 24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(-faults() + faults())
"""


def faults(setting: str) -> int:
    program = [sys.executable, "-c", FAULTS.format(setting=setting)]
    return int(subprocess.run(program, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="other C libraries keep memory by their own rules")
def test_freed_memory_is_kept_for_the_next_tensor() -> None:
    assert faults("") > 1000
    assert faults("from s2s.device import prepare; prepare('cpu', 1)") < 1000


def test_the_device_is_the_one_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert prepare("auto", 1).type == prepare("cpu", 1).type == "cpu"
    with pytest.raises(UserError, match="device: found no CUDA device; expected one, or device: cpu or auto"):
        prepare("cuda", 1)
