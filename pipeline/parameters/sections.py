"""Sections of params.yaml about data, models, training and decoding, as frozen, typed records."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Device = Literal["auto", "cpu", "cuda"]
Threads = Annotated[int, Field(ge=1, le=1024)]
BatchTokens = Annotated[int, Field(ge=16, le=10_000_000)]
Samples = Annotated[int, Field(ge=100, le=100_000)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]


def path_text(text: str) -> str:
    """Return the text of a path, or raise a ValueError if no file can have it."""
    try:
        parts = text.encode().split(b"/")
    except UnicodeEncodeError:
        raise ValueError("expected Unicode characters") from None
    if b"\0" in b"".join(parts) or max(map(len, parts)) > 255 or sum(map(len, parts)) + len(parts) > 4096:
        raise ValueError("expected a path of parts with at most 255 bytes, 4095 together, and no NUL")
    return text


FilePath = Annotated[str, AfterValidator(path_text)]


class Section(BaseModel):
    """A part of params.yaml: every key is required, other keys are refused, and values are never converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, str_max_length=4096)


class Demo(Section):
    """The generated corpus."""

    seed: Seed
    train_pairs: int = Field(ge=100, le=1_000_000)
    dev_pairs: int = Field(ge=10, le=100_000)
    test_pairs: int = Field(ge=10, le=100_000)
    max_words: int = Field(ge=10, le=200)


class Files(Section):
    """Files of your own parallel text."""

    train_source: FilePath
    train_target: FilePath
    dev_source: FilePath
    dev_target: FilePath
    test_source: FilePath
    test_target: FilePath


class Download(Section):
    """Source and languages of the parallel text."""

    source: Name
    source_language: str = Field(pattern="^[a-z]{2}$")
    target_language: str = Field(pattern="^[a-z]{2}$")
    demo: Demo
    files: Files


class Clean(Section):
    """Normalization of the text, and rules that drop pairs."""

    normalize_punctuation: bool
    lowercase: bool
    max_words: int = Field(ge=1, le=10_000)
    max_length_ratio: float = Field(ge=1, le=100)
    max_word_characters: int = Field(ge=1, le=10_000)
    drop_copies: bool
    drop_held_out: bool
    drop_other_languages: bool
    drop_duplicates: bool
    selection: dict[str, Annotated[float, Field(gt=0, le=100)]]
    max_loss: float = Field(ge=0, le=100)


class Vocab(Section):
    """Kind and size of the vocabularies."""

    kind: Literal["words", "unigram", "bpe"]
    source_size: int = Field(ge=8, le=1_000_000)
    target_size: int = Field(ge=8, le=1_000_000)
    min_count: int = Field(ge=1, le=1000)
    sentencepiece_lines: int = Field(ge=100, le=100_000_000)


class Model(Section):
    """Architecture of the network."""

    network: Literal["recurrent", "transformer"]
    cell: Literal["lstm", "lstm_peephole", "gru", "gru_cho", "rnn_tanh", "rnn_relu"]
    context: Literal["initial", "every_step", "bahdanau", "luong_dot", "luong_general"]
    bidirectional: bool
    layers: int = Field(ge=1, le=32)
    hidden: int = Field(ge=1, le=8192)
    embedding: int = Field(ge=1, le=8192)
    maxout: int = Field(ge=1, le=8192)
    heads: int = Field(ge=1, le=128)
    feed_forward: int = Field(ge=1, le=65_536)
    residual: bool
    layer_norm: bool
    dropout: float = Field(ge=0, le=0.9)
    reverse_source: bool
    initialization: Literal["uniform", "orthogonal", "xavier"]
    init_uniform: float = Field(ge=0.001, le=1)

    @property
    def has_c(self) -> bool:
        """True if the cells have a cell state c beside the hidden state h."""
        return self.network == "recurrent" and self.cell.startswith("lstm")


