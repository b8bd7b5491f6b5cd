"""What a model may start from instead of random weights: a trained model, or vectors of words."""

import gzip
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from s2s import model, vocabulary
from s2s.data import SIDES
from s2s.errors import UserError, check
from s2s.model import Seq2Seq
from s2s.network.interface import Architecture
from s2s.vocabulary import SPECIAL, Vocabulary

# Tensors that have a row for each token, and the side whose tokens these are.
ROWS = {
    "encoder.embedding.weight": "source",
    "decoder.embedding.weight": "target",
    "decoder.output.weight": "target",
    "decoder.output.bias": "target",
}
# Settings that may differ from the trained model's: they are in no tensor's shape but those of ROWS.
FREE = {"dropout", "init_uniform", "reverse_source", "source_vocabulary", "target_vocabulary"}
LARGEST = torch.finfo(torch.float32).max


@dataclass(frozen=True)
class Carried:
    """How many tokens of each side start with what they had learned; all others start anew."""

    source: int
    target: int


def from_model(network: Seq2Seq, folder: Path, vocabularies: Mapping[str, Vocabulary]) -> Carried:
    """Takes the weights of a trained model up into a new one, whose text may be another.

    Rows of embeddings and softmax go by token, wherever it stands in either vocabulary; the other tensors go whole.

    Args:
        network: has its random weights, which the tokens that the trained model did not know keep.
        folder: of the trained model, with its vocabularies.
        vocabularies: of the new model, by side.

    Raises:
        UserError: the folder holds no model, one of another shape, or one of another kind of tokens.
    """
    trained = model.load(folder)
    check_shape(network.architecture, trained.architecture, folder)
    rows = {side: shared_rows(vocabularies[side], load_vocabulary(folder, side, trained), folder) for side in SIDES}
    learned = trained.state_dict()
    for name, tensor in network.state_dict().items():  # detached, so that they can be written
        if name in ROWS:
            new, old = rows[ROWS[name]]
            tensor[new.to(tensor.device)] = learned[name][old].to(tensor.device)
        else:
            tensor.copy_(learned[name])
    return Carried(**{side: len(new) for side, (new, _) in rows.items()})


def check_shape(wanted: Architecture, found: Architecture, folder: Path) -> None:
    """Refuses a trained model unless all its tensors fit, but for their rows of tokens."""
    settings, others = asdict(wanted), asdict(found)
    differing = [key for key in settings if key not in FREE and settings[key] != others[key]]
    has, needs = (", ".join(f"{key} {values[key]}" for key in differing) for values in (others, settings))
    check(not differing, f"train.initial_weights: {folder} has {has}; expected {needs}, as in model:")


def load_vocabulary(folder: Path, side: str, trained: Seq2Seq) -> Vocabulary:
    """The vocabulary of one side that a trained model lies with."""
    known = vocabulary.load(folder, side)
    size = asdict(trained.architecture)[f"{side}_vocabulary"]
    check(len(known) == size, f"{folder}: found {len(known)} {side} tokens; expected {size}, as in {model.DESCRIPTION}")
    return known


def shared_rows(new: Vocabulary, old: Vocabulary, folder: Path) -> tuple[Tensor, Tensor]:
    """The numbers in either vocabulary of the tokens that are in both, in the order of the new one."""
    check(
        new.suffix == old.suffix,
        f"train.initial_weights: {folder} has tokens as in {old.suffix}; expected {new.suffix}, as in vocab.kind",
    )
    numbers = {name: number for number, name in enumerate(old.names())}
    pairs = [(number, numbers[name]) for number, name in enumerate(new.names()) if name in numbers]
    rows = torch.tensor(pairs)  # never empty: the special tokens are in both
    return rows[:, 0], rows[:, 1]


def from_vectors(embedding: nn.Embedding, known: Vocabulary, path: Path) -> int:
    """Puts given vectors of words in the place of their random ones.

    Args:
        embedding: of E numbers a word.
        known: numbers the rows of the embedding. Special tokens keep their random vectors.
        path: text in UTF-8, plain or .gz, a word and its E numbers a line, as GloVe writes it, or word2vec and fastText
            after a line with two counts. Read as a stream. Of a word that stands there twice the first vector counts.

    Returns:
        How many words have got their vector.

    Raises:
        UserError: the file is unreadable, a vector has another width or is none, or no word is known.
    """
    # Bytes, because word2vec cuts long words off within a character: no word of a vocabulary, and no reason to stop.
    missing = {name.encode(): number for number, name in enumerate(known.names()) if number >= len(SPECIAL)}
    words = len(missing)
    for place, word, fields in read_vectors(path, embedding.embedding_dim):
        number = missing.pop(word, None)
        if number is not None:
            vector = torch.tensor([to_number(field, place) for field in fields])
            embedding.weight.detach()[number] = vector.to(embedding.weight)
    check(len(missing) < words, f"{path}: found none of the {words} words of the vocabulary; expected vectors of some")
    return words - len(missing)


def read_vectors(path: Path, width: int) -> Iterator[tuple[str, bytes, list[bytes]]]:
    """The place, word and `width` fields of each line, which need not be numbers yet."""
    for count, line in enumerate(read_lines(path), 1):
        place, fields = f"{path} line {count}", line.split()
        if count == 1 and len(fields) == 2 and all(field.isdigit() for field in fields):
            check(int(fields[1]) == width, f"{place}: found vectors of {int(fields[1])} numbers; expected {width}")
        elif fields and not is_phrase(fields, width):
            check(
                len(fields) == width + 1,
                f"{place}: found {len(fields) - 1} numbers after a word; expected {width}, as model.embedding",
            )
            yield place, fields[0], fields[1:]


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, plain or .gz."""
    check(path.is_file(), f"{path}: found no such file; expected word vectors as text, plain or .gz")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read ({error}); expected word vectors as text, plain or .gz") from None


def is_phrase(fields: list[bytes], width: int) -> bool:
    """Whether a line is of several words, as some of GloVe's are: no vocabulary has those."""
    return len(fields) > width + 1 and math.isnan(parse(fields[-width - 1]))


def to_number(field: bytes, place: str) -> float:
    """A number that float32 can hold."""
    number = parse(field)
    if not abs(number) <= LARGEST:
        raise UserError(f"{place}: found {field.decode(errors='replace')!r}; expected a number")
    return number


def parse(field: bytes) -> float:
    """The number that a field says, or NaN."""
    try:
        return float(field)
    except ValueError:
        return math.nan
