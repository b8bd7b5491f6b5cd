"""`s2s`: translate text, score translations, embed sentences, export and describe models, from the command line."""

import typer

from s2s.commands.embed import embed
from s2s.commands.export import export
from s2s.commands.info import info
from s2s.commands.score import score
from s2s.commands.translate import translate

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="""Translates with trained models. A model is a folder: models/<system>/<seed>.

    Each command tells more: s2s translate --help. Text is plain, one sentence a line, UTF-8.
    """,
)
for command in (translate, score, embed, export, info):
    app.command(no_args_is_help=True)(command)
