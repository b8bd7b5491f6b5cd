"""The settings of training: those of the paper's section 3.4 and their usual alternatives."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """All settings that decide the weights, apart from model, text and seed, explained in params.yaml."""

    optimizer: str
    learning_rate: float
    adam_beta2: float
    weight_decay: float
    warmup_updates: int
    decay: str
    halve_after_epochs: float
    halve_every_epochs: float
    epochs: float
    patience_epochs: int
    evaluations_per_epoch: int
    average_updates: int
    batch_sentences: int
    batch_tokens: int
    bucketing: bool
    clip_norm: float
    normalize_loss: str
    label_smoothing: float
    bptt_tokens: int
    mixed_precision: bool
    memory_gb: float
