"""The one reader of params.yaml: it returns typed, frozen values and refuses unknown keys before any work starts."""

import difflib
import reprlib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode

from s2s.errors import UserError, check

PATH = Path("params.yaml")
MOST_CHARACTERS = 500_000  # of a YAML file; ruamel.yaml reads about 50,000 a second
MOST_VALUES = 500_000  # in it, where each alias counts as all the values that it stands for
MOVED = {
    "download.mirrors": "operation.mirrors",
    "download.timeout_seconds": "operation.timeout_seconds",
    "download.parallel_files": "operation.parallel_files",
    "train.checkpoint_minutes": "operation.checkpoint_minutes",
    "train.keep_checkpoints": "operation.keep_checkpoints",
    "tracking": "operation.experiment",
}
"""Keys of earlier versions, and where they are now."""
QUOTE = reprlib.Repr()  # writes values into messages, shortened
QUOTE.maxstring = QUOTE.maxother = 200
Device = Literal["auto", "cpu", "cuda"]
Threads = Annotated[int, Field(ge=1, le=1024)]
BatchTokens = Annotated[int, Field(ge=16, le=10_000_000)]
Samples = Annotated[int, Field(ge=100, le=100_000)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]


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

    train_source: str
    train_target: str
    dev_source: str
    dev_target: str
    test_source: str
    test_target: str


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
        """Whether its cells have a cell state c beside the hidden state h."""
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
    source_embeddings: str
    target_embeddings: str
    initial_weights: str
    resume_from: str
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
    probes: str = Field(min_length=1)
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


class Operation(Section):
    """Settings that change no result, so no stage declares them."""

    mirrors: tuple[str, ...] = Field(strict=False)
    timeout_seconds: float = Field(ge=1, le=3600)
    parallel_files: int = Field(ge=1, le=32)
    checkpoint_minutes: float = Field(ge=0.001, le=1440)
    keep_checkpoints: int = Field(ge=1, le=1000)
    experiment: str = Field(min_length=1, max_length=200)


Changes = dict[Literal["model", "train"], dict[str, Any]]


