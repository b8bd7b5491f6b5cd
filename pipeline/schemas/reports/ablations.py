"""Format of reports/ablations.json: each system's differences from the base system in parameters, quality and cost."""

from dataclasses import dataclass

from pipeline.schemas.data.records import EXACT

ABLATIONS = "ablations.json"
Value = bool | int | float | str


@dataclass(frozen=True)
class Change:
    """A parameter in which a system differs from the base."""

    __pydantic_config__ = EXACT
    key: str
    """A dotted key such as `model.layers`."""
    base: Value
    own: Value


@dataclass(frozen=True)
class Difference:
    """The difference of a system from the base on the same test sentences, with its 95 % interval."""

    __pydantic_config__ = EXACT
    value: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Perplexities:
    """Perplexity of a system on the test set, per target token with </s>."""

    __pydantic_config__ = EXACT
    seeds: list[int]
    values: list[float]
    """The perplexity of the model of each seed."""
    mean: float
    spread: float | None
    """The standard deviation over the seeds; None for one seed."""
    compared: int
    """The number of first seeds of both systems that are compared."""
    change: Difference | None
    """The relative change of the base's perplexity; below zero is better. Several seeds count by their geometric mean.

    None for the base itself, and for a system with another target vocabulary: perplexities per token do not compare
    across vocabularies.
    """


@dataclass(frozen=True)
class RunBleu:
    """BLEU of a system's run, computed as in the paper: on tokens, without smoothing."""

    __pydantic_config__ = EXACT
    run: str
    against: str
    """The base's run that is decoded alike; for the base, the run itself."""
    models: int
    beam: int
    bleu_tokenized: float
    low: float
    high: float
    difference: Difference | None
    """In BLEU points; above zero is better."""


@dataclass(frozen=True)
class Cost:
    """The cost of a model in units that do not depend on the machine."""

    __pydantic_config__ = EXACT
    parameters: int
    source_tokens: int
    """Tokens of the mean source sentence of the test set, in the system's vocabulary."""
    target_tokens: int
    """Tokens of the mean target sentence, with </s>."""
    multiply_adds: int
    """Multiply-adds for a target token of such a sentence, in the matrix products of encoder, decoder and softmax."""
    training_tokens: int
    """Target tokens with </s> that were trained on, the mean over the seeds."""


@dataclass(frozen=True)
class Ablation:
    """A system and its differences from the base."""

    __pydantic_config__ = EXACT
    system: str
    changes: list[Change]
    perplexities: Perplexities
    bleu: RunBleu | None
    """None if no run of the system is decoded as a run of the base."""
    cost: Cost


@dataclass(frozen=True)
class Ablations:
    """The content of the file."""

    __pydantic_config__ = EXACT
    base: str
    sentences: int
    """The number of test sentences."""
    fewest: int
    """The number of test sentences below which nothing is decided."""
    samples: int
    """The number of resampled test sets of the bootstrap."""
    systems: list[Ablation]
    """The base first, the others in the order of params.yaml."""
    untrained: list[str]
    """Systems that have no models in params.yaml."""
