"""Measure BLEU on Multi30k against minutes of training, ours and OpenNMT-py's, and print JSON.

    python -m bench.quality --data FOLDER --evaluations 10
    python -m bench.quality --parameter-file FILE --epochs 1 --evaluations 2 --no-peer

Both train a model of the same size on the same subwords, with sources in the same order, for the same number of passes
at the same learning rates. Checkpoints are evaluated after training, so that no evaluation counts as training.
"""

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from bench import opennmt, report
from bench.floor import timed
from bench.project import link_inputs, write_preset
from bench.real_text import SCORED, Text, prepare_text, write_peer_text
from bench.train import Batch, start
from pipeline.parameters import parameters, reading
from pipeline.running import program
from s2s.data.prefetch import prefetched
from s2s.device import prepare
from s2s.inference.ensemble import batches
from s2s.inference.search import Hypothesis, SearchSettings, beam_search
from s2s.model.interface import Architecture
from s2s.model.seq2seq import Seq2Seq
from s2s.text.vocabulary import UNK
from s2s.training.recipe import Recipe, learning_rate
from s2s.training.trainer import Trainer

PRESET = "multi30k"
DECODED_SENTENCES = 64  # in a batch

Curve = list[dict[str, float]]


def main(
    data: Path | None = None,
    parameter_file: Path | None = None,
    system: str = "reversed",
    epochs: float = 0.0,
    evaluations: int = 10,
    beam: int = 1,
    seed: int = 1,
    workers: int = 1,
    peer: bool = True,
) -> None:
    """Measure the BLEU of our trainer and of OpenNMT-py after several times of training.

    Args:
        data: folder with the raw files of Multi30k; by default they are downloaded.
        parameter_file: text, model and recipe; by default those of the preset multi30k.
        system: a system of the parameter file.
        epochs: passes over the text; 0 for those of the parameter file.
        evaluations: points of each curve.
        beam: beam size of the search.
        seed: seed of weights and batches.
        workers: processes of OpenNMT-py that make batches, beside the one that trains.
        peer: train OpenNMT-py too.
    """
    if peer:
        opennmt.install()
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch)
        values = written_parameters(project, parameter_file)
        model, settings = values.system(system)
        recipe = Recipe(**settings.model_dump(include=set(Recipe.__annotations__)))
        recipe = same_course(recipe, epochs or recipe.epochs)
        place = prepare("cpu", settings.threads)
        text = prepare_text(project, data, values.download.target_language)
        shape = Architecture(
            **model.model_dump(), source_vocabulary=len(text.source), target_vocabulary=len(text.target)
        )
        curves = {"ours": ours(text, shape, recipe, seed, evaluations, beam, place)}
        if peer:
            curves["opennmt"] = theirs(text, shape, recipe, evaluations, beam, settings.threads, workers)
    comparison = compared(curves["ours"], curves["opennmt"]) if peer else {}
    figures: dict[str, object] = {**curves, **comparison}
    figures |= {"epochs": recipe.epochs, "beam": beam, "threads": settings.threads}
    figures |= {"parameter_file": str(parameter_file or PRESET), "opennmt_version": opennmt.VERSION}
    report.show("quality after minutes of training", figures)


def written_parameters(project: Path, parameter_file: Path | None) -> parameters.Parameters:
    """Write params.yaml into a folder, from a file or from the default preset, and return its values."""
    link_inputs(project)
    if parameter_file is None:
        write_preset(PRESET, project)
    else:
        shutil.copyfile(parameter_file, project / "params.yaml")
    return reading.read(project / "params.yaml")


def same_course(recipe: Recipe, epochs: float) -> Recipe:
    """Return the recipe with a rate that is halved five times in the second half, as OpenNMT-py has no cosine."""
    halved = replace(recipe, decay="halve", halve_after_epochs=epochs / 2, halve_every_epochs=epochs / 10)
    return replace(halved, epochs=epochs, warmup_updates=0)


def ours(
    text: Text, shape: Architecture, recipe: Recipe, seed: int, evaluations: int, beam: int, place: torch.device
) -> Curve:
    """Train with our trainer, save models in the project folder, and score them afterwards."""
    started: list[Trainer] = []
    seconds = timed(lambda: started.append(start(shape, recipe, text.corpus("train"), place, seed)), place)
    trainer, saved = started[0], []
    steps = plan(trainer)
    marks = [round(len(steps) * number / evaluations) for number in range(evaluations + 1)]
    for first, last in pairwise(marks):
        seconds += timed(lambda: make_updates(trainer, steps[first:last]), place)  # noqa: B023
        path = text.project / f"ours-{last}.safetensors"
        with trainer.averaged():
            save_file({name: weight.contiguous() for name, weight in trainer.model.state_dict().items()}, path)
        saved.append((seconds, last, path))
    return [point(elapsed, update, scores(text, shape, path, beam)) for elapsed, update, path in saved]


