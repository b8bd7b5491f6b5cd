"""Measure the speed of training against OpenNMT-py's, with the same model and text, and print JSON.

    python -m bench.peers --layers 4 --hidden 256 --rounds 3
    python -m bench.peers --layers 1 --hidden 8 --pairs 2000 --updates 10 --rounds 1

OpenNMT-py is installed into .bench/opennmt the first time. Words are tokens, </s> of targets included. Memory is the
larger of two peaks: that of all processes together, sampled every second with shared pages counted once, and the
resident memory of the largest process, which is exact.
"""

import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch

from bench import opennmt, plain, report
from bench.footprint import Footprint, run
from bench.train import RECIPE, settings
from pipeline.running import program
from s2s.model.interface import Architecture

ROOT = Path(__file__).parent.parent
REPORT_UPDATES = 10  # between OpenNMT-py's reports; the first is not counted


@dataclass(frozen=True)
class Speed:
    """The speed of a run."""

    target_words_per_second: float
    source_and_target_words_per_second: float
    footprint: Footprint

    @property
    def memory_mb(self) -> float:
        """Peak memory in MB."""
        return max(self.footprint.peak_memory_mb, self.footprint.largest_process_mb)


def main(
    source: Path | None = None,
    target: Path | None = None,
    layers: int = 4,
    hidden: int = 256,
    batch_sentences: int = 64,
    updates: int = 60,
    source_vocabulary: int = 16_000,
    target_vocabulary: int = 8_000,
    pairs: int = 20_000,
    threads: int = 2,
    rounds: int = 3,
    workers: int = 1,
) -> None:
    """Measure our trainer and OpenNMT-py in alternation, and print both speeds and their ratio.

    Args:
        source: tokenized text, one sentence a line; by default random text.
        target: its translation, with as many lines.
        layers: layers of the encoder, and of the decoder.
        hidden: units of a layer, and size of word vectors.
        batch_sentences: sentence pairs of an update.
        updates: timed updates of each run.
        source_vocabulary: most entries of the source vocabulary.
        target_vocabulary: most entries of the target vocabulary.
        pairs: sentence pairs of the random text.
        threads: CPU threads of each toolkit.
        rounds: runs of each toolkit.
        workers: processes of OpenNMT-py that make batches, beside the one that trains.
    """
    vocabularies = (source_vocabulary, target_vocabulary)
    chosen = plain.read_or_draw(source, target, pairs, vocabularies)
    opennmt.install()
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch)
        shape = Architecture("lstm", layers, hidden, hidden, 0.0, True, 0.08, *write_text(chosen, vocabularies, text))
        recipe = replace(RECIPE, batch_sentences=batch_sentences)
        flags = f"--layers {layers} --hidden {hidden} --batch-sentences {batch_sentences} --updates {updates}"
        flags += f" --source-vocabulary {source_vocabulary} --target-vocabulary {target_vocabulary} --threads {threads}"
        peer = opennmt.configuration(shape, recipe, text, len(chosen.source), workers, peer_changes(updates))
        figures = summary(alternated(text, flags, peer, threads, rounds))
    figures |= settings(shape, recipe, threads, torch.device("cpu"))
    figures |= {"updates": updates, "opennmt_version": opennmt.VERSION}
    report.show("speed of training against OpenNMT-py", figures)


def alternated(text: Path, flags: str, peer: dict[str, object], threads: int, rounds: int) -> dict[str, list[Speed]]:
    """Run our trainer and OpenNMT-py in turn, and return the speed of each run.

    Args:
        text: folder with text and vocabularies.
        flags: flags of bench.train.
        peer: settings of OpenNMT-py.
        threads: CPU threads of OpenNMT-py.
        rounds: runs of each toolkit.
    """
    speeds: dict[str, list[Speed]] = {"ours": [], "opennmt": []}
    for number in range(rounds):
        speeds["ours"].append(ours(text, flags))
        speeds["opennmt"].append(theirs(text / f"round-{number}", peer, threads))
    return speeds


def write_text(chosen: plain.Text, vocabularies: tuple[int, int], folder: Path) -> tuple[int, int]:
    """Write text and vocabularies for OpenNMT-py, and return the sizes of our vocabularies."""
    chosen.write(folder / "source.txt", folder / "target.txt")
    with tempfile.TemporaryDirectory() as encoded:
        prepared = plain.prepare(chosen, vocabularies, Path(encoded))
    opennmt.write_vocabulary(folder / "source.vocab", prepared.source.words)
    opennmt.write_vocabulary(folder / "target.vocab", prepared.target.words)
    return len(prepared.source), len(prepared.target)


def peer_changes(updates: int) -> dict[str, object]:
    """Return settings of OpenNMT-py with enough updates for one uncounted report and whole counted ones."""
    last = -(-updates // REPORT_UPDATES) * REPORT_UPDATES
    return {"train_steps": REPORT_UPDATES + last, "report_every": REPORT_UPDATES}


def ours(text: Path, flags: str) -> Speed:
    """Run bench.train on the text, without the products, whose buffers would count as memory."""
    out = text / "ours.json"
    files = ["--source", str(text / "source.txt"), "--target", str(text / "target.txt"), "--device", "cpu"]
    command = [sys.executable, "-m", "bench.train", *flags.split(), *files, "--no-floor"]
    footprint = run(command, ROOT, {}, out, opennmt.MEMORY_SECONDS)
    figures = json.loads(out.read_text(encoding="utf-8"))
    return Speed(figures["target_words_per_second"], figures["source_and_target_words_per_second"], footprint)


def theirs(folder: Path, peer: dict[str, object], threads: int) -> Speed:
    """Run OpenNMT-py's training in a new folder."""
    folder.mkdir()
    reports, footprint = opennmt.train(folder, peer, threads)
    return Speed(*opennmt.words_per_second(reports), footprint)


def summary(speeds: dict[str, list[Speed]]) -> dict[str, Any]:
    """Return the medians of all runs, and the ratios of our speed to OpenNMT-py's, as a median and by round."""
    ratios = [
        ours.target_words_per_second / theirs.target_words_per_second
        for ours, theirs in zip(speeds["ours"], speeds["opennmt"], strict=True)
    ]
    medians = {name: of_runs(runs) for name, runs in speeds.items()}
    return {
        "ratio": round(median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "memory_ratio": round(medians["ours"]["peak_memory_mb"] / medians["opennmt"]["peak_memory_mb"], 2),
        **medians,
    }


def of_runs(runs: list[Speed]) -> dict[str, Any]:
    """Return the median speed of some runs, the speed of each run, and the peak memory."""
    return {
        "target_words_per_second": round(median(run.target_words_per_second for run in runs)),
        "source_and_target_words_per_second": round(median(run.source_and_target_words_per_second for run in runs)),
        "runs_target_words_per_second": [round(run.target_words_per_second) for run in runs],
        "peak_memory_mb": round(max(run.memory_mb for run in runs)),
        "largest_process_mb": round(max(run.footprint.largest_process_mb for run in runs)),
        "processes": max(run.footprint.processes for run in runs),
    }


if __name__ == "__main__":
    program.program(main)
