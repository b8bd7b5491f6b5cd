"""Options and arguments that several commands share, and the output of results."""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer

from s2s.commands import incoming
from s2s.device import prepare
from s2s.errors import check
from s2s.inference.sampling import Sampling
from s2s.inference.search import RANGES, SearchSettings


def of_search(*flags: str, **about: Any) -> Any:
    """Return an option that `--help` lists under Search."""
    return typer.Option(*flags, rich_help_panel="Search", **about)


def of_sampling(*flags: str, **about: Any) -> Any:
    """Return an option that `--help` lists under Sampling."""
    return typer.Option(*flags, rich_help_panel="Sampling", **about)


Beam = Annotated[int, of_search(min=1, help="Hypotheses kept at each step; 1: greedy search.")]
LengthPenalty = Annotated[float, of_search(min=0, help="a in score = log_prob / ((5 + tokens) / 6)^a; 0: none.")]
WordReward = Annotated[float, of_search(help="Added to the score for each token.")]
MinLengthRatio = Annotated[float, of_search(min=0, help="Least target tokens for each source token.")]
MaxLengthRatio = Annotated[float, of_search(min=0, help="Most target tokens for each source token, plus 10.")]
MinTokens = Annotated[int, of_search(min=0, help="Least tokens of a translation.")]
MaxTokens = Annotated[int, of_search(min=1, help="Most tokens of a translation.")]
ForbidUnknown = Annotated[bool, of_search("--forbid-unknown", help="Never generate <unk>.")]
Sample = Annotated[bool, of_sampling("--sample", help="Sample translations; the beam is not used.")]
Temperature = Annotated[float, of_sampling(min=0.01, help="Below 1: probable tokens become more probable.")]
TopK = Annotated[int, of_sampling(min=0, help="Sample from this many top tokens; 0: from all.")]
TopP = Annotated[float, of_sampling(min=0.001, max=1, help="Sample from the top tokens of this total probability.")]
Seed = Annotated[int, of_sampling(min=0, max=2**63 - 1, help="Seed of sampling; each gives other translations.")]


def check_search(settings: SearchSettings, sampling: Sampling) -> None:
    """Raise a UserError for settings that are not finite, out of range, or contradict each other."""
    for name, value in (vars(settings) | vars(sampling)).items():
        finite = not isinstance(value, float) or math.isfinite(value)
        check(finite, f"{flag(name)}: found {value}; expected a finite number")
    for name, (lowest, highest) in RANGES.items():
        value = getattr(settings, name)
        check(lowest <= value <= highest, f"{flag(name)}: found {value}; expected {lowest} to {highest}")
    for low, high in (("n_best", "beam"), ("min_tokens", "max_tokens"), ("min_length_ratio", "max_length_ratio")):
        least, most = getattr(settings, low), getattr(settings, high)
        check(least <= most, f"{flag(low)}: found {least}; expected {most} at most, as {flag(high)} says")


def check_unused(sampling: Sampling) -> None:
    """Raise a UserError for options of sampling that are given without `--sample`."""
    defaults = vars(Sampling())
    for name, value in vars(sampling).items():
        check(value == defaults[name], f"{flag(name)}: found without --sample; expected both or none")


def flag(name: str) -> str:
    """Return the command line option of a setting."""
    return f"--{name.replace('_', '-')}"


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


def at_most(most: int) -> Callable[[typer.CallbackParam, int], int]:
    """Return a callback of an option that refuses values above `most`, in one line."""

    def checked(option: typer.CallbackParam, value: int) -> int:
        check(value <= most, f"{flag(option.name or '')}: found {value}; expected {most} at most")
        return value

    return checked


BatchSentences = Annotated[
    int, typer.Option(min=1, callback=at_most(4096), help="Most sentences of a batch: speed and memory.")
]
BatchTokens = Annotated[
    int, typer.Option(min=1, callback=at_most(10_000_000), help="The most target tokens of a batch.")
]
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
    """Write text to stdout and flush it, in UTF-8 whatever the locale; file names are written as they are."""
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()