def plan(trainer: Trainer) -> list[tuple[float, Batch]]:
    """Return all batches of a training, each with the number of passes before it."""
    steps: list[tuple[float, Batch]] = []
    while trainer.position.epoch < trainer.recipe.epochs:
        drawn = trainer.epoch_batches()
        steps += [(trainer.position.epoch + number / len(drawn), batch) for number, batch in enumerate(drawn)]
        trainer.position.epoch += 1
    return [step for step in steps if step[0] < trainer.recipe.epochs]


def make_updates(trainer: Trainer, steps: Sequence[tuple[float, Batch]]) -> None:
    """Make updates at the learning rates of the recipe."""
    with closing(prefetched(trainer.updater.share, [batch for _, batch in steps])) as shares:
        for (epoch, _), share in zip(steps, shares, strict=True):
            trainer.update(share, learning_rate(trainer.recipe, trainer.position.update, epoch))
            trainer.position.update += 1


def scores(text: Text, shape: Architecture, weights: Path, beam: int) -> dict[str, float]:
    """Return the BLEU of a model of ours on each scored split."""
    model = Seq2Seq(shape).eval()
    model.load_state_dict(load_file(weights))
    bleu = {}
    for split in SCORED:
        corpus = text.corpus(split)
        sources = [corpus.source[pair].tolist() for pair in range(len(corpus))]
        hypotheses: dict[int, Hypothesis] = {}
        for rows in batches([len(source) for source in sources], DECODED_SENTENCES):
            decoded = beam_search([model], [sources[row] for row in rows], SearchSettings(beam))
            hypotheses |= {row: best for row, (best,) in zip(rows, decoded, strict=True)}
        bleu[split] = text.bleu(split, [hypotheses[row] for row in range(len(sources))])
    return bleu


def theirs(
    text: Text, shape: Architecture, recipe: Recipe, evaluations: int, beam: int, threads: int, workers: int
) -> Curve:
    """Train with OpenNMT-py, and score the models that it saved."""
    write_peer_text(text, shape.reverse_source)
    train = text.corpus("train")
    every = max(1, round(recipe.epochs * len(train) / recipe.batch_sentences / evaluations))
    settings = opennmt.configuration(shape, recipe, text.project, len(train), workers, peer_changes(every, evaluations))
    folder = text.project / "opennmt"
    folder.mkdir()
    reports, _ = opennmt.train(folder, settings, threads)
    numbers = {token: number for number, token in enumerate(text.target.names())}
    curve = []
    for logged in reports:
        bleu = {}
        for split in SCORED:
            source = text.project / f"{split}.source.txt"
            lines = opennmt.translate(folder, f"model_step_{logged.update}.pt", source, beam, threads)
            ids = [tuple(numbers.get(token, UNK) for token in line.split()) for line in lines]
            bleu[split] = text.bleu(split, [Hypothesis(translation, 0.0) for translation in ids])
        curve.append(point(logged.seconds, logged.update, bleu))
    return curve


def peer_changes(every: int, evaluations: int) -> dict[str, object]:
    """Return OpenNMT-py's settings for saving models, and for the learning rate of `same_course`."""
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
    """Return a point of a curve."""
    return {"minutes": round(seconds / 60, 4), "update": update} | {f"{split}_bleu": bleu[split] for split in SCORED}


def compared(our_curve: Curve, peer_curve: Curve) -> dict[str, float | None]:
    """Return OpenNMT-py's best development BLEU, and the minutes until each toolkit reached it, None if never."""
    best = max(measurement["dev_bleu"] for measurement in peer_curve)
    minutes = {
        name: next((measurement["minutes"] for measurement in curve if measurement["dev_bleu"] >= best), None)
        for name, curve in (("ours", our_curve), ("opennmt", peer_curve))
    }
    return {"best_opennmt_dev_bleu": best} | {f"{name}_minutes_to_it": value for name, value in minutes.items()}


if __name__ == "__main__":
    program.program(main)
