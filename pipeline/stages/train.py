"""Stage `train`: train a system from one seed, and continue from a checkpoint if the training was stopped."""

import shutil
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from pipeline.parameters.parameters import Parameters
from pipeline.parameters.reading import read
from pipeline.parameters.sections import Train
from pipeline.running import launch, program, resuming
from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import check_vocabularies
from pipeline.schemas.data.trained import CurvePoint
from pipeline.tracking import run as tracking
from pipeline.tracking.watch import Watch
from s2s import data, files, model, training
from s2s.data import corpus
from s2s.data.corpus import EncodedCorpus
from s2s.device import prepare
from s2s.errors import check
from s2s.model import folder as model_folder
from s2s.model import seq2seq
from s2s.model.interface import Architecture
from s2s.model.seq2seq import Seq2Seq
from s2s.progress import Meter, Silent
from s2s.text import vocabulary
from s2s.training import checkpoint, warm_start
from s2s.training.position import Position
from s2s.training.processes import World, joined
from s2s.training.recipe import Recipe
from s2s.training.trainer import StoppedError, Trainer

# The code that decides the weights. Editing other modules keeps checkpoints usable.
DECISIVE = (data, model, training)
SPLITS = ("train", "dev")
"""Splits that training reads."""


@dataclass(frozen=True)
class Task:
    """A training: its flags, and the settings and vocabularies read from them."""

    system: str
    seed: int
    encoded: Path
    vocab: Path
    out: Path
    curve: Path
    parameters: Parameters
    settings: Train
    architecture: Architecture
    vocabularies: dict[str, vocabulary.Vocabulary]
    device: torch.device

    @property
    def name(self) -> str:
        """Name of the model in params.yaml."""
        return f"{self.system}-{self.seed}"

    @property
    def recipe(self) -> Recipe:
        """Settings that the library needs."""
        return Recipe(**self.settings.model_dump(include=set(Recipe.__annotations__)))

    @cached_property
    def text(self) -> dict[str, Any]:
        """Digests of what the token ids of a checkpoint come from, by their names in messages."""
        vocabularies = {f"{side} vocabulary": loaded.sha256 for side, loaded in self.vocabularies.items()}
        return {f"{split} text": corpus.digests(self.encoded, split) for split in SPLITS} | vocabularies

    @cached_property
    def starts(self) -> dict[str, str]:
        """SHA-256 of each file from which weights are initialized, before they are."""
        settings = self.settings
        paths = {key: getattr(settings, key) for key in ("source_embeddings", "target_embeddings", "resume_from")}
        for key, name in (("initial_weights", model_folder.WEIGHTS), ("initial_model", model_folder.DESCRIPTION)):
            paths[key] = settings.initial_weights and str(Path(settings.initial_weights) / name)
        return {
            f"{key}_sha256": files.verify(Path(path), "", f"what train.{key} names")
            for key, path in sorted(paths.items())
            if path
        }


def main(system: str, seed: int, encoded: Path, vocab: Path, out: Path, curve: Path) -> None:
    """Train a model, or continue a training that was stopped.

    To use several nodes, start the same command on each with S2S_NODES=<number> and S2S_RENDEZVOUS=<host:port of one>.

    Args:
        system: one of `systems:` in params.yaml.
        seed: of the weights, the order of batches and dropout.
        encoded: folder of encoded text, from the encode stage.
        vocab: folder of vocabularies, from the vocab stage.
        out: folder to be written, with the model.
        curve: CSV file to be written, with the learning curve.
    """
    with launch.mistakes_told() if launch.is_worker() else nullcontext():
        task = read_task(system, seed, encoded, vocab, out, curve)
        if task.settings.devices > 1 and not launch.is_worker():
            launch.launch(task.settings.devices)
        else:
            train(task)


def read_task(system: str, seed: int, encoded: Path, vocab: Path, out: Path, curve: Path) -> Task:
    """Read and check the parameters, vocabularies and device of a training."""
    parameters = read()
    model_section, settings = parameters.system(system)
    vocabularies = {side: vocabulary.load(vocab, side) for side in corpus.SIDES}
    check_vocabularies(encoded, {side: loaded.sha256 for side, loaded in vocabularies.items()})
    source_size, target_size = (len(vocabularies[side]) for side in corpus.SIDES)
    architecture = Architecture(
        **model_section.model_dump(), source_vocabulary=source_size, target_vocabulary=target_size
    )
    device = prepare(settings.device, settings.threads)
    processes = launch.processes_here(settings.devices)
    if device.type == "cuda":
        gpus = torch.cuda.device_count()
        check(processes <= gpus, f"train.devices: found {processes} for this node; expected at most {gpus}, its GPUs")
    return Task(system, seed, encoded, vocab, out, curve, parameters, settings, architecture, vocabularies, device)


