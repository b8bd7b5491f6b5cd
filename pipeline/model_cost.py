"""The cost of a system's models, in numbers that are the same on every machine."""

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
    """Sizes of the text in tokens of a vocabulary; targets count </s>."""

    source_tokens: int
    """The mean over the test sentences."""
    target_tokens: int
    training_tokens: int
    """The sum over the training targets."""


def sizes(encoding: Encoding) -> Sizes:
    """Return the sizes of the text that costs are computed for."""
    train, test = encoding.splits["train"], encoding.splits["test"]
    source, target = (round(tokens / test.pairs) for tokens in (test.source_tokens, test.target_tokens + test.pairs))
    return Sizes(max(1, source), max(1, target), train.target_tokens + train.pairs)


def measure(models: Path, curves: Path, system: str, seeds: Sequence[int], given: Sizes) -> Cost:
    """Return the cost of a system's models, which differ only in the epoch at which training ended.

    Args:
        models: folder of models.
        curves: folder of learning curves.
        system: name of the system.
        seeds: of its models.
        given: sizes of the text in the system's vocabulary.
    """
    network = model.load(models / system / str(seeds[0]))
    count = multiply_adds(network, given.source_tokens, given.target_tokens)
    epochs = [last_epoch(curves / f"{system}-{seed}.csv") for seed in seeds]
    tokens = round(given.training_tokens * sum(epochs) / len(epochs))
    per_token = round(count / given.target_tokens)
    return Cost(model.parameter_count(network), given.source_tokens, given.target_tokens, per_token, tokens)


def last_epoch(curve: Path) -> float:
    """Return the number of passes over the training text, from the last row of a learning curve."""
    return max(read_curve(curve)["epoch"], default=0.0)
