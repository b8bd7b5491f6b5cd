"""The files between stages: which columns and keys they have, and how they are read and written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ConfigDict, TypeAdapter, ValidationError

from s2s import files
from s2s.errors import UserError, check

SPLITS = ("train", "dev", "test")
SIDES = ("source", "target")
EXACT = ConfigDict(extra="forbid")
Record = TypeVar("Record")


@dataclass(frozen=True)
class RawCorpus:
    """Two files of data/raw that are translations of each other, line by line."""

    __pydantic_config__ = EXACT
    corpus: str
    source: str
    target: str
    pairs: int
    tokenized: bool = False
    """It comes in Moses tokens, with XML's special characters escaped."""


@dataclass(frozen=True)
class Manifest:
    """data/raw/manifest.json: what the folder holds."""

    __pydantic_config__ = EXACT
    source: str
    source_language: str
    target_language: str
    splits: dict[str, list[RawCorpus]]


MANIFEST = "manifest.json"
ROW_GROUP = 20_000  # sentence pairs, some megabytes: what is in memory at a time

# data/clean/train/<number>.parquet, data/clean/dev.parquet and test.parquet: plain normalized text, and the same in
# Moses tokens joined by spaces. Training pairs are cut into files so that many processes can work on them.
PAIRS = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        *(pa.field(side, pa.string(), nullable=False) for side in SIDES),
        *(pa.field(f"{side}_tokens", pa.string(), nullable=False) for side in SIDES),
    ]
)


@dataclass(frozen=True)
class EncodedSplit:
    """Numbers of one split of data/encoded; tokens are counted without </s>."""

    __pydantic_config__ = EXACT
    pairs: int
    source_tokens: int
    target_tokens: int
    source_unknown: int
    target_unknown: int


@dataclass(frozen=True)
class Encoded:
    """data/encoded/encoded.json: by which vocabularies text became numbers, and how many."""

    __pydantic_config__ = EXACT
    source_vocabulary_sha256: str
    target_vocabulary_sha256: str
    splits: dict[str, EncodedSplit]


ENCODED = "encoded.json"
MODEL = "model.json"

# curves/<model>.csv
CURVE_COLUMNS = ("epoch", "update", "learning_rate", "train_perplexity", "dev_perplexity", "gradient_norm")


@dataclass(frozen=True)
class Member:
    """A model of a run."""

    __pydantic_config__ = EXACT
    path: Path
    seed: int
    sha256: str


@dataclass(frozen=True)
class Members:
    """members/<run>.json: the models that a run translates with."""

    __pydantic_config__ = EXACT
    run: str
    system: str
    beam: int
    members: list[Member]


@dataclass(frozen=True)
class Alternative:
    """A further translation of a test sentence, not as good by its score."""

    __pydantic_config__ = EXACT
    translation: str
    log_prob: float
    score: float


@dataclass(frozen=True)
class Translation:
    """A line of translations/<run>.jsonl, after its `id`: a test sentence in the target language."""

    __pydantic_config__ = EXACT
    translation: str
    tokens: str
    log_prob: float
    unknown: int
    """How many <unk> the model said, replaced or not."""
    n_best: list[Alternative] = field(default_factory=list)
    """Where more than one is kept: the others, the best first."""


@dataclass(frozen=True, kw_only=True)
class NumberedTranslation(Translation):
    """A whole line of translations/<run>.jsonl."""

    id: int


@dataclass(frozen=True)
class RunScores:
    """One run's entry in reports/bleu.json; each score has its 95 % interval and its signature."""

    __pydantic_config__ = EXACT
    system: str
    seeds: int
    beam: int
    sentences: int
    brevity_penalty: float
    length_ratio: float
    bleu: float
    bleu_low: float
    bleu_high: float
    bleu_signature: str
    bleu_tokenized: float
    bleu_tokenized_low: float
    bleu_tokenized_high: float
    bleu_tokenized_signature: str
    chrf: float
    chrf_low: float
    chrf_high: float
    chrf_signature: str


