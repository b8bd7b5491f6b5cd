"""Fetches all files of a source: several at once, in one display, on a disk that has room, for one run at a time."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from pipeline import parts, transfer, work
from pipeline.parameters import Operation
from pipeline.sources import Copy, Source
from pipeline.transfer import Fetch
from pipeline.work import check_free, gigabytes
from s2s.files import sweep
from s2s.progress import Meter

UNPACKED_PER_BYTE = 2  # of WMT's archives, by what is taken of them: UN 2.0, Common Crawl 1.3, the others about 1

Found = TypeVar("Found")


class StoppedError(Exception):
    """Another file failed, or the program is to end; what is there is kept."""


@contextmanager
def workplace(source: Source, out: Path) -> Iterator[Path]:
    """The folder of files on their way, for one run at a time; they are removed when the block ends well."""
    folder = work.folder("download")
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"download: waits for another run that uses {folder}", flush=True)
        lock.acquire()
    try:
        sweep(out)
        yield folder
        for copies in source.files.values():
            for copy in copies:
                parts.part_of(copy, folder).unlink(missing_ok=True)
    finally:
        lock.release()


def check_space(source: Source, mirrors: Sequence[str], folder: Path, out: Path) -> None:
    """Refuses to begin what the disk has no room for; sizes that nobody knows count nothing.

    Raises:
        UserError: one line with the room that there is and that is needed.
    """
    archives = {corpus.archive for corpus in source.corpora}
    fetched = sum(still_to_fetch(copies, mirrors, folder) for copies in source.files.values())
    unpacked = sum(
        (copies[0].bytes or 0) * (UNPACKED_PER_BYTE if name in archives else 1) for name, copies in source.files.items()
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    if folder.stat().st_dev == out.parent.stat().st_dev:
        parts = f"{gigabytes(fetched)} to download and about {gigabytes(unpacked)} of text"
        check_free(folder, fetched + unpacked, parts)
    else:
        check_free(folder, fetched, "to download")
        check_free(out.parent, unpacked, "about, of text")


def still_to_fetch(copies: Sequence[Copy], mirrors: Iterable[str], folder: Path) -> int:
    """The bytes of a file that are not yet here: in a mirror folder it is used where it lies."""
    folders = [mirror for mirror in mirrors if transfer.is_folder(mirror)]
    if any(Path(place).is_file() for mirror in folders for place in [transfer.place_in(mirror, one) for one in copies]):
        return 0
    return max(0, (copies[0].bytes or 0) - here(copies, folder))


def here(copies: Sequence[Copy], folder: Path) -> int:
    """The bytes that earlier runs have fetched of a file's first copy."""
    part = parts.part_of(copies[0], folder)
    return part.stat().st_size if part.exists() else 0


def fetch_all(
    source: Source,
    source_name: str,
    operation: Operation,
    folder: Path,
    then: Callable[[str, Path, Callable[[], None]], Found],
) -> dict[str, Found]:
    """Fetches the files of a source and does `then` with the name and path of each, several at once.

    What is given to `then` beside these is to be called now and then: it raises when another file failed.

    Raises:
        UserError: what failed first; the others are stopped, and go on from there another time.
    """
    mirrors = transfer.mirrors(operation.mirrors)
    done = {name: here(copies, folder) for name, copies in source.files.items()}
    sizes = {name: copies[0].bytes or done[name] for name, copies in source.files.items()}
    with Meter(f"download {source_name}", 1) as meter, ThreadPoolExecutor(operation.parallel_files) as pool:
        tally = Tally(meter, done, sizes)

        def job(name: str) -> Found:
            watch = partial(tally.note, name)
            path = Fetch(name, source.files[name], mirrors, operation.timeout_seconds, folder, watch)()
            return then(name, path, tally.pulse)

        try:
            jobs = {pool.submit(job, name): name for name in source.files}
            return {jobs[done]: done.result() for done in as_completed(jobs)}
        except BaseException:
            tally.stopped = True
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class Tally:
    """Adds up what several threads have fetched, for one display."""

    def __init__(self, meter: Meter, done: dict[str, int], sizes: dict[str, int]) -> None:
        self.meter, self.done, self.sizes = meter, done, sizes
        self.lock, self.stopped = threading.Lock(), False
        self.show()

    def note(self, name: str, done: int, size: int | None) -> None:
        """Takes down how much of a file is there."""
        self.pulse()
        with self.lock:
            self.done[name], self.sizes[name] = done, size or done
            self.show()

    def pulse(self) -> None:
        """Ends what is not wanted any more.

        Raises:
            StoppedError: that is so.
        """
        if self.stopped:
            raise StoppedError

    def show(self) -> None:
        """Tells the display."""
        done, self.meter.total = sum(self.done.values()), max(1, sum(self.sizes.values()))
        self.meter.update(done, f"{done / 1e6:,.1f} of {self.meter.total / 1e6:,.1f} MB")
