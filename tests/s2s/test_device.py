"""The choice of a device, and the memory that a process keeps for later tensors."""

import subprocess
import sys

import pytest

from s2s.device import prepare
from s2s.errors import UserError

PREPARED = "from s2s.device import prepare; prepare('cpu', 1)"
# Prints how many of 240 megabytes a process still holds after their tensors are freed.
PROGRAM = """
import torch
{setting}
def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20
before = held()
tensors = [torch.ones({megabytes} << 18) for _ in range(240 // {megabytes})]
del tensors
print(held() - before)
"""


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="other C libraries keep memory by their own rules")
@pytest.mark.parametrize(
    ("setting", "megabytes", "kept"),
    [("", 20, 0), (PREPARED, 20, 240), (PREPARED, 80, 0)],
)
def test_freed_memory_is_kept_in_blocks_that_an_update_needs_again(setting: str, megabytes: int, kept: int) -> None:
    program = [sys.executable, "-c", PROGRAM.format(setting=setting, megabytes=megabytes)]
    held = int(subprocess.run(program, check=True, capture_output=True, text=True).stdout)
    assert held == pytest.approx(kept, abs=30)


@pytest.mark.parametrize("threads", [0, 1_000_000])
def test_threads_have_a_range(threads: int) -> None:
    with pytest.raises(UserError, match=rf"^threads: found {threads}; expected 1 to 1024$"):
        prepare("cpu", threads)


def test_the_device_is_the_one_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert prepare("auto", 1).type == prepare("cpu", 1).type == "cpu"
    with pytest.raises(UserError, match="device: found no CUDA device; expected one, or device: cpu or auto"):
        prepare("cuda", 1)