class Parameters(Section):
    """All of params.yaml."""

    download: Download
    clean: Clean
    vocab: Vocab
    vocabularies: dict[Name, dict[str, Any]] = Field(min_length=1)
    model: Model
    train: Train
    systems: dict[Name, Changes] = Field(min_length=1)
    models: dict[Name, TrainedModel] = Field(min_length=1)
    runs: dict[Name, Run] = Field(min_length=1)
    first_passes: dict[Name, Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    rescorings: dict[Name, Rescoring] = Field(min_length=1)
    translate: Translate
    lexicon: Lexicon
    rescore: Rescore
    perplexity: Perplexity
    bleu: Bleu
    length: Length
    rarity: Rarity
    ablations: Ablations
    embeddings: Embeddings
    neighbors: Neighbors
    report: Report
    operation: Operation

    def vocabulary(self, name: str) -> Vocab:
        """Return section `vocab` with the changes of a vocabulary."""
        return Vocab.model_validate(self.vocab.model_dump() | self.vocabularies[name])

    def vocabulary_of(self, system: str) -> str:
        """Return the name of the vocabulary that the models of a system have."""
        return next(model.vocabulary for model in self.models.values() if model.system == system)

    def system(self, name: str) -> tuple[Model, Train]:
        """Return sections `model` and `train` with the changes of a system."""
        changes = self.systems[name]
        model = self.model.model_dump() | changes.get("model", {})
        train = self.train.model_dump() | changes.get("train", {})
        return Model.model_validate(model), Train.model_validate(train)

    def run(self, name: str) -> Translate:
        """Return section `translate` with the changes of a run."""
        return Translate.model_validate(self.translate.model_dump() | self.runs[name].translate)

    def seeds(self, system: str) -> list[int]:
        """Return the seeds that a system is trained from, in the order of params.yaml."""
        return [model.seed for model in self.models.values() if model.system == system]


def read(path: Path = PATH) -> Parameters:
    """Read and check params.yaml.

    Raises:
        UserError: one line with place, found and wanted.
    """
    return parse(read_text(path), str(path))


def read_text(path: Path) -> str:
    """Return the text of a parameter file, with the line ends that it has.

    Raises:
        UserError: one line that says why there is no text.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected a parameter file, see presets/default.yaml") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); expected UTF-8 text") from None


def parse(text: str, place: str) -> Parameters:
    """Check the text of a parameter file and return its values; `place` names the file in errors."""
    values = load(text, place)
    check(isinstance(values, dict), f"{place}: found {type(values).__name__}; expected sections such as `model:`")
    try:
        parameters = Parameters.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{place}: {describe(error)}") from None
    for name in parameters.vocabularies:
        check_changes(lambda: parameters.vocabulary(name), f"{place}: vocabularies.{name}")  # noqa: B023
    for name in parameters.systems:
        check_changes(lambda: parameters.system(name), f"{place}: systems.{name}")  # noqa: B023
    for name in parameters.runs:
        check_changes(lambda: parameters.run(name), f"{place}: runs.{name}")  # noqa: B023
    for message in contradictions(parameters):
        raise UserError(f"{place}: {message}")
    return parameters


def load(text: str, place: str) -> Any:
    """Return the values of a YAML 1.2 text, read as DVC reads it; `place` names the file in errors.

    Raises:
        UserError: one line for text that is not YAML, for a key that is there twice, and for a text so large, so deep
            or so full of aliases that reading or printing it could take minutes.
    """
    check(
        len(text) <= MOST_CHARACTERS,
        f"{place}: found {len(text):,} characters; expected at most {MOST_CHARACTERS:,}",
    )
    reader = YAML(typ="safe", pure=True)
    reader.Constructor = PlainConstructor
    try:
        with warnings.catch_warnings(action="ignore"):  # of anchors that are defined twice, which YAML allows
            values = reader.load(text)
    except RecursionError:
        raise UserError(f"{place}: found values nested too deeply to be read; expected sections of keys") from None
    except Exception as error:  # beside its own errors, ruamel.yaml passes on those of int(), datetime() and others
        raise UserError(f"{place}: {trouble(error)}") from None
    count = expanded(values, {})
    check(count <= MOST_VALUES, f"{place}: found aliases of aliases without end; expected values written out")
    return values


class PlainConstructor(SafeConstructor):
    """Constructor of plain values that refuses merge keys, because nested ones can double a map at each level."""

    def flatten_mapping(self, node: MappingNode) -> Any:
        """Refuse a map with the key `<<`."""
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise MarkedYAMLError(
                    problem="found a merge key <<; expected keys written out", problem_mark=key.start_mark
                )
        return super().flatten_mapping(node)


def trouble(error: Exception) -> str:
    """Return what is wrong with a text that is not YAML, in one line."""
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or error)
    if isinstance(error, DuplicateKeyError):
        key = problem.removeprefix('found duplicate key "').partition('" with value')[0]
        problem = f"key {key[:100]!r} is there twice"
    at = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"not YAML: {at}{' '.join(problem.split())[:200]}"


def expanded(values: object, counts: dict[int, int]) -> int:
    """Return how many values a tree holds, where each alias counts as all that it stands for.

    Args:
        counts: results for maps and lists by id, filled here; a map that holds itself counts as too many.
    """
    if not isinstance(values, dict | list):
        return 1
    if id(values) not in counts:
        counts[id(values)] = MOST_VALUES
        inner = values.values() if isinstance(values, dict) else values
        counts[id(values)] = 1 + sum(expanded(value, counts) for value in inner)
    return counts[id(values)]


def check_changes(read_changed: Callable[[], object], place: str) -> None:
    """Check the changes of a vocabulary, a system or a run by the rules of the sections that they change."""
    try:
        read_changed()
    except ValidationError as error:
        raise UserError(f"{place}: {describe(error, (error.title.lower(),))}") from None


def describe(error: ValidationError, prefix: tuple[str, ...] = ()) -> str:
    """Return place, found and wanted of the first mistake; misspelled keys come before what they leave missing."""
    first = min(error.errors(), key=lambda mistake: mistake["type"] != "extra_forbidden")
    place = prefix + tuple(str(part)[:100] for part in first["loc"] if part != "[key]")
    name = ".".join(place)
    match first["type"]:
        case "extra_forbidden":
            if name in MOVED:
                return f"unknown key {name}; it is {MOVED[name]} now"
            near = difflib.get_close_matches(place[-1], list(known_keys(place[:-1])), n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known_keys(place[:-1]))}"
            return f"unknown key {name}; {hint}"
        case "missing":
            return f"missing key {name}; see presets/default.yaml"
        case _:
            wanted = first["msg"].replace("Input should", "expected to").replace("String should", "expected to")
            return f"{name}: found {quoted(first['input'])}; {wanted}"


def quoted(value: object) -> str:
    """Return a value as a message shows it, shortened where it is long."""
    try:
        return QUOTE.repr(value)
    except ValueError:  # Python prints no integer of more than 4,300 digits
        return "a number of thousands of digits"


def known_keys(place: tuple[str, ...]) -> Iterator[str]:
    """Yield the keys that a section may have; `place` is its path from the root."""
    kind: Any = Parameters
    for part in place:
        # vocabularies, systems, models and runs are dictionaries under free names
        kind = get_args(kind)[1] if get_origin(kind) is dict else kind.model_fields[part].annotation
    if isinstance(kind, type) and issubclass(kind, Section):
        yield from kind.model_fields


def contradictions(parameters: Parameters) -> Iterator[str]:
    """Yield a message for each value that is in range and contradicts another value."""
    for name, model in parameters.models.items():
        yield from model_contradictions(f"models.{name}", name, model, parameters)
    for name, run in parameters.runs.items():
        yield from run_contradictions(f"runs.{name}", run, parameters)
        yield from decoding_contradictions(f"runs.{name}: translate", run, parameters)
    for name, path in parameters.first_passes.items():
        yield from first_pass_contradictions(f"first_passes.{name}", path, parameters)
    for name, rescoring in parameters.rescorings.items():
        yield from rescoring_contradictions(f"rescorings.{name}", rescoring, parameters)
    for name in parameters.systems:
        yield from train_contradictions(f"systems.{name}: train", parameters.system(name)[1])
        yield from network_contradictions(f"systems.{name}", *parameters.system(name))
    if not parameters.seeds(base := parameters.ablations.base):
        trained = ", ".join(dict.fromkeys(model.system for model in parameters.models.values()))
        yield f"ablations.base: found {base!r}; expected a system that has models: {trained}"
    yield from embeddings_contradictions(parameters)
    if parameters.download.source == "files":
        for key, path in parameters.download.files.model_dump().items():
            if not Path(path).is_file():
                yield f"download.files.{key}: found no file {path!r}; expected text, one sentence a line"


def model_contradictions(place: str, name: str, model: TrainedModel, parameters: Parameters) -> Iterator[str]:
    """Yield messages on a model of an unknown system or vocabulary, or unlike the other models of its system."""
    if model.system not in parameters.systems:
        yield f"{place}.system: found {model.system!r}; expected one of {', '.join(parameters.systems)}"
    if name != f"{model.system}-{model.seed}":
        yield f"{place}: found another name than system and seed; expected {model.system}-{model.seed}"
    if model.vocabulary not in parameters.vocabularies:
        yield f"{place}.vocabulary: found {model.vocabulary!r}; expected one of {', '.join(parameters.vocabularies)}"
    if model.vocabulary != (first := parameters.vocabulary_of(model.system)):
        yield f"{place}.vocabulary: found {model.vocabulary}; expected {first}, as the other models of {model.system}"


def embeddings_contradictions(parameters: Parameters) -> Iterator[str]:
    """Yield messages on a model, a layer or sentences to show that do not exist."""
    shown = parameters.embeddings
    trained = [(model.system, model.seed) for model in parameters.models.values()]
    if (shown.system, shown.seed) not in trained:
        yield f"embeddings: found {shown.system}-{shown.seed}; expected one of {', '.join(parameters.models)}"
    elif shown.layer > (layers := parameters.system(shown.system)[0].layers):
        yield f"embeddings.layer: found {shown.layer}; expected at most {layers}, the layers of {shown.system}, or 0"
    elif shown.state == "c" and not parameters.system(shown.system)[0].has_c:
        yield f"embeddings.state: found c; expected h, the one state of {shown.system}"
    if not Path(shown.probes).is_file():
        yield f"embeddings.probes: found no file {shown.probes!r}; expected one such as probes/demo.tsv"


def network_contradictions(place: str, model: Model, train: Train) -> Iterator[str]:
    """Yield messages on settings that a Transformer cannot have."""
    if model.network == "transformer":
        if model.hidden % model.heads:
            yield f"{place}: model.hidden: found {model.hidden}; expected a multiple of {model.heads}, its heads"
        if model.embedding != model.hidden:
            yield f"{place}: model.embedding: found {model.embedding}; expected {model.hidden}, as model.hidden"
        if train.bptt_tokens:
            yield f"{place}: train.bptt_tokens: found {train.bptt_tokens}; expected 0 for a transformer"


def train_contradictions(place: str, train: Train) -> Iterator[str]:
    """Yield messages on contradictions and missing files in the training of a system."""
    if train.weight_decay and train.optimizer != "adamw":
        yield f"{place}.weight_decay: found {train.weight_decay} with {train.optimizer}; expected 0.0, or adamw"
    for key in ("source_embeddings", "target_embeddings", "resume_from"):
        if (path := getattr(train, key)) and not Path(path).is_file():
            yield f"{place}.{key}: found no file {path!r}; expected one, or nothing"
    if train.initial_weights and not Path(train.initial_weights).is_dir():
        yield f"{place}.initial_weights: found no folder {train.initial_weights!r}; expected one of a model"


def run_contradictions(place: str, run: Run, parameters: Parameters) -> Iterator[str]:
    """Yield messages on a run of an unknown system, or of more models than it has."""
    if run.system not in parameters.systems:
        yield f"{place}.system: found {run.system!r}; expected one of {', '.join(parameters.systems)}"
    if run.seeds > (count := len(parameters.seeds(run.system))):
        yield f"{place}.seeds: found {run.seeds}; expected at most {count}, the models of {run.system}"


def decoding_contradictions(place: str, run: Run, parameters: Parameters) -> Iterator[str]:
    """Yield messages on contradictions in the search of a run."""
    settings = Translate.model_validate(parameters.translate.model_dump() | run.translate)
    if settings.n_best > run.beam:
        yield f"{place}.n_best: found {settings.n_best}; expected at most {run.beam}, the beam"
    for least, most in (("min_tokens", "max_tokens"), ("min_length_ratio", "max_length_ratio")):
        if (low := getattr(settings, least)) > (high := getattr(settings, most)):
            yield f"{place}.{least}: found {low}; expected at most {high}, its {most}"
    if settings.replace_unknown and parameters.lexicon.pairs == 0:
        yield f"{place}.replace_unknown: found true with lexicon.pairs 0; expected pairs to learn a lexicon from"
    vocabulary = parameters.vocabulary_of(run.system)
    if settings.replace_unknown and (kind := parameters.vocabulary(vocabulary).kind) != "words":
        yield f"{place}.replace_unknown: found true with vocabulary {vocabulary} of kind {kind}; expected words"


def first_pass_contradictions(place: str, path: str, parameters: Parameters) -> Iterator[str]:
    """Yield a message on n-best lists that no run makes and that are not on disk."""
    ours = [f"members/{run}.json" for run in parameters.runs]
    if path not in ours and not Path(path).is_dir():
        yield f"{place}: found {path!r}; expected {' or '.join(ours)}, or a folder of another system's lists"


def rescoring_contradictions(place: str, rescoring: Rescoring, parameters: Parameters) -> Iterator[str]:
    """Yield messages on a rescoring of an unknown first pass, or by an unknown run."""
    if rescoring.scorer not in parameters.runs:
        yield f"{place}.scorer: found {rescoring.scorer!r}; expected one of {', '.join(parameters.runs)}"
    if rescoring.first_pass not in parameters.first_passes:
        names = ", ".join(parameters.first_passes)
        yield f"{place}.first_pass: found {rescoring.first_pass!r}; expected one of {names}"
