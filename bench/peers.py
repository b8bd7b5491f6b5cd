"""Measures training speed beside OpenNMT-py, the same model on the same text, in turn, and prints JSON.

    python -m bench.peers --layers 4 --hidden 256 --rounds 3

OpenNMT-py is installed into .bench/opennmt the first time. Words are counted alike: tokens, those of targets with </s>.
Memory is that of all processes together, pages that they share counted once, looked at every second; or what the
largest of them had resident at its peak, which is exact, where that is more.
"""

import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from bench import opennmt, plain
from bench.footprint import Footprint, run
from bench.train import RECIPE, versions
from pipeline import stage
from s2s.errors import check
from s2s.network.interface import Architecture

ROOT = Path(__file__).parent.parent
REPORT_UPDATES = 10  # between the peer's reports; its first is not counted


@dataclass(frozen=True)
class Speed:
    """What one run reached."""

    target_words_per_second: float
    source_and_target_words_per_second: float
    footprint: Footprint

    @property
    def memory_mb(self) -> float:
        """The most memory at a time."""
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
    """Trains with our trainer and with OpenNMT-py, in turn, and prints both speeds and their ratio.

    Args:
        source: tokenised text, a sentence a line; without it text is drawn.
        target: its translation, as many lines.
        layers: of encoder and of decoder.
        hidden: cells a layer, and word vector size.
        batch_sentences: sentence pairs an update.
        updates: to be timed, in each run.
        source_vocabulary: most frequent words that are known, at most.
        target_vocabulary: likewise.
        pairs: of drawn text.
        threads: CPU threads of each.
        rounds: runs of each.
        workers: processes of OpenNMT-py that make batches, beside the one that trains.
    """
    check((source is None) == (target is None), "--source and --target: found one of them; expected both or none")
    opennmt.install()
    vocabularies = (source_vocabulary, target_vocabulary)
    chosen = plain.read(source, target) if source and target else plain.drawn_text(pairs, vocabularies)
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch)
        known = write_text(chosen, vocabularies, text)
        shape = Architecture("lstm", layers, hidden, hidden, 0.0, True, 0.08, *known)
        flags = f"--layers {layers} --hidden {hidden} --batch-sentences {batch_sentences} --updates {updates}"
        flags += f" --source-vocabulary {source_vocabulary} --target-vocabulary {target_vocabulary} --threads {threads}"
        recipe = replace(RECIPE, batch_sentences=batch_sentences)
        peer = opennmt.configuration(shape, recipe, text, len(chosen.source), workers, peer_changes(updates))
        found: dict[str, list[Speed]] = {"ours": [], "opennmt": []}
        for number in range(rounds):
            found["ours"].append(ours(text, flags))
            found["opennmt"].append(theirs(text / f"round-{number}", peer, threads))
    settings = {
        "layers": layers,
        "hidden": hidden,
        "batch_sentences": batch_sentences,
        "updates": updates,
        "source_vocabulary": known[0],
        "target_vocabulary": known[1],
        "threads": threads,
        "opennmt_version": opennmt.VERSION,
    }
    print(json.dumps(summary(found) | settings | versions(), indent=2))


def write_text(chosen: plain.Text, vocabularies: tuple[int, int], folder: Path) -> tuple[int, int]:
    """Writes the text and the words that the peer is to know, and tells how many entries our vocabularies have."""
    chosen.write(folder / "source.txt", folder / "target.txt")
    with tempfile.TemporaryDirectory() as encoded:
        prepared = plain.prepare(chosen, vocabularies, Path(encoded))
    opennmt.write_vocabulary(folder / "source.vocab", prepared.source.words)
    opennmt.write_vocabulary(folder / "target.vocab", prepared.target.words)
    return len(prepared.source), len(prepared.target)


def peer_changes(updates: int) -> dict[str, object]:
    """How long the peer trains and when it reports, so that whole reports cover the updates."""
    last = -(-updates // REPORT_UPDATES) * REPORT_UPDATES
    return {"train_steps": REPORT_UPDATES + last, "report_every": REPORT_UPDATES}


def ours(text: Path, flags: str) -> Speed:
    """Runs bench.train on the text, without the products, whose buffers would count as memory."""
    out = text / "ours.json"
    files = ["--source", str(text / "source.txt"), "--target", str(text / "target.txt"), "--device", "cpu"]
    command = [sys.executable, "-m", "bench.train", *flags.split(), *files, "--no-floor"]
    footprint = run(command, ROOT, {}, out, opennmt.MEMORY_SECONDS)
    said = json.loads(out.read_text(encoding="utf-8"))
    return Speed(said["target_words_per_second"], said["source_and_target_words_per_second"], footprint)


def theirs(folder: Path, settings: dict[str, object], threads: int) -> Speed:
    """Runs OpenNMT-py."""
    folder.mkdir()
    reports, footprint = opennmt.train(folder, settings, threads)
    return Speed(*opennmt.words_per_second(reports), footprint)


def summary(found: dict[str, list[Speed]]) -> dict[str, Any]:
    """The medians of all runs, and the ratios of ours to those of the peer, round by round too."""
    ratios = [
        mine.target_words_per_second / other.target_words_per_second
        for mine, other in zip(found["ours"], found["opennmt"], strict=True)
    ]
    medians = {name: of_runs(runs) for name, runs in found.items()}
    return {
        "ratio": round(median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "memory_ratio": round(medians["ours"]["peak_memory_mb"] / medians["opennmt"]["peak_memory_mb"], 2),
        **medians,
    }


def of_runs(runs: list[Speed]) -> dict[str, Any]:
    """The median speed of some runs, each run's, and the most memory."""
    return {
        "target_words_per_second": round(median(run.target_words_per_second for run in runs)),
        "source_and_target_words_per_second": round(median(run.source_and_target_words_per_second for run in runs)),
        "runs_target_words_per_second": [round(run.target_words_per_second) for run in runs],
        "peak_memory_mb": round(max(run.memory_mb for run in runs)),
        "largest_process_mb": round(max(run.footprint.largest_process_mb for run in runs)),
        "processes": max(run.footprint.processes for run in runs),
    }


if __name__ == "__main__":
    stage.program(main)
