"""`s2s export`: write a model for programs that have torch but not this library."""

from pathlib import Path
from typing import Annotated

import typer

from s2s.export import write_programs


def export(
    folder: Annotated[Path, typer.Argument(help="Folder of a model.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder to write.", show_default=False)],
) -> None:
    """Write a model as two torch.export programs, with its vocabularies and a description.

    encoder.pt2 reads a token of each sentence. decoder.pt2 predicts the token
    after a token. Both take any batch size. model.json describes their inputs
    under `export`.

    \b
    Example:
    s2s export models/reversed/1 --out exported/reversed-1
    """
    write_programs(folder, out)
