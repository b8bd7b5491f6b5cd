"""OpenNMT-py in its own environment, to train the same model on the same text."""

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
from s2s.model.interface import Architecture
from s2s.text.vocabulary import SPECIAL
from s2s.training.recipe import Recipe

VERSION = "3.5.1"
ENVIRONMENT = Path(__file__).parent.parent / ".bench" / "opennmt"
PYTHON = ENVIRONMENT / "bin" / "python"
REQUIREMENTS = (  # packages that training and translating import
    "configargparse==1.9.0",
    "numpy==2.4.6",
    "pyahocorasick==2.3.1",
    "pyonmttok==1.38.1",
    "pyyaml==6.0.3",
    "rapidfuzz==3.14.6",
    "sacrebleu==2.6.0",
    "six==1.17.0",
)
UNUSED = ("terminology.py", "clean.py")  # always imported, with spacy and fasttext of hundreds of MB
MEMORY_SECONDS = 1.0  # between samples of memory, each of which takes 10 ms of processor time for each GB
ITS_SPECIAL = 4  # <unk>, <blank>, <s>, </s>
REPORT = re.compile(
    r"Step\s*(?P<update>\d+)/.*bsz:\s*(?P<source>\d+)/\s*(?P<target>\d+)/\s*\d+;"
    r"\s*\d+/\s*(?P<rate>\d+) tok/s;\s*(?P<at>\d+) sec"
)


@dataclass(frozen=True)
class Report:
    """A line of the log: means over the updates since the last report, rounded to whole words."""

    update: int
    source_words: int  # of an update
    target_words: int  # of an update, </s> included
    target_words_per_second: int
    seconds: int  # since the first batches were ready


def install() -> None:
    """Install OpenNMT-py and our version of torch into `ENVIRONMENT`, unless they are there.

    OpenNMT-py's own requirements name an old torch, and servers and taggers that training does not use.
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
    """Write a vocabulary without our special tokens, to which OpenNMT-py adds its own."""
    files.write_text(path, "".join(f"{token}\n" for token in tokens[len(SPECIAL) :]))


def configuration(
    shape: Architecture, recipe: Recipe, text: Path, pairs: int, workers: int, changes: dict[str, object]
) -> dict[str, object]:
    """Return OpenNMT-py's settings for our model and recipe.

    Args:
        recipe: optimizer, learning rate, batch size and clipping.
        text: folder of {source,target}.txt and {source,target}.vocab.
        pairs: pairs of the text, which are sorted by length all at once.
        workers: processes that make batches, beside the main one.
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
        "optim": recipe.optimizer.removesuffix("w"),  # OpenNMT-py has no adamw
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
    """Train in an empty folder, and return the reports of the log and the cost."""
    files.write_json(folder / "config.yaml", settings)  # every JSON file is a YAML file
    footprint = call("train", ["-config", "config.yaml"], folder, threads)
    return parse((folder / "log.txt").read_text(encoding="utf-8")), footprint


def translate(folder: Path, model: str, source: Path, beam: int, threads: int) -> list[str]:
    """Translate a tokenized text with a model that `train` saved in a folder."""
    out = folder / "translations.txt"
    flags = {"-model": model, "-src": source, "-output": out, "-beam_size": beam, "-batch_size": 64}
    call("translate", [str(part) for flag in flags.items() for part in flag], folder, threads)
    return out.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def time_translating(
    folder: Path, model: str, source: Path, beam: int, words: int, batch_sentences: int, threads: int
) -> tuple[float, Footprint]:
    """Translate into sentences of a fixed length, and return the reported seconds, without loading, and the cost."""
    flags = {"-model": model, "-src": source, "-output": folder / "translations.txt", "-beam_size": beam}
    flags |= {"-batch_size": batch_sentences, "-min_length": words, "-max_length": words, "-max_length_ratio": 0}
    flags |= {"-log_file": folder / "translate.log"}
    arguments = [str(part) for flag in flags.items() for part in flag]
    footprint = call("translate", [*arguments, "-report_time"], folder, threads)
    reported = re.findall(
        r"Total translation time \(s\): ([\d.]+)", (folder / "translate.log").read_text(encoding="utf-8")
    )
    return float(reported[-1]), footprint  # the log is appended to, so the last report counts


def call(program: str, arguments: list[str], folder: Path, threads: int) -> Footprint:
    """Run a program of OpenNMT-py on the CPU."""
    environment = {
        "OMP_NUM_THREADS": str(threads),
        "CUDA_VISIBLE_DEVICES": "",
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",  # its checkpoints contain Python objects
    }
    command = [str(PYTHON), "-W", "ignore", "-m", f"onmt.bin.{program}", *arguments]
    return run(command, folder, environment, folder / f"{program}.out", MEMORY_SECONDS)


def parse(log: str) -> list[Report]:
    """Return the reports in a log."""
    names = ("update", "source", "target", "rate", "at")
    return [Report(*(int(match[name]) for name in names)) for match in REPORT.finditer(log)]


def words_per_second(reports: list[Report]) -> tuple[float, float]:
    """Return target words per second, and source and target words per second, from the first report to the last.

    The time before the first report, in which OpenNMT-py reads the text, does not count.
    """
    counted = [(report.update - before.update, report) for before, report in pairwise(reports)]
    seconds = sum(count * report.target_words / report.target_words_per_second for count, report in counted)
    target = sum(count * report.target_words for count, report in counted)
    source = sum(count * report.source_words for count, report in counted)
    return target / seconds, (source + target) / seconds
