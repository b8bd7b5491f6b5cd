"""OpenNMT-py in an environment of its own: the peer that trains the same model on the same text."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch

from bench.footprint import Footprint, run
from s2s import files
from s2s.network.interface import Architecture
from s2s.recipe import Recipe
from s2s.vocabulary import SPECIAL

VERSION = "3.5.1"
ENVIRONMENT = Path(__file__).parent.parent / ".bench" / "opennmt"
PYTHON = ENVIRONMENT / "bin" / "python"
REQUIREMENTS = (  # what training and translating import
    "configargparse==1.9.0",
    "numpy==2.4.6",
    "pyahocorasick==2.3.1",
    "pyonmttok==1.38.1",
    "pyyaml==6.0.3",
    "rapidfuzz==3.14.6",
    "sacrebleu==2.6.0",
    "six==1.17.0",
)
UNUSED = ("terminology.py", "clean.py")  # loaded whether used or not, with spacy and fasttext: hundreds of MB
MEMORY_SECONDS = 1.0  # between two looks at its memory: each takes 10 ms of a processor a GB
ITS_SPECIAL = 4  # <unk>, <blank>, <s>, </s>
REPORT = re.compile(
    r"Step\s*(?P<update>\d+)/.*bsz:\s*(?P<source>\d+)/\s*(?P<target>\d+)/\s*\d+;"
    r"\s*\d+/\s*(?P<rate>\d+) tok/s;\s*(?P<at>\d+) sec"
)


@dataclass(frozen=True)
class Report:
    """What it logs after some updates: means of these, rounded to whole words."""

    update: int
    source_words: int  # an update
    target_words: int  # an update, with </s>
    target_words_per_second: int
    seconds: int  # since the start, the first batches awaited


def install() -> None:
    """Makes the environment, with the same torch as ours, unless it is there and whole.

    Its own requirements ask for an old torch and for servers and taggers that training does not use.
    """
    stamp, wanted = ENVIRONMENT / "installed.txt", "\n".join((VERSION, torch.__version__, *REQUIREMENTS))
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    index = ["--index-url", os.environ["TORCH_INDEX"]] if os.environ.get("TORCH_INDEX") else []
    subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True, stdout=2)
    for packages in (
        [f"torch=={torch.__version__.partition('+')[0]}", *index],
        ["--no-deps", f"OpenNMT-py=={VERSION}"],
        REQUIREMENTS,
    ):
        subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *packages], check=True, stdout=2)
    for name in UNUSED:
        for path in ENVIRONMENT.glob(f"lib/*/site-packages/onmt/transforms/{name}"):
            path.unlink()
    files.write_text(stamp, wanted)


def write_vocabulary(path: Path, tokens: tuple[str, ...]) -> None:
    """Writes the tokens that it is to know: ours without the special ones, to which it adds its own."""
    files.write_text(path, "".join(f"{token}\n" for token in tokens[len(SPECIAL) :]))


def configuration(
    shape: Architecture, recipe: Recipe, text: Path, pairs: int, workers: int, changes: dict[str, object]
) -> dict[str, object]:
    """Its settings for our model and recipe.

    Args:
        shape: of the model.
        recipe: whose optimiser, rate, batch and clipping it shares.
        text: folder of {source,target}.txt and {source,target}.vocab.
        pairs: of the text; all are sorted by length at a time.
        workers: processes beside the main one, which make batches.
        changes: further settings.
    """
    return {
        "data": {"corpus": {"path_src": str(text / "source.txt"), "path_tgt": str(text / "target.txt")}},
        "src_vocab": str(text / "source.vocab"),
        "tgt_vocab": str(text / "target.vocab"),
        "src_vocab_size": shape.source_vocabulary + ITS_SPECIAL,
        "tgt_vocab_size": shape.target_vocabulary + ITS_SPECIAL,
        "vocab_size_multiple": 1,
        "encoder_type": "rnn",
        "decoder_type": "rnn",
        "rnn_type": "LSTM",
        "layers": shape.layers,
        "hidden_size": shape.hidden,
        "word_vec_size": shape.embedding,
        "global_attention": "none",
        "input_feed": 0,
        "dropout": [shape.dropout],
        "attention_dropout": [0.0],
        "param_init": shape.init_uniform,
        "optim": recipe.optimizer.removesuffix("w"),  # it has no adamw
        "learning_rate": recipe.learning_rate,
        "max_grad_norm": recipe.clip_norm,
        "label_smoothing": recipe.label_smoothing,
        "normalization": recipe.normalize_loss,
        "batch_size": recipe.batch_sentences,
        "batch_type": "sents",
        "bucket_size": pairs,
        "num_workers": workers,
        "valid_steps": 10**9,
        "save_checkpoint_steps": 10**9,
        "save_model": "model",
        "log_file": "log.txt",
        "skip_empty_level": "silent",
        "seed": 1,
    } | changes


def train(folder: Path, settings: dict[str, object], threads: int) -> tuple[list[Report], Footprint]:
    """Trains in an empty folder, and tells what was logged and what it took."""
    files.write_json(folder / "config.yaml", settings)  # JSON is YAML
    footprint = call("train", ["-config", "config.yaml"], folder, threads)
    return parse((folder / "log.txt").read_text(encoding="utf-8")), footprint


def translate(folder: Path, model: str, source: Path, beam: int, threads: int) -> list[str]:
    """Translates a text of tokens with a model that `train` saved in a folder."""
    out = folder / "translations.txt"
    flags = {"-model": model, "-src": source, "-output": out, "-beam_size": beam, "-batch_size": 64}
    call("translate", [str(part) for flag in flags.items() for part in flag], folder, threads)
    return out.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def time_translating(
    folder: Path, model: str, source: Path, beam: int, words: int, batch_sentences: int, threads: int
) -> tuple[float, Footprint]:
    """Translates into sentences of one length; returns the seconds that it says, without loading, and its footprint."""
    flags = {"-model": model, "-src": source, "-output": folder / "translations.txt", "-beam_size": beam}
    flags |= {"-batch_size": batch_sentences, "-min_length": words, "-max_length": words, "-max_length_ratio": 0}
    flags |= {"-log_file": folder / "translate.log"}
    arguments = [str(part) for flag in flags.items() for part in flag]
    footprint = call("translate", [*arguments, "-report_time"], folder, threads)
    reported = re.findall(
        r"Total translation time \(s\): ([\d.]+)", (folder / "translate.log").read_text(encoding="utf-8")
    )
    return float(reported[-1]), footprint  # a log goes on where it was


def call(program: str, arguments: list[str], folder: Path, threads: int) -> Footprint:
    """Runs one of its programs on the CPU."""
    environment = {
        "OMP_NUM_THREADS": str(threads),
        "CUDA_VISIBLE_DEVICES": "",
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",  # its checkpoints hold more than weights
    }
    command = [str(PYTHON), "-W", "ignore", "-m", f"onmt.bin.{program}", *arguments]
    return run(command, folder, environment, folder / f"{program}.out", MEMORY_SECONDS)


def parse(log: str) -> list[Report]:
    """The reports in its log."""
    names = ("update", "source", "target", "rate", "at")
    return [Report(*(int(found[name]) for name in names)) for found in REPORT.finditer(log)]


def words_per_second(reports: list[Report]) -> tuple[float, float]:
    """Target words a second, and source and target words, between the first report and the last.

    The time before the first, in which it reads the text, does not count.
    """
    counted = [(report.update - before.update, report) for before, report in pairwise(reports)]
    seconds = sum(count * one.target_words / one.target_words_per_second for count, one in counted)
    target = sum(count * one.target_words for count, one in counted)
    source = sum(count * one.source_words for count, one in counted)
    return target / seconds, (source + target) / seconds