class Train(Section):
    """Training of a model."""

    optimizer: Literal["sgd", "adam", "adamw", "rmsprop", "adadelta"]
    learning_rate: float = Field(gt=0, le=10)
    adam_beta2: float = Field(ge=0.5, le=0.99999)
    weight_decay: float = Field(ge=0, le=1)
    warmup_updates: int = Field(ge=0, le=100_000)
    decay: Literal["constant", "cosine", "linear", "inverse_sqrt", "halve"]
    halve_after_epochs: float = Field(ge=0, le=1000)
    halve_every_epochs: float = Field(gt=0, le=1000)
    epochs: float = Field(gt=0, le=1000)
    patience_epochs: int = Field(ge=0, le=1000)
    evaluations_per_epoch: int = Field(ge=1, le=1000)
    average_updates: int = Field(ge=0, le=1_000_000)
    batch_sentences: int = Field(ge=1, le=65_536)
    batch_tokens: BatchTokens
    bucketing: bool
    clip_norm: float = Field(ge=0, le=1000)
    normalize_loss: Literal["tokens", "sentences"]
    label_smoothing: float = Field(ge=0, le=0.5)
    bptt_tokens: int = Field(ge=0, le=10_000)
    mixed_precision: bool
    source_embeddings: FilePath
    target_embeddings: FilePath
    initial_weights: FilePath
    resume_from: FilePath
    device: Device
    devices: int = Field(ge=1, le=4096)
    memory_gb: float = Field(ge=0, le=10_000)
    threads: Threads


class TrainedModel(Section):
    """A system trained from one seed on text in one vocabulary."""

    system: Name
    seed: Seed
    vocabulary: Name


class Run(Section):
    """A translation of the test set by one or more models of a system."""

    system: Name
    seeds: int = Field(ge=1, le=100)
    beam: int = Field(ge=1, le=1000)
    translate: dict[str, Any] = Field(default_factory=dict)


class Translate(Section):
    """Decoding of the test set; a run may change any key."""

    batch_sentences: int = Field(ge=1, le=4096)
    n_best: int = Field(ge=1, le=1000)
    length_penalty: float = Field(ge=0, le=2)
    word_reward: float = Field(ge=-10, le=10)
    min_length_ratio: float = Field(ge=0, le=10)
    max_length_ratio: float = Field(ge=0.1, le=100)
    min_tokens: int = Field(ge=0, le=10_000)
    max_tokens: int = Field(ge=1, le=10_000)
    forbid_unknown: bool
    replace_unknown: bool
    ensemble_mean: Literal["probabilities", "log_probabilities"]
    device: Device
    threads: Threads


class Rescoring(Section):
    """N-best lists of a first pass, and the run whose models score them."""

    first_pass: Name
    scorer: Name


class Lexicon(Section):
    """Lexicon of word translations, learned by word alignment."""

    pairs: int = Field(ge=0, le=100_000_000)
    iterations: int = Field(ge=1, le=100)


class Rescore(Section):
    """Making, scoring and weighting of n-best lists."""

    n_best: int = Field(ge=2, le=10_000)
    batch_tokens: BatchTokens
    tuning_restarts: int = Field(ge=0, le=1000)
    tuning_seed: Seed
    device: Device
    threads: Threads


class Operation(Section):
    """Settings that change no result, so no stage declares them."""

    mirrors: tuple[str, ...] = Field(strict=False)
    timeout_seconds: float = Field(ge=1, le=3600)
    parallel_files: int = Field(ge=1, le=32)
    checkpoint_minutes: float = Field(ge=0.001, le=1440)
    keep_checkpoints: int = Field(ge=1, le=1000)
    experiment: str = Field(min_length=1, max_length=200)


IDLE = {"batch_sentences", "n_best", "device", "threads"}  # keys that change no translation


def search(decoding: Translate) -> dict[str, Any]:
    """Return the settings of decoding that decide translations."""
    return decoding.model_dump(exclude=IDLE)
