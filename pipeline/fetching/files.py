"""Download all files of a source in parallel, with one progress display, after a check of the disk space."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from pipeline.fetching import transfer
from pipeline.fetching.part import part_of
from pipeline.fetching.transfer import Fetch
from pipeline.parameters.sections import Operation
from pipeline.running import resuming
from pipeline.running.resuming import check_free, gigabytes
from pipeline.sources.catalog import Copy, Source
from s2s.progress import Meter

UNPACKED_PER_BYTE = 2  # bytes of extracted text for each byte of WMT's archives: UN 2.0, Common Crawl 1.3, others 1

Result = TypeVar("Result")


class StoppedError(Exception):
    """Another download failed, or the program ends; downloaded bytes are kept."""


@contextmanager
def workplace(source: Source) -> Iterator[Path]:
    """Yield the folder of unfinished downloads, locked for one run; they are removed if the block succeeds."""
    folder = resuming.folder("download")
    with resuming.alone(folder):
        yield folder
        for copies in source.files.values():
            for copy in copies:
                part_of(copy, folder).unlink(missing_ok=True)


def check_space(source: Source, mirrors: Sequence[str], folder: Path, out: Path) -> None:
    """Check that the disk has room for the downloads and the texts; unknown sizes count as 0.

    Raises:
        UserError: the disk has less free space.
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
    """Return the number of bytes of a file still to be downloaded: 0 if a mirror folder has it."""
    folders = [mirror for mirror in mirrors if transfer.is_folder(mirror)]
    if any(
        Path(place).is_file() for mirror in folders for place in [transfer.place_in(mirror, copy) for copy in copies]
    ):
        return 0
    return max(0, (copies[0].bytes or 0) - here(copies, folder))


def here(copies: Sequence[Copy], folder: Path) -> int:
    """Return the number of bytes of a file's first copy that earlier runs have downloaded."""
    part = part_of(copies[0], folder)
    return part.stat().st_size if part.exists() else 0


def fetch_all(
    source: Source,
    source_name: str,
    operation: Operation,
    folder: Path,
    then: Callable[[str, Path, Callable[[], None]], Result],
) -> dict[str, Result]:
    """Download the files of a source in parallel and return the result of `then` for each, by name.

    `then` gets the name of a file, its path, and a function that it has to call about every megabyte: this raises
    StoppedError after another file failed.

    Raises:
        UserError: the first failure; the other downloads are stopped, and resumed by the next run.
    """
    mirrors = transfer.mirrors(operation.mirrors)
    done = {name: here(copies, folder) for name, copies in source.files.items()}
    sizes = {name: copies[0].bytes or done[name] for name, copies in source.files.items()}
    with Meter(f"download {source_name}", 1) as meter, ThreadPoolExecutor(operation.parallel_files) as pool:
        tally = Tally(meter, done, sizes)

        def job(name: str) -> Result:
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
    """Sums the bytes that several threads have downloaded, for one progress display."""

    def __init__(self, meter: Meter, done: dict[str, int], sizes: dict[str, int]) -> None:
        self.meter, self.done, self.sizes = meter, done, sizes
        self.lock, self.stopped = threading.Lock(), False
        self.show()

    def note(self, name: str, done: int, size: int | None) -> None:
        """Note how many bytes of a file are downloaded."""
        self.pulse()
        with self.lock:
            self.done[name], self.sizes[name] = done, size or done
            self.show()

    def pulse(self) -> None:
        """Stop the calling thread if another failed.

        Raises:
            StoppedError: another thread failed, or the program ends.
        """
        if self.stopped:
            raise StoppedError

    def show(self) -> None:
        """Update the progress display."""
        done, self.meter.total = sum(self.done.values()), max(1, sum(self.sizes.values()))
        self.meter.update(done, f"{done / 1e6:,.1f} of {self.meter.total / 1e6:,.1f} MB")
