"""Measures what watching costs a training, its reports, its progress lines and MLflow's recorder, and prints JSON.

    python -m bench.tracking --seconds 120

Two trainings in turn, one watched and one not, would differ by less than a machine's noise. So what watching does is
counted where it is done: the time that the training loop spends on it, and the processor time of the recorder, as if
training stood still meanwhile. Both together are an upper bound.
"""

import json
import os
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import torch

from bench import plain
from bench.train import RECIPE, versions
from pipeline import stage, tracking
from pipeline.watch import Watch
from s2s.device import prepare
from s2s.model import Seq2Seq
from s2s.network.interface import Architecture
from s2s.prefetch import prefetched
from s2s.progress import Meter
from s2s.status import Status
from s2s.trainer import Trainer

HOUR = 3600.0


class Counted(Watch):
    """What shows and records, and knows how often it was told."""

    reports = 0

    def status(self, status: Status) -> None:
        """Shows and records numbers."""
        self.reports += 1
        super().status(status)


class Timed(Trainer):
    """A trainer that knows how long it attended to anything but training."""

    attending_seconds = 0.0

    def attend(self, folder: Path, epoch: float, rate: float) -> None:
        """Reports where it is time to."""
        started = time.perf_counter()
        super().attend(folder, epoch, rate)
        self.attending_seconds += time.perf_counter() - started


def main(
    seconds: float = 120.0,
    start_seconds: float = 30.0,
    layers: int = 2,
    hidden: int = 128,
    batch_sentences: int = 64,
    vocabulary: int = 1_000,
    pairs: int = 20_000,
    threads: int = 2,
    device: str = "auto",
) -> None:
    """Trains on drawn text, recorded in a store of its own, and prints the share of the time that watching takes.

    Args:
        seconds: of training to be measured.
        start_seconds: of training before, in which the recorder loads MLflow and makes its store.
        layers: of encoder and of decoder.
        hidden: cells a layer, and word vector size.
        batch_sentences: sentence pairs an update.
        vocabulary: entries of each side.
        pairs: of drawn text.
        threads: CPU threads.
        device: auto, cpu or cuda.
    """
    place = prepare(device, threads)
    shape = Architecture("lstm", layers, hidden, hidden, 0.0, True, 0.08, vocabulary, vocabulary)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
        corpus = plain.write(folder, plain.draw(pairs, (vocabulary, vocabulary)))
        torch.manual_seed(1)
        recipe = replace(RECIPE, batch_sentences=batch_sentences)
        with tracking.run() as run, Meter("bench.tracking", recipe.epochs) as meter:
            watch = Counted("bench", run, meter)
            trainer = Timed(Seq2Seq(shape), recipe, corpus, corpus, 1, place, watch, checkpoint_seconds=HOUR)
            trainer.model.train()
            trainer.saved_at = time.monotonic()
            found = measured(trainer, watch, folder, start_seconds, seconds)
    settings = {"layers": layers, "hidden": hidden, "batch_sentences": batch_sentences, "threads": threads}
    print(json.dumps(found | settings | {"device": str(place)} | versions(), indent=2))


def measured(trainer: Timed, watch: Counted, folder: Path, start_seconds: float, seconds: float) -> dict[str, Any]:
    """Trains for some seconds, then for some more that count."""
    train(trainer, folder, start_seconds)
    recorder, reports, attending = recorder_seconds(), watch.reports, trainer.attending_seconds
    started = time.perf_counter()
    train(trainer, folder, seconds)
    took = time.perf_counter() - started
    loop_share = (trainer.attending_seconds - attending) / took
    recorder_share = (recorder_seconds() - recorder) / took
    return {
        "seconds": round(took, 1),
        "reports": watch.reports - reports,
        "watching_share": round(loop_share + recorder_share, 5),
        "loop_share": round(loop_share, 5),
        "recorder_share": round(recorder_share, 5),
        "recorder_start_cpu_seconds": round(recorder, 2),
        "first_hour_share": round(loop_share + recorder_share + recorder / HOUR, 5),
    }


def train(trainer: Timed, folder: Path, seconds: float) -> None:
    """Trains as the trainer's own loop does, evaluations and checkpoints left out, until the time is over."""
    end, rate = time.perf_counter() + seconds, trainer.recipe.learning_rate
    while True:
        batches = trainer.epoch_batches()
        with closing(prefetched(trainer.updater.share, batches)) as shares:
            for number, share in enumerate(shares):
                if time.perf_counter() > end:
                    return
                trainer.update(share, rate)
                trainer.position.update += 1
                trainer.attend(folder, trainer.position.epoch + number / len(batches), rate)
        trainer.position.epoch += 1


def recorder_seconds() -> float:
    """The processor time of the processes that this one started."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(float(one.user + one.system) for one in times)


if __name__ == "__main__":
    stage.program(main)