@dataclass(frozen=True)
class ListFile:
    """A person's n-best list."""

    __pydantic_config__ = EXACT
    name: str
    sha256: str


@dataclass(frozen=True)
class FirstPass:
    """candidates/<rescoring>/first_pass.json: which system made the n-best lists beside it."""

    __pydantic_config__ = EXACT
    first_pass: str
    """A run of ours, or the folder of another system's lists."""
    members: list[Member]
    """The models of the run, or none."""
    files: dict[str, ListFile]
    """The lists in the folder, by split, or none."""


FIRST_PASS = "first_pass.json"


@dataclass(frozen=True)
class ListSize:
    """How many candidates the sentences of a split have."""

    __pydantic_config__ = EXACT
    sentences: int
    mean: float
    longest: int


@dataclass(frozen=True)
class Choice:
    """One translation a sentence out of n-best lists; each score has its 95 % interval and its signature."""

    __pydantic_config__ = EXACT
    bleu: float
    bleu_low: float
    bleu_high: float
    bleu_signature: str
    bleu_p_value: float
    """Of the difference from the first of each list, by paired bootstrap."""
    bleu_tokenized: float
    bleu_tokenized_low: float
    bleu_tokenized_high: float
    bleu_tokenized_signature: str
    bleu_tokenized_p_value: float
    dev_bleu_tokenized: float


@dataclass(frozen=True)
class Rescored:
    """reports/rescore/<rescoring>.json: what becomes of n-best lists when other models score them too."""

    __pydantic_config__ = EXACT
    first_pass: FirstPass
    scorer: str
    members: list[Member]
    """The models of the scorer."""
    lists: dict[str, ListSize]
    choices: dict[str, Choice]
    """Of the test set: first (the first pass's own), even (average of both scores), tuned, oracle."""
    weights: dict[str, float]
    """The tuned ones, by feature; their absolute values sum to 1."""


@dataclass(frozen=True)
class Perplexity:
    """One model and split in reports/perplexity.json; tokens are those of the target with </s>."""

    __pydantic_config__ = EXACT
    perplexity: float
    tokens: int
    unknown_share: float


@dataclass(frozen=True)
class LengthGroup:
    """A group of test sentences in reports/length.json; lengths are source tokens without </s>."""

    __pydantic_config__ = EXACT
    bin: int
    shortest: int
    longest: int
    sentences: int
    bleu: float
    bleu_low: float
    bleu_high: float


@dataclass(frozen=True)
class EmbeddedSentence:
    """A probe sentence in reports/embeddings.json, with its place in the plane of its panel."""

    __pydantic_config__ = EXACT
    group: str
    sentence: str
    x: float
    y: float


@dataclass(frozen=True)
class Panel:
    """Sentences of reports/embeddings.json that share a plane, and the variance along its two directions, 0 to 1."""

    __pydantic_config__ = EXACT
    panel: str
    explained_variance: tuple[float, float]
    sentences: list[EmbeddedSentence]


@dataclass(frozen=True)
class Example:
    """A pair that a rule dropped, or whose text was repaired; texts are cut short."""

    __pydantic_config__ = EXACT
    corpus: str
    line: int
    """Of the raw text, counted from 1."""
    source: str
    target: str


@dataclass(frozen=True)
class Rule:
    """A rule that drops training pairs."""

    __pydantic_config__ = EXACT
    rule: str
    drops: str
    """What it drops, in words."""


@dataclass(frozen=True)
class Cleaning:
    """reports/cleaning.json: what became of every pair of the raw training text."""

    __pydantic_config__ = EXACT
    rules: list[Rule]
    """In the order in which they are tried."""
    ledger: dict[str, dict[str, int]]
    """Corpus by rule: pairs that came in, those that came out, and those that each rule dropped."""
    repairs: dict[str, dict[str, int]]
    """Corpus by kind: pairs whose text was repaired in that way, dropped or not."""
    examples: dict[str, list[Example]]
    """The first pairs of each rule and repair."""
    splits: dict[str, int]


