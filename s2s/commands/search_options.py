"""What a translation is told of search and of sampling, with its help."""

import math
from typing import Annotated, Any

import typer

from s2s.errors import check
from s2s.sampling import Sampling
from s2s.search import SearchSettings


def of_search(*flags: str, **about: Any) -> Any:
    """An option that stands in help among those of search."""
    return typer.Option(*flags, rich_help_panel="Search", **about)


def of_sampling(*flags: str, **about: Any) -> Any:
    """An option that stands in help among those of sampling."""
    return typer.Option(*flags, rich_help_panel="Sampling", **about)


Beam = Annotated[int, of_search(min=1, help="Hypotheses kept at each step; 1 is greedy.")]
LengthPenalty = Annotated[float, of_search(min=0, help="a in score = log_prob / ((5 + tokens) / 6)^a; 0: none.")]
WordReward = Annotated[float, of_search(help="Added to the score for each token.")]
MinLengthRatio = Annotated[float, of_search(min=0, help="Tokens at least, for each of the source.")]
MaxLengthRatio = Annotated[float, of_search(min=0, help="Tokens at most, for each of the source, beside 10.")]
MinTokens = Annotated[int, of_search(min=0, help="Tokens at least.")]
MaxTokens = Annotated[int, of_search(min=1, help="Tokens at most.")]
ForbidUnknown = Annotated[bool, of_search("--forbid-unknown", help="Never say <unk>.")]
Sample = Annotated[bool, of_sampling("--sample", help="Draw translations; the beam is not used.")]
Temperature = Annotated[float, of_sampling(min=0.01, help="Below 1: likely tokens become likelier.")]
TopK = Annotated[int, of_sampling(min=0, help="Draw from so many of the likeliest tokens; 0: all.")]
TopP = Annotated[float, of_sampling(min=0.001, max=1, help="Draw from the likeliest tokens of this probability.")]
Seed = Annotated[int, of_sampling(min=0, max=2**63 - 1, help="Each draws other translations.")]


def check_search(settings: SearchSettings) -> None:
    """Refuses settings that contradict each other."""
    for name, value in vars(settings).items():
        finite = not isinstance(value, float) or math.isfinite(value)
        check(finite, f"{flag(name)}: found {value}; expected a finite number")
    for low, high in (("n_best", "beam"), ("min_tokens", "max_tokens"), ("min_length_ratio", "max_length_ratio")):
        least, most = getattr(settings, low), getattr(settings, high)
        check(least <= most, f"{flag(low)}: found {least}; expected {most} at most, as {flag(high)} says")


def check_unused(sampling: Sampling) -> None:
    """Refuses what only sampling heeds, in a search."""
    usual = vars(Sampling())
    for name, value in vars(sampling).items():
        check(value == usual[name], f"{flag(name)}: found without --sample; expected both or none")


def flag(name: str) -> str:
    """How a setting is named on the command line."""
    return f"--{name.replace('_', '-')}"
