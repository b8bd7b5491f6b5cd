"""`s2s export`: a model for programs that have torch alone."""

from pathlib import Path
from typing import Annotated

import typer

from s2s.export import write_programs


def export(
    folder: Annotated[Path, typer.Argument(help="Folder of a model.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to be made.", show_default=False)],
) -> None:
    """Writes a model as two torch.export programs of one step, with its vocabularies and what a caller has to know.

    encoder.pt2 reads a token of each sentence, decoder.pt2 says what follows a token; both take any batch. model.json
    has what a caller needs under `export`.

    \b
    Example:
    s2s export models/reversed/1 --out exported/reversed-1
    """
    write_programs(folder, out)
