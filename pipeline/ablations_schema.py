"""reports/ablations.json: what each system changes of the base system, and what that does to quality and cost."""

from dataclasses import dataclass

from pipeline.schemas.records import EXACT

ABLATIONS = "ablations.json"
Value = bool | int | float | str


@dataclass(frozen=True)
class Change:
    """A parameter in which a system is not as the base."""

    __pydantic_config__ = EXACT
    key: str
    """Such as `model.layers`."""
    base: Value
    own: Value


@dataclass(frozen=True)
class Difference:
    """How far a system lies from the base on the same test sentences, with the 95 % interval of that."""

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
    """Of the model of each seed."""
    mean: float
    spread: float | None
    """The standard deviation among the seeds, if there are several."""
    compared: int
    """With how many seeds, the first of both, the difference is found."""
    change: Difference | None
    """As a share of the base's perplexity: below zero is better. Of several seeds, of their geometric mean.

    None: it is the base, or it predicts tokens of another vocabulary, so that a perplexity per token says nothing.
    """


@dataclass(frozen=True)
class RunBleu:
    """BLEU of a system's run, as the paper counts it: of tokens, unsmoothed."""

    __pydantic_config__ = EXACT
    run: str
    against: str
    """The run of the base that is decoded alike; of the base, itself."""
    models: int
    beam: int
    bleu_tokenized: float
    low: float
    high: float
    difference: Difference | None
    """In points, above zero is better."""


@dataclass(frozen=True)
class Cost:
    """What a model takes, whatever it runs on."""

    __pydantic_config__ = EXACT
    parameters: int
    source_tokens: int
    """Of the mean test sentence, in the vocabulary of the system ..."""
    target_tokens: int
    """... and of its translation, with </s>."""
    multiply_adds: int
    """For a target token of such a sentence: encoder, decoder and softmax, products alone."""
    training_tokens: int
    """Target tokens with </s> that it was trained on until it ended, the mean of its seeds."""


@dataclass(frozen=True)
class Ablation:
    """One system."""

    __pydantic_config__ = EXACT
    system: str
    changes: list[Change]
    perplexities: Perplexities
    bleu: RunBleu | None
    """None: no run of it is decoded as one of the base."""
    cost: Cost


@dataclass(frozen=True)
class Ablations:
    """The whole file."""

    __pydantic_config__ = EXACT
    base: str
    sentences: int
    """Of the test set, which the bootstrap draws."""
    fewest: int
    """Test sentences below which a bootstrap says little."""
    samples: int
    """Of the bootstrap."""
    systems: list[Ablation]
    """The base first, the others in the order of params.yaml."""
    untrained: list[str]
    """Systems of which params.yaml has no models."""
