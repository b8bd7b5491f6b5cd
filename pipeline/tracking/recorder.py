"""The process that carries messages of stages from work/tracking/ to MLflow, one for all stages of a repository."""

import fcntl
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.tracking import address, outbox, store
from pipeline.tracking.delivery import Delivery, say
from s2s.errors import printable

POLL_SECONDS = 0.5
LINGER_SECONDS = 5.0
"""Time that the recorder waits for a next stage."""
RETRY_SECONDS = 15.0
"""Longest time until a store that did not answer is tried again."""


class Recorder:
    """Deliveries under way, and the stores that do not answer."""

    def __init__(self) -> None:
        self.deliveries: dict[Path, Delivery] = {}
        self.stores: dict[tuple[str, str], store.Store] = {}
        self.failures: dict[str, int] = {}  # in a row, by address
        self.retries: dict[str, float] = {}  # when to try again, by address

    def round(self) -> bool:
        """Carry what waits of each run, and return True if something arrived or a stage is running.

        Runs that failed come last, so that one that MLflow cannot take holds up no other.
        """
        known = {folder: self.deliveries.get(folder) or Delivery(folder) for folder in outbox.runs()}
        self.deliveries = {folder: delivery for folder, delivery in known.items() if delivery.start}
        order = sorted(self.deliveries.values(), key=lambda delivery: delivery.failures)
        visits = [self.visit(delivery) for delivery in order]
        return any(visits)

    def visit(self, delivery: Delivery) -> bool:
        """Carry what waits of a run, and return True if something arrived or the stage is running."""
        is_open, place = delivery.is_open(), delivery.start["store"]
        if self.retries.get(place, 0.0) > time.monotonic():
            return is_open
        try:
            with at(place):
                arrived = delivery.deliver(self.store(place, delivery.start["experiment"]))
        except Exception as error:  # MLflow, its database driver and its HTTP client raise unrelated classes
            delivery.failures += 1
            self.fail(place, error)
            return is_open
        if arrived and self.failures.pop(place, 0):
            outbox.set_trouble("")
        return is_open or arrived

    def store(self, place: str, experiment: str) -> store.Store:
        """Return the store of an experiment; the first time, end the runs that no process will end."""
        if (place, experiment) not in self.stores:
            opened = store.Store(experiment)
            opened.sweep([folder.name for folder in outbox.runs()])
            self.stores[place, experiment] = opened
        return self.stores[place, experiment]

    def fail(self, place: str, error: Exception) -> None:
        """Set the time to try a store again, and leave a line for the next stage."""
        self.failures[place] = self.failures.get(place, 0) + 1
        self.retries[place] = time.monotonic() + min(2.0 ** self.failures[place], RETRY_SECONDS)
        self.stores = {key: opened for key, opened in self.stores.items() if key[0] != place}
        reason = printable(" ".join(str(error).split()))[:200]
        line = f"MLflow: cannot record at {place} ({reason}); it waits in work/tracking for `python -m pipeline track`"
        say(line)
        outbox.set_trouble(line)

    def is_needed(self) -> bool:
        """Return True if something waits that no store has failed to take."""
        return any(
            folder not in self.deliveries
            or (self.deliveries[folder].waiting() and self.deliveries[folder].start["store"] not in self.failures)
            for folder in outbox.runs()
            if outbox.start_of(folder)
        )


@contextmanager
def at(place: str) -> Iterator[None]:
    """Let the store be at an address that a stage has named, without the credentials that the environment may have."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    if place == address.shown(address.uri()):
        yield
        return
    os.environ["MLFLOW_TRACKING_URI"] = place
    try:
        yield
    finally:
        del os.environ["MLFLOW_TRACKING_URI"]
        os.environ |= {} if before is None else {"MLFLOW_TRACKING_URI": before}


def work(recorder: Recorder) -> None:
    """Carry messages until none has come for some seconds."""
    last = time.monotonic()
    while time.monotonic() - last < LINGER_SECONDS:
        if recorder.round():
            last = time.monotonic()
        time.sleep(POLL_SECONDS)


def main() -> None:
    """Work while this process has the lock that it inherited.

    The last look comes after the lock is free, since a stage that found it taken just before has started no recorder.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    lock, recorder = int(sys.argv[1]), Recorder()
    outbox.set_trouble("")
    outbox.sweep()
    while True:
        work(recorder)
        fcntl.flock(lock, fcntl.LOCK_UN)
        if not recorder.is_needed():
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return


if __name__ == "__main__":
    main()