def train(task: Task) -> None:
    """Train in this process, alone or in a group, whose first process writes and reports."""
    if task.device.type == "cuda":
        torch.cuda.set_device(launch.local_rank())
    corpora = [EncodedCorpus.open(task.encoded, split) for split in SPLITS]
    folder = resuming.folder("train", fingerprint(task))
    torch.manual_seed(task.seed)
    network = Seq2Seq(task.architecture)
    with joined(task.device) as group:
        if group.rank > 0:
            run_trainer(task, network, corpora, folder, group, Silent())
        else:
            train_and_write(task, network, corpora, folder, group)


def train_and_write(task: Task, network: Seq2Seq, corpora: list[EncodedCorpus], folder: Path, group: World) -> None:
    """Train, and write the model and its learning curve."""
    alone = resuming.alone(task.out), resuming.alone(folder)
    with alone[0], alone[1], tracking.run() as run, Meter(f"train {task.name}", task.settings.epochs) as meter:
        end = run_trainer(task, network, corpora, folder, group, Watch(task.name, run, meter))
        count = seq2seq.parameter_count(network)
        run.metrics({"parameters": count, "best_dev_perplexity": end.best_perplexity})
        write_curve(task.curve, end)
        write_model(task, network, end, count)


def run_trainer(
    task: Task, network: Seq2Seq, corpora: list[EncodedCorpus], folder: Path, group: World, watcher: Watch | Silent
) -> Position:
    """Initialize the weights, and train to the end or until a signal."""
    group.any(False)  # waits until the first process has locked the folder

    def begin(start: Path | None) -> None:
        if start is None:
            start_weights(task, network, watcher)
        elif isinstance(watcher, Watch):
            watcher.resumed(start)

    with program.stoppable() as stop:
        training = Trainer(
            network,
            task.recipe,
            corpora[0],
            corpora[1],
            task.seed,
            task.device,
            watcher,
            group,
            stop,
            60 * task.parameters.operation.checkpoint_minutes,
            task.parameters.operation.keep_checkpoints,
            task.text,
        )
        resume_from = Path(task.settings.resume_from) if task.settings.resume_from else None
        try:
            return training.run(folder, resume_from, begin)
        except StoppedError:
            watcher.say(f"stopped at update {training.position.update}; the same command goes on from there")
            raise SystemExit(128 + (stop.signum or 15)) from None


def start_weights(task: Task, network: Seq2Seq, watcher: Watch | Silent) -> None:
    """Replace random weights by those of a trained model and of word vectors, if the settings name any."""
    settings = task.settings
    if settings.initial_weights:
        carried = warm_start.from_model(network, Path(settings.initial_weights), task.vocabularies)
        watcher.say(f"starts from {settings.initial_weights}: {carried}")
    embeddings = {"source": network.encoder.embedding, "target": network.decoder.embedding}
    for side, embedding in embeddings.items():
        if path := getattr(settings, f"{side}_embeddings"):
            words = warm_start.from_vectors(embedding, task.vocabularies[side], Path(path))
            watcher.say(f"starts from {path}: vectors of {words:,} {side} words")


def fingerprint(task: Task) -> str:
    """Return a hash of everything that decides the weights, so that no other training continues from its checkpoints.

    The division of batches among devices and by memory is left out: it changes only rounding, and a training that
    lost a GPU can continue without it.
    """
    settings = [
        model_folder.describe(task.architecture),
        vars(task.recipe) | {"memory_gb": 0.0},
        task.seed,
        task.settings.threads,
        task.device.type,
    ]
    return resuming.fingerprint(DECISIVE, task.text, settings, task.starts)


def write_curve(path: Path, end: Position) -> None:
    """Write the learning curve, one row an evaluation."""
    rows: list[dict[str, Any]] = end.curve  # an update is an int, which float allows
    records.write_csv(path, (CurvePoint(**row) for row in rows))


def write_model(task: Task, network: Seq2Seq, end: Position, count: int) -> None:
    """Write a folder with everything that translating needs."""
    description = {
        "model": model_folder.describe(task.architecture),
        "system": task.system,
        "seed": task.seed,
        "parameters": count,
        "best_epoch": end.best_epoch,
        "dev_perplexity": end.best_perplexity,
        "source_language": task.parameters.download.source_language,
        "target_language": task.parameters.download.target_language,
        "normalize_punctuation": task.parameters.clean.normalize_punctuation,
        "lowercase": task.parameters.clean.lowercase,
    }
    description |= {f"{side}_vocabulary_sha256": loaded.sha256 for side, loaded in task.vocabularies.items()}
    with files.whole(task.out) as folder, files.naming(task.out):
        folder.mkdir()
        checkpoint.write_tensors(folder / model_folder.WEIGHTS, network.state_dict())
        description["weights_sha256"] = files.sha256(folder / model_folder.WEIGHTS)
        files.write_json(folder / model_folder.DESCRIPTION, description | task.starts)
        for side in corpus.SIDES:
            path = vocabulary.file_of(task.vocab, side)
            shutil.copyfile(path, folder / path.name)


if __name__ == "__main__":
    program.program(main)
