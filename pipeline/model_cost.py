"""What the models of a system take, in numbers that are the same on every machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.ablations_schema import Cost
from pipeline.schemas.measured_text import Encoding
from pipeline.schemas.trained import read_curve
from s2s import model
from s2s.operations import multiply_adds


@dataclass(frozen=True)
class Sizes:
    """How long sentences are, in tokens of a vocabulary; targets with </s>."""

    source_tokens: int
    """Of the mean test sentence."""
    target_tokens: int
    training_tokens: int
    """Of all training targets."""


def sizes(encoding: Encoding) -> Sizes:
    """The sizes that costs are told for."""
    train, test = encoding.splits["train"], encoding.splits["test"]
    source, target = (round(tokens / test.pairs) for tokens in (test.source_tokens, test.target_tokens + test.pairs))
    return Sizes(max(1, source), max(1, target), train.target_tokens + train.pairs)


def measure(models: Path, curves: Path, system: str, seeds: Sequence[int], given: Sizes) -> Cost:
    """What the models of a system take: they differ in nothing but where training ended."""
    network = model.load(models / system / str(seeds[0]))
    count = multiply_adds(network, given.source_tokens, given.target_tokens)
    epochs = [last_epoch(curves / f"{system}-{seed}.csv") for seed in seeds]
    tokens = round(given.training_tokens * sum(epochs) / len(epochs))
    per_token = round(count / given.target_tokens)
    return Cost(model.parameter_count(network), given.source_tokens, given.target_tokens, per_token, tokens)


def last_epoch(curve: Path) -> float:
    """How many times a training went over its text until it ended."""
    return max(read_curve(curve)["epoch"], default=0.0)
