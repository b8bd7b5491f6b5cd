"""Measures BLEU on Multi30k against minutes of training, ours beside OpenNMT-py's, and prints JSON.

    python -m bench.quality --data FOLDER --evaluations 10

Both train a model of the same size on the same subwords, in the same order of source words, for as many passes at the
same learning rates. Models are kept on the way and evaluated afterwards, so that no evaluation counts as training.
"""

import json
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from bench import opennmt
from bench.floor import timed
from bench.real_text import SCORED, Text, prepare_text, write_peer_text
from bench.train import Batch, start, versions
from pipeline import parameters, stage
from s2s.device import prepare
from s2s.ensemble import batches
from s2s.model import Seq2Seq
from s2s.network.interface import Architecture
from s2s.optim import learning_rate
from s2s.prefetch import prefetched
from s2s.recipe import Recipe
from s2s.search import Hypothesis, SearchSettings, beam_search
from s2s.trainer import Trainer
from s2s.vocabulary import UNK

ROOT = Path(__file__).parent.parent
DECODED_SENTENCES = 64  # at a time

Curve = list[dict[str, float]]


def main(
    data: Path | None = None,
    preset: Path = ROOT / "presets" / "multi30k.yaml",
    system: str = "reversed",
    epochs: float = 0.0,
    evaluations: int = 10,
    beam: int = 1,
    seed: int = 1,
    workers: int = 1,
    peer: bool = True,
) -> None:
    """Prepares the text, trains with both, and prints the BLEU of each at several times.

    Args:
        data: folder that has the raw files of Multi30k; without it they are downloaded.
        preset: parameter file that says what text, which model and what recipe.
        system: one of its systems.
        epochs: passes over the text; 0: those of the preset.
        evaluations: points of each curve.
        beam: hypotheses kept in translating.
        seed: of weights and batches.
        workers: processes of OpenNMT-py that make batches, beside the one that trains.
        peer: train OpenNMT-py too.
    """
    if peer:
        opennmt.install()
    known = parameters.read(preset)
    model, settings = known.system(system)
    recipe = Recipe(**settings.model_dump(include=set(Recipe.__annotations__)))
    recipe = same_course(recipe, epochs or recipe.epochs)
    place = prepare("cpu", settings.threads)
    with tempfile.TemporaryDirectory() as scratch:
        text = prepare_text(Path(scratch), preset, data, known.download.target_language)
        shape = Architecture(
            **model.model_dump(), source_vocabulary=len(text.source), target_vocabulary=len(text.target)
        )
        curves = {"ours": ours(text, shape, recipe, seed, evaluations, beam, place)}
        if peer:
            curves["opennmt"] = theirs(text, shape, recipe, evaluations, beam, settings.threads, workers)
    found = {
        **curves,
        **(compared(curves["ours"], curves["opennmt"]) if peer else {}),
        "preset": preset.stem,
        "epochs": recipe.epochs,
        "beam": beam,
        "threads": settings.threads,
        "opennmt_version": opennmt.VERSION,
    }
    print(json.dumps(found | versions(), indent=2))


def same_course(recipe: Recipe, epochs: float) -> Recipe:
    """The recipe with a rate that both can follow, halved five times in the second half: the peer has no cosine."""
    halved = replace(recipe, decay="halve", halve_after_epochs=epochs / 2, halve_every_epochs=epochs / 10)
    return replace(halved, epochs=epochs, warmup_updates=0)


def ours(
    text: Text, shape: Architecture, recipe: Recipe, seed: int, evaluations: int, beam: int, place: torch.device
) -> Curve:
    """Trains with our trainer, the models kept in the project's folder, and scores each."""
    started: list[Trainer] = []
    seconds = timed(lambda: started.append(start(shape, recipe, text.corpus("train"), place, seed)), place)
    trainer, kept = started[0], []
    steps = plan(trainer)
    marks = [round(len(steps) * number / evaluations) for number in range(evaluations + 1)]
    for first, last in pairwise(marks):
        seconds += timed(lambda: make_updates(trainer, steps[first:last]), place)  # noqa: B023
        path = text.project / f"ours-{last}.safetensors"
        with trainer.averaged():
            save_file({name: one.contiguous() for name, one in trainer.model.state_dict().items()}, path)
        kept.append((seconds, last, path))
    return [point(at, update, scores(text, shape, path, beam)) for at, update, path in kept]


