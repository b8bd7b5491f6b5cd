"""`s2s`: translate text, score translations, embed sentences, export and describe models, from the command line."""

from typing import Annotated

import typer

from s2s import __version__
from s2s.commands.embed import embed
from s2s.commands.export import export
from s2s.commands.info import info
from s2s.commands.score import score
from s2s.commands.translate import translate

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="""Translate text with trained models, score translations, and inspect models.

    A model is a folder that training wrote: models/<system>/<seed>. Text is plain UTF-8, one sentence a line.

    \b
    Examples:
    echo "The king sleeps." | s2s translate -m models/reversed/1
    s2s translate --help             options and examples of a command
    """,
)


def print_version(is_asked: bool) -> None:
    """Print the version and exit, if it is asked for."""
    if is_asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def version(
    asked: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Add the option `--version`; the callback of the option does the work."""


for command in (translate, score, embed, export, info):
    app.command(no_args_is_help=True)(command)
