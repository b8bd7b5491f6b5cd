"""Initial weights from a trained model or from word vectors, instead of random ones."""

import gzip
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from s2s.data.corpus import SIDES
from s2s.errors import UserError, check
from s2s.model import folder as model_folder
from s2s.model.folder import Description
from s2s.model.interface import Architecture
from s2s.model.seq2seq import Seq2Seq
from s2s.text.vocabulary import SPECIAL, Vocabulary

# Tensors with a row for each token, and the side of the tokens.
ROWS = {
    "encoder.embedding.weight": "source",
    "decoder.embedding.weight": "target",
    "decoder.output.weight": "target",
    "decoder.output.bias": "target",
}
# Settings that may differ from the trained model's, because they fix no shapes but the rows of ROWS.
FREE = {"dropout", "init_uniform", "reverse_source", "source_vocabulary", "target_vocabulary"}
LARGEST = torch.finfo(torch.float32).max


@dataclass(frozen=True)
class Carried:
    """Number of tokens of each side that start with trained weights instead of random ones."""

    source: int
    target: int


def from_model(network: Seq2Seq, folder: Path, vocabularies: Mapping[str, Vocabulary]) -> Carried:
    """Copy the weights of a trained model into a new one, which may have other vocabularies.

    Rows of embeddings and of the output layer are copied token by token, all other tensors whole.

    Args:
        network: the new model with random weights, kept for tokens that the trained model lacks.
        folder: of the trained model, with its vocabularies.
        vocabularies: of the new model, by side.

    Raises:
        UserError: the folder holds no model, or a model of another shape or another kind of tokens.
    """
    trained = model_folder.load(folder)
    check_shape(network.architecture, trained.architecture, folder)
    description = Description.read(folder)
    rows = {side: shared_rows(vocabularies[side], description.vocabulary(folder, side), folder) for side in SIDES}
    learned = trained.state_dict()
    for name, tensor in network.state_dict().items():  # detached, so they can be assigned to
        if name in ROWS:
            new, old = rows[ROWS[name]]
            tensor[new.to(tensor.device)] = learned[name][old].to(tensor.device)
        else:
            tensor.copy_(learned[name])
    return Carried(**{side: len(new) for side, (new, _) in rows.items()})


def check_shape(new: Architecture, trained: Architecture, folder: Path) -> None:
    """Raise a UserError unless all tensors of a trained model fit, apart from their rows of tokens."""
    wanted, found = asdict(new), asdict(trained)
    differing = [key for key in wanted if key not in FREE and wanted[key] != found[key]]
    has, needs = (", ".join(f"{key} {values[key]}" for key in differing) for values in (found, wanted))
    check(not differing, f"train.initial_weights: {folder} has {has}; expected {needs}, as in model:")


def shared_rows(new: Vocabulary, old: Vocabulary, folder: Path) -> tuple[Tensor, Tensor]:
    """Return the row numbers of shared tokens in the new and the old vocabulary, in the order of the new one."""
    check(
        new.suffix == old.suffix,
        f"train.initial_weights: {folder} has tokens as in {old.suffix}; expected {new.suffix}, as in vocab.kind",
    )
    numbers = {name: number for number, name in enumerate(old.names())}
    pairs = [(number, numbers[name]) for number, name in enumerate(new.names()) if name in numbers]
    rows = torch.tensor(pairs)  # never empty: the special tokens are in both
    return rows[:, 0], rows[:, 1]


def from_vectors(embedding: nn.Embedding, words: Vocabulary, path: Path) -> int:
    """Replace random word vectors by those of a file, and return the number of words found.

    Args:
        embedding: of E numbers a word.
        words: the vocabulary of the embedding's rows. Special tokens keep their random vectors.
        path: UTF-8 text, plain or .gz, with a word and its E numbers a line, as written by GloVe, or by word2vec and
            fastText after a line with two counts. It is read as a stream. The first vector of a repeated word counts.

    Raises:
        UserError: the file is unreadable, a vector has another width or is not numbers, or no word is found.
    """
    # Bytes, because word2vec cuts long words within a character, which is not in a vocabulary and no reason to stop.
    missing = {name.encode(): number for number, name in enumerate(words.names()) if number >= len(SPECIAL)}
    count = len(missing)
    for place, word, fields in read_vectors(path, embedding.embedding_dim):
        number = missing.pop(word, None)
        if number is not None:
            vector = torch.tensor([to_number(field, place) for field in fields])
            embedding.weight.detach()[number] = vector.to(embedding.weight)
    check(len(missing) < count, f"{path}: found none of the {count} words of the vocabulary; expected vectors of some")
    return count - len(missing)


def read_vectors(path: Path, width: int) -> Iterator[tuple[str, bytes, list[bytes]]]:
    """Yield the place, the word and the `width` fields of each line, without checking that these are numbers."""
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
    """Yield the lines of a file, plain or .gz."""
    check(path.is_file(), f"{path}: found no such file; expected word vectors as text, plain or .gz")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read ({error}); expected word vectors as text, plain or .gz") from None


def is_phrase(fields: list[bytes], width: int) -> bool:
    """Return whether a line has several words, as some of GloVe's, which are in no vocabulary."""
    return len(fields) > width + 1 and math.isnan(parse(fields[-width - 1]))


def to_number(field: bytes, place: str) -> float:
    """Return a field's number, which must fit into float32."""
    number = parse(field)
    if not abs(number) <= LARGEST:
        raise UserError(f"{place}: found {field.decode(errors='replace')!r}; expected a number")
    return number


def parse(field: bytes) -> float:
    """Return a field's number, or NaN."""
    try:
        return float(field)
    except ValueError:
        return math.nan
