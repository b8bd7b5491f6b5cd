"""Options and arguments that several commands share, and the output of results."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer

from s2s import incoming
from s2s.device import prepare

Model = Annotated[
    list[Path],
    typer.Option("--model", "-m", help="Folder of a model; repeat it for an ensemble.", show_default=False),
]
OneModel = Annotated[Path, typer.Option("--model", "-m", help="Folder of a model.", show_default=False)]
Files = Annotated[
    list[Path] | None,
    typer.Argument(help="Files of sentences, one a line; without files, or for -, stdin.", show_default=False),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option(help="Where to compute; auto takes a GPU if there is one.")
]
Threads = Annotated[
    int, typer.Option(min=0, help="CPU threads; 0: all. The last digits of scores depend on their number.")
]
BatchSentences = Annotated[int, typer.Option(min=1, help="Most sentences of a batch: speed and memory.")]
Mean = Annotated[
    Literal["probabilities", "log_probabilities"],
    typer.Option(help="What an ensemble averages at each token."),
]


def ready(device: str, threads: int) -> str:
    """Prepare torch for computing and return the device."""
    return str(prepare(device, threads or torch.get_num_threads()))


def paths(files: list[Path] | None) -> list[Path]:
    """Return the files to read, or stdin if there are none, after checking that they can be read."""
    chosen = files or [incoming.STDIN]
    incoming.check_files(chosen)
    return chosen


def write(text: str) -> None:
    """Write text to stdout and flush it, in UTF-8 whatever the locale."""
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()
