"""Messages of stages that wait in work/tracking/ for MLflow, and the start of the one recorder that carries them there.

Each run of a stage has a folder: `start.json`, `messages` with a digest on each line, and copies of small outputs in
`kept/`. The recorder adds `journal.json`, and removes the folder once all has arrived.
"""

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.tracking import address, machine

Message = dict[str, Any]
START, MESSAGES, JOURNAL, KEPT = "start.json", "messages", "journal.json", "kept"
TROUBLE_SECONDS = 20.0  # for a server that is just being started
STARTS = 3  # recorders that end at once, such as for want of memory, are not started for ever
CODE = Path(__file__).resolve().parents[2]


def folder() -> Path:
    """Return the folder of all messages in the user's repository."""
    return address.root() / "work" / "tracking"


def runs() -> list[Path]:
    """Return the folders of the runs that wait, the oldest first."""
    with suppress(FileNotFoundError):
        return sorted(path for path in folder().iterdir() if (path / START).is_file() and path.name[0] != ".")
    return []


def sweep() -> None:
    """Remove what is left of folders that were removed, and, after a day, of folders that were never complete."""
    for path in folder().glob(".*"):
        if (path / JOURNAL).exists() or time.time() - path.stat().st_mtime > 86400:
            shutil.rmtree(path, ignore_errors=True)


def now() -> int:
    """Return the milliseconds since 1970, MLflow's unit of time."""
    return time.time_ns() // 1_000_000


class Sender:
    """The stage's end of an outbox."""

    def __init__(self, start: Mapping[str, Any]):
        """Make the folder of a run, whose name sorts by time.

        It gets its name when it is complete, so that a recorder never sees half of it.

        Raises:
            OSError: the folder cannot be written.
        """
        folder().mkdir(parents=True, exist_ok=True)
        self.folder = folder() / f"{start['time']:013d}-{uuid.uuid4().hex[:12]}"
        hidden = folder() / f".{self.folder.name}"
        hidden.mkdir()
        (hidden / START).write_text(json.dumps(start), encoding="utf-8")
        self.file = os.open(hidden / MESSAGES, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        hidden.rename(self.folder)
        self.is_torn = False

    def send(self, message: Message) -> None:
        """Append a message as one line in one write, with its digest.

        Raises:
            OSError: nothing, or only a part, could be written; the next line then starts after the torn one.
        """
        line = sealed(message)
        whole = b"\n" * self.is_torn + line
        self.is_torn = True
        if os.write(self.file, whole) < len(whole):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
        self.is_torn = False

    def keep(self, path: Path, place: str = "") -> None:
        """Keep a copy of a file, to become an artifact in a folder of the run."""
        kept = self.folder / KEPT / place
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, kept / path.name)


def sealed(message: Message) -> bytes:
    """Return a message as a line that starts with the checksum of its JSON."""
    text = json.dumps(message).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def opened(line: bytes) -> Message | None:
    """Return the message of a line, None if the line is torn or damaged."""
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    message: Message = json.loads(text)
    return message


def messages(run: Path, offset: int) -> Iterator[tuple[int, Message]]:
    """Yield the messages of a run from a byte on, each with the byte after its line; torn lines are left out."""
    with suppress(FileNotFoundError), (run / MESSAGES).open("rb") as file:
        file.seek(offset)
        for line in file:
            offset += len(line)
            if line.endswith(b"\n") and (message := opened(line[:-1])):
                yield offset, message


def has_ended(run: Path) -> bool:
    """Return True if the last message of a run is its end."""
    with suppress(FileNotFoundError), (run / MESSAGES).open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 100_000))
        message = opened(file.read().rstrip(b"\n").rpartition(b"\n")[2])
        return message is not None and "end" in message
    return False


def lock() -> int | None:
    """Take the lock of the recorder, and return its file descriptor, None if a recorder has it.

    The kernel frees it when the last process that holds the descriptor ends.
    """
    file = os.open(folder() / "recorder.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def wake() -> bool:
    """Start a recorder unless one is at work, and return True if it had to be started.

    It inherits the lock, so ten stages at once start one. It has its own session, so that a kill of the stage's process
    group leaves it alive, and no pipe of the stage, whose reader would wait for it.
    """
    held = lock()
    if held is None:
        return False
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(CODE), os.environ.get("PYTHONPATH", "")])}
    log = folder() / "recorder.log"
    try:
        with log.open("ab" if log.exists() and log.stat().st_size < 1_000_000 else "wb") as output:
            subprocess.Popen(
                [sys.executable, "-m", "pipeline.tracking.recorder", str(held)],
                cwd=address.root(),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[held],
                start_new_session=True,
            )
    finally:
        os.close(held)
    return True


def set_trouble(line: str) -> None:
    """Leave a line in which the recorder says why nothing arrives; "" takes it back."""
    with suppress(OSError):
        if line:
            (folder() / "trouble").write_text(line, encoding="utf-8")
        else:
            (folder() / "trouble").unlink(missing_ok=True)
            (folder() / "told").unlink(missing_ok=True)


def trouble(since: float = 0.0) -> str:
    """Return the recorder's line if it is newer than a time, else ""."""
    path = folder() / "trouble"
    with suppress(OSError):
        return path.read_text(encoding="utf-8") if path.stat().st_mtime >= since else ""
    return ""


def untold_trouble() -> str:
    """Return the recorder's line to the first caller, and "" to all others, so that of many stages one prints it."""
    with suppress(OSError):
        if line := trouble():
            os.close(os.open(folder() / "told", os.O_CREAT | os.O_EXCL))
            return line
    return ""


def start_of(run: Path) -> dict[str, Any]:
    """Return the start of a run, {} if it was removed meanwhile or is damaged, which the doctor mends."""
    with suppress(OSError, ValueError):
        start = json.loads((run / START).read_bytes())
        if isinstance(start, dict) and {"process", "store"} <= start.keys():
            return start
    return {}


def over() -> list[Path]:
    """Return the folders of the runs that wait and whose stages have ended, or are dead."""
    starts = {run: start_of(run) for run in runs()}
    return [run for run, start in starts.items() if start and (has_ended(run) or machine.is_dead(start["process"]))]


def settle(seconds: float) -> list[Path]:
    """Wait until the runs that are over are in MLflow, and return those that are not.

    Give up when the recorder has given up, after some seconds, or after less if it only meets trouble.
    """
    start, deadline, starts = time.time(), time.monotonic() + seconds, 0
    while waiting := over():
        if not is_recording():
            if trouble(start) or starts == STARTS:
                break
            starts += wake()
        if trouble(start + TROUBLE_SECONDS) or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    return waiting


def is_recording() -> bool:
    """Return True if a recorder is at work."""
    held = lock()
    if held is not None:
        os.close(held)
    return held is None
