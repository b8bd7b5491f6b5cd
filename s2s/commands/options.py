"""What several commands are told alike, with its help, and how they say what they found."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer

from s2s.device import prepare
from s2s.incoming import STDIN

Model = Annotated[
    list[Path],
    typer.Option("--model", "-m", help="Folder of a model; given several times: an ensemble.", show_default=False),
]
OneModel = Annotated[Path, typer.Option("--model", "-m", help="Folder of a model.", show_default=False)]
Files = Annotated[
    list[Path] | None,
    typer.Argument(help="Files of sentences, one a line; stdin (-) if there are none.", show_default=False),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option(help="Where to compute; auto: on a GPU if there is one.")
]
Threads = Annotated[
    int, typer.Option(min=0, help="Of the CPU; 0: all. The last digits of scores depend on their number.")
]
BatchSentences = Annotated[int, typer.Option(min=1, help="Computed together, at most: speed and memory.")]
Mean = Annotated[
    Literal["probabilities", "log_probabilities"],
    typer.Option(help="What of an ensemble is averaged at each token."),
]


def ready(device: str, threads: int) -> str:
    """Makes torch ready to compute and says where."""
    return str(prepare(device, threads or torch.get_num_threads()))


def paths(files: list[Path] | None) -> list[Path]:
    """What is to be read: the files, or stdin."""
    return files or [STDIN]


def write(text: str) -> None:
    """Hands text on to stdout at once, in UTF-8 whatever the language of the system."""
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()