@dataclass(frozen=True)
class SideVocabulary:
    """One side of reports/vocab.json; coverages are shares of running tokens, 0 to 1."""

    __pydantic_config__ = EXACT
    entries: int
    types: int
    tokens: int
    train_coverage: float
    dev_coverage: float


@dataclass(frozen=True)
class Vocabularies:
    """reports/vocab.json: what the vocabularies hold, and how much of the text they know."""

    __pydantic_config__ = EXACT
    kind: str
    sentencepiece_lines: int
    source: SideVocabulary
    target: SideVocabulary


LONGEST = 200  # tokens; longer sentences are counted together


@dataclass(frozen=True)
class Lengths:
    """How many sentences have 0, 1, 2, ... tokens, targets with </s>; the last number counts all from LONGEST on."""

    __pydantic_config__ = EXACT
    source: list[int]
    target: list[int]


@dataclass(frozen=True)
class Encoding:
    """reports/encoding.json: how long the sentences are, and what share of a batch would be padding."""

    __pydantic_config__ = EXACT
    splits: dict[str, EncodedSplit]
    lengths: dict[str, Lengths]
    padding: dict[str, dict[str, float]]


# What checks the keys and types of one kind of record. Making one takes longer than using it.
adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def parse(kind: type[Record], content: bytes, place: str) -> Record:
    """Reads a record from JSON, or says in one line what is wrong with it."""
    try:
        record: Record = adapter(kind).validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise UserError(f"{place}: {key}: {first['msg']}; expected what the stage before writes") from None
    return record


def read(kind: type[Record], path: Path) -> Record:
    """Reads a JSON file that holds one record."""
    return parse(kind, content_of(path), str(path))


def content_of(path: Path) -> bytes:
    """The bytes of a file that an earlier stage should have written."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected what the stage before writes") from None


def read_named(kind: type[Record], path: Path, names: Iterable[str]) -> dict[str, Record]:
    """Reads those records of a JSON file that have the given names, in their order; others are remains of old runs."""
    found = parse(dict[str, kind], content_of(path), str(path))  # type: ignore[valid-type]
    for name in names:
        check(name in found, f"{path}: found no {name}; expected all that params.yaml names")
    return {name: found[name] for name in names}


def read_curve(path: Path) -> dict[str, list[float]]:
    """Reads the columns of a learning curve."""
    rows = [line.split(",") for line in content_of(path).decode().split("\n") if line]
    titles = ",".join(rows[0]) if rows else "nothing"
    check(titles == ",".join(CURVE_COLUMNS), f"{path}: found titles {titles}; expected {','.join(CURVE_COLUMNS)}")
    return {name: [float(row[column] or "nan") for row in rows[1:]] for column, name in enumerate(CURVE_COLUMNS)}


def write(path: Path, record: object) -> None:
    """Writes a record as a JSON file."""
    files.write_json(path, adapter(type(record)).dump_python(record, mode="json"))


class PairWriter:
    """Writes a Parquet file of sentence pairs, in row groups of one size however they come."""

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self.waiting: list[tuple[str, str, str, str]] = []
        self.writer = pq.ParquetWriter(path, PAIRS, compression="zstd", use_dictionary=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.flush()
        self.writer.close()

    def write(self, pairs: Iterable[tuple[str, str, str, str]]) -> None:
        """Adds source, target, source tokens and target tokens of each pair."""
        for pair in pairs:
            self.waiting.append(pair)
            self.rows += 1
            if len(self.waiting) == ROW_GROUP:
                self.flush()

    def flush(self) -> None:
        """Writes the pairs that wait as a row group."""
        if self.waiting:
            numbers = range(self.rows - len(self.waiting), self.rows)
            columns = [numbers, *zip(*self.waiting, strict=True)]
            arrays = [pa.array(column, field.type) for column, field in zip(columns, PAIRS, strict=True)]
            self.writer.write_table(pa.Table.from_arrays(arrays, schema=PAIRS))
            self.waiting = []


def write_pairs(path: Path, first: int, texts: pa.Table) -> None:
    """Writes a Parquet file of pairs from columns of texts; their ids count from `first`."""
    ids = pa.array(range(first, first + len(texts)), pa.int64())
    columns = [ids, *(texts.column(name) for name in PAIRS.names[1:])]
    table = pa.Table.from_arrays(columns, schema=PAIRS)
    with files.naming(path):
        pq.write_table(table, path, row_group_size=ROW_GROUP, compression="zstd", use_dictionary=False)


def open_pairs(path: Path) -> pq.ParquetFile:
    """Opens what `PairWriter` wrote."""
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected what the clean stage writes") from None
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: not Parquet ({error}); expected what the clean stage writes") from None
    names = ", ".join(file.schema_arrow.names)
    check(file.schema_arrow.equals(PAIRS), f"{path}: found columns {names}; expected {', '.join(PAIRS.names)}")
    return file


def shards(clean: Path, split: str) -> list[Path]:
    """The files of a split of data/clean, in order."""
    if split != "train":
        return [clean / f"{split}.parquet"]
    found = sorted((clean / split).glob("*.parquet"))
    check(found, f"{clean / split}: found no Parquet file; expected what the clean stage writes")
    return found


def read_table(path: Path, names: Sequence[str]) -> pa.Table:
    """Some columns of a whole file of pairs, read by one thread: there is a worker for each processor already."""
    return open_pairs(path).read(columns=list(names), use_threads=False)


def stream_columns(path: Path, names: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
    """Yields some columns of a file of pairs, one row group at a time, as rows."""
    file = open_pairs(path)
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, columns=list(names))
        yield list(zip(*(table.column(name).to_pylist() for name in names), strict=True))


def read_column(path: Path, name: str) -> list[str]:
    """One column of a file of pairs."""
    return [row[0] for rows in stream_columns(path, [name]) for row in rows]


def text_column(side: str, tokens: bool) -> str:
    """The column that holds a side's text, plain or in tokens."""
    return f"{side}_tokens" if tokens else side