def plan(trainer: Trainer) -> list[tuple[float, Batch]]:
    """All batches of a training, each with the passes made before it."""
    steps: list[tuple[float, Batch]] = []
    while trainer.position.epoch < trainer.recipe.epochs:
        drawn = trainer.epoch_batches()
        steps += [(trainer.position.epoch + number / len(drawn), batch) for number, batch in enumerate(drawn)]
        trainer.position.epoch += 1
    return [step for step in steps if step[0] < trainer.recipe.epochs]


def make_updates(trainer: Trainer, steps: Sequence[tuple[float, Batch]]) -> None:
    """Makes updates at the rates of the recipe."""
    with closing(prefetched(trainer.updater.share, [batch for _, batch in steps])) as shares:
        for (epoch, _), share in zip(steps, shares, strict=True):
            trainer.update(share, learning_rate(trainer.recipe, trainer.position.update, epoch))
            trainer.position.update += 1


def scores(text: Text, shape: Architecture, weights: Path, beam: int) -> dict[str, float]:
    """The BLEU of a model of ours on each scored split."""
    model = Seq2Seq(shape).eval()
    model.load_state_dict(load_file(weights))
    found = {}
    for split in SCORED:
        corpus = text.corpus(split)
        sources = [corpus.source[pair].tolist() for pair in range(len(corpus))]
        hypotheses: dict[int, Hypothesis] = {}
        for rows in batches([len(source) for source in sources], DECODED_SENTENCES):
            decoded = beam_search([model], [sources[row] for row in rows], SearchSettings(beam))
            hypotheses |= {row: best for row, (best,) in zip(rows, decoded, strict=True)}
        found[split] = text.bleu(split, [hypotheses[row] for row in range(len(sources))])
    return found


def theirs(
    text: Text, shape: Architecture, recipe: Recipe, evaluations: int, beam: int, threads: int, workers: int
) -> Curve:
    """Trains with OpenNMT-py and scores the models that it kept."""
    write_peer_text(text, shape.reverse_source)
    train = text.corpus("train")
    every = max(1, round(recipe.epochs * len(train) / recipe.batch_sentences / evaluations))
    settings = opennmt.configuration(shape, recipe, text.project, len(train), workers, peer_changes(every, evaluations))
    folder = text.project / "opennmt"
    folder.mkdir()
    reports, _ = opennmt.train(folder, settings, threads)
    numbers = {token: number for number, token in enumerate(text.target.names())}
    curve = []
    for report in reports:
        found = {}
        for split in SCORED:
            source = text.project / f"{split}.source.txt"
            lines = opennmt.translate(folder, f"model_step_{report.update}.pt", source, beam, threads)
            ids = [tuple(numbers.get(token, UNK) for token in line.split()) for line in lines]
            found[split] = text.bleu(split, [Hypothesis(one, 0.0) for one in ids])
        curve.append(point(report.seconds, report.update, found))
    return curve


def peer_changes(every: int, evaluations: int) -> dict[str, object]:
    """When it keeps models, and the rate of `same_course`."""
    updates = every * evaluations
    return {
        "train_steps": updates,
        "report_every": every,
        "save_checkpoint_steps": every,
        "start_decay_steps": updates // 2,
        "decay_steps": max(1, updates // 10),
        "learning_rate_decay": 0.5,
    }


def point(seconds: float, update: int, bleu: dict[str, float]) -> dict[str, float]:
    """A point of a curve."""
    return {"minutes": round(seconds / 60, 4), "update": update} | {f"{split}_bleu": bleu[split] for split in SCORED}


def compared(mine: Curve, other: Curve) -> dict[str, float | None]:
    """How soon ours is as good on the development set as the peer is at its best, and how soon the peer is."""
    best = max(one["dev_bleu"] for one in other)
    first = {
        name: next((one["minutes"] for one in curve if one["dev_bleu"] >= best), None)
        for name, curve in (("ours", mine), ("opennmt", other))
    }
    return {"best_opennmt_dev_bleu": best} | {f"{name}_minutes_to_it": at for name, at in first.items()}


if __name__ == "__main__":
    stage.program(main)
