"""Sections of params.yaml about evaluation and reports."""

from typing import Literal

from pydantic import Field

from pipeline.parameters.sections import BatchTokens, Device, FilePath, Name, Samples, Section, Seed, Threads


class Perplexity(Section):
    """Perplexity of models on given translations."""

    batch_tokens: BatchTokens
    device: Device
    threads: Threads


class Bleu(Section):
    """Confidence intervals of BLEU."""

    bootstrap_samples: Samples
    bootstrap_seed: Seed


class Length(Section):
    """BLEU by sentence length, Figure 3."""

    bins: int = Field(ge=2, le=100)
    bootstrap_samples: Samples
    bootstrap_seed: Seed


class Embeddings(Section):
    """Sentence embeddings, Figure 2."""

    system: Name
    seed: Seed
    layer: int = Field(ge=0, le=32)
    state: Literal["h", "c"]
    probes: FilePath = Field(min_length=1)
    permutations: Samples
    permutation_seed: Seed
    threads: Threads


class Neighbors(Section):
    """Test sentences that are nearest to others in the encoder's state."""

    sentences: int = Field(ge=0, le=1000)
    nearest: int = Field(ge=1, le=100)


class Rarity(Section):
    """BLEU by the rarity of a sentence's words, Figure 3."""

    bins: int = Field(ge=2, le=100)
    bootstrap_samples: Samples
    bootstrap_seed: Seed


class Ablations(Section):
    """Comparison of each system with a base system."""

    base: Name


class Report(Section):
    """The HTML report."""

    samples: int = Field(ge=0, le=1000)