def vocabularies_of(folder: Path) -> dict[str, str]:
    """The SHA-256 of the vocabularies, by side, that encoded text or a model was made with."""
    description = folder / (ENCODED if (folder / ENCODED).exists() else MODEL)
    values = parse(dict[str, Any], content_of(description), str(description))
    keys = {side: f"{side}_vocabulary_sha256" for side in SIDES}
    for key in keys.values():
        check(key in values, f"{description}: found no {key}; expected what the stage before writes")
    return {side: values[key] for side, key in keys.items()}


def check_vocabularies(folder: Path, wanted: Mapping[str, str]) -> None:
    """Refuses encoded text or a model that was made with other vocabularies than the `wanted` ones."""
    for side, found in vocabularies_of(folder).items():
        check(
            found == wanted[side],
            f"{folder}: found a {side} vocabulary of sha256 {found[:12]}; expected {wanted[side][:12]}, "
            "the same for encoded text, models and vocab",
        )


def write_members(path: Path, run: str, system: str, beam: int, members: list[Member]) -> None:
    """Writes which models a run translates with."""
    write(path, Members(run, system, beam, members))


def read_members(path: Path) -> list[Member]:
    """The models of a run."""
    return read(Members, path).members


def write_translations(path: Path, translations: Iterable[Translation]) -> None:
    """Writes one translation a line, in the order of the test set."""
    files.write_json_lines(path, ({"id": number} | asdict(one) for number, one in enumerate(translations)))


def read_translations(path: Path, sentences: int) -> list[NumberedTranslation]:
    """Reads the translations of all `sentences` of the test set."""
    lines = content_of(path).split(b"\n")[:-1]
    check(
        len(lines) == sentences, f"{path}: found {len(lines)} translations; expected {sentences}, one a test sentence"
    )
    rows = [parse(NumberedTranslation, line, f"{path} line {number + 1}") for number, line in enumerate(lines)]
    for number, row in enumerate(rows):
        check(row.id == number, f"{path} line {number + 1}: found id {row.id}; expected {number}")
    return rows
