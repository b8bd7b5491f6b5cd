"""Trains one model: a system from one seed, going on from its checkpoint if it was stopped."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from filelock import FileLock
from safetensors.torch import save_file

from pipeline import schemas, stage, tracking, work
from pipeline.parameters import read
from s2s import data, files, loss, model, optim, recipe, trainer, vocabulary
from s2s.data import EncodedCorpus
from s2s.device import prepare
from s2s.model import Architecture, Seq2Seq
from s2s.progress import Meter
from s2s.recipe import Recipe
from s2s.trainer import Position, Status, Trainer

# What decides the weights, beside parameters and inputs. Whoever edits another module keeps the checkpoints.
DECISIVE = (data, loss, model, optim, recipe, trainer)


def main(system: str, seed: int, encoded: Path, vocab: Path, out: Path, curve: Path) -> None:
    """Trains one model, and goes on where it was if it was stopped.

    Args:
        system: one of `systems:` in params.yaml.
        seed: of the weights, the order of batches and dropout.
        encoded: folder of encoded text, from the encode stage.
        vocab: folder of vocabularies, from the vocab stage.
        out: folder of the model to be written.
        curve: CSV file of the learning curve to be written.
    """
    parameters = read()
    model_section, train_section = parameters.system(system)
    settings = {name: value for name, value in train_section.model_dump().items() if name in Recipe.__annotations__}
    device = prepare(train_section.device, train_section.threads)
    vocabularies = {side: vocabulary.load(vocab, side) for side in data.SIDES}
    schemas.check_vocabularies(encoded, {side: known.sha256 for side, known in vocabularies.items()})
    architecture = Architecture(
        **model_section.model_dump(),
        source_vocabulary=len(vocabularies["source"]),
        target_vocabulary=len(vocabularies["target"]),
    )
    corpora = [EncodedCorpus.open(encoded, split) for split in ("train", "dev")]
    name = fingerprint(architecture, Recipe(**settings), seed, train_section.threads, device, encoded)
    folder = work.folder("train", name)
    with tracking.run() as run, FileLock(folder / "lock"), Meter(f"train {system}-{seed}", settings["epochs"]) as meter:
        torch.manual_seed(seed)
        network = Seq2Seq(architecture)
        watch = watcher(run, meter)
        training = Trainer(network, Recipe(**settings), corpora[0], corpora[1], seed, device, watch)
        checkpoint = folder / "checkpoint.safetensors"
        if checkpoint.exists():
            print(f"train {system}-{seed}: goes on from checkpoint {checkpoint}")
            run.tag("resumed", "true")
        position = training.run(checkpoint)
        run.metrics({"parameters": model.parameter_count(network), "best_dev_perplexity": position.best_perplexity})
        write_curve(curve, position)
        description = {
            "model": model.describe(architecture),
            "system": system,
            "seed": seed,
            "parameters": model.parameter_count(network),
            "best_epoch": position.best_epoch,
            "dev_perplexity": position.best_perplexity,
            "source_language": parameters.download.source_language,
            "target_language": parameters.download.target_language,
        } | {f"{side}_vocabulary_sha256": known.sha256 for side, known in vocabularies.items()}
        write_model(out, network, description, vocab)


def fingerprint(
    architecture: Architecture, chosen: Recipe, seed: int, threads: int, device: torch.device, encoded: Path
) -> str:
    """Names what the weights are a function of: a checkpoint is never taken up by another training."""
    inputs = [files.sha256(path) for path in sorted(encoded.glob("*.npy")) if not path.name.startswith("test.")]
    settings = [model.describe(architecture), vars(chosen), seed, threads, device.type]
    return work.fingerprint(DECISIVE, inputs, settings)


def watcher(run: tracking.Run, meter: Meter) -> Callable[[Status], None]:
    """Shows and tracks what the trainer reports."""

    def watch(status: Status) -> None:
        speed = status.tokens / max(status.seconds, 1e-9)
        values = {
            "epoch": status.epoch,
            "learning_rate": status.learning_rate,
            "train_perplexity": status.train_perplexity,
            "gradient_norm": status.gradient_norm,
        }
        text = f"epoch {status.epoch:.2f}, perplexity {status.train_perplexity:.2f}"
        if status.dev_perplexity is None:
            values["words_per_second"] = speed
            text += f", {speed:,.0f} words/s"
        else:
            values["dev_perplexity"] = status.dev_perplexity
            text += f", development {status.dev_perplexity:.2f}"
        run.metrics({name: value for name, value in values.items() if math.isfinite(value)}, step=status.update)
        meter.update(status.epoch, text, now=status.dev_perplexity is not None)

    return watch


def write_curve(path: Path, position: Position) -> None:
    """Writes one row an epoch."""
    table = pd.DataFrame(position.curve, columns=list(schemas.CURVE_COLUMNS))
    files.write_text(path, table.to_csv(index=False, lineterminator="\n"))


def write_model(out: Path, network: Seq2Seq, description: dict[str, object], vocab: Path) -> None:
    """Writes a folder that holds all that translating needs."""
    files.sweep(out)
    with files.whole(out) as folder:
        folder.mkdir()
        weights = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
        save_file(weights, folder / model.WEIGHTS)
        files.write_json(folder / model.DESCRIPTION, description)
        for side in data.SIDES:
            file = vocabulary.file_of(vocab, side)
            shutil.copyfile(file, folder / file.name)


if __name__ == "__main__":
    stage.program(main)
