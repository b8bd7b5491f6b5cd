"""Says what stands for <unk>: the translation of the likeliest source word, learned by aligning the training text.

For <unk> at place j of T, of all source places i of S and all words e that the target vocabulary lacks, those two are
taken that are together the most probable by the model of `s2s.alignment`:

    argmax over i, e of  exp(-tension * |i / S - j / T|) / Z * t(e | source word i)

A source word without such a translation stands for itself, and so does one that training never saw, a name or a number
maybe; the latter has the probability that words seen once have on average. Of several <unk> the surest is decided
first, and its place counts less for the others.

Where the models attend, what they looked at while they said place j is nine tenths of the first factor. Of 480 words
that a vocabulary of 700 lacked in references of the demo corpus, distance alone restored 58 %, the attention of a small
`bahdanau` model 60 %, and the word that it looked at most, whatever the lexicon thinks of it, 40 %: it may be the next
one. The last tenth is for models whose attention has learned nothing: one of `luong_general` restored 56 % with it and
15 % without, the other 60 % with it as without.

Why not more: known target words could tell which source words are accounted for, but to weigh places by what they leave
restored no more words, and aligning with one word for all that the vocabulary lacks restored fewer, as
`bench/alignment.py` says.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from s2s.alignment import AlignmentSettings, align, diagonal
from s2s.cooccurrence import Sentences
from s2s.errors import UserError, check
from s2s.files import whole
from s2s.vocabulary import SPECIAL, UNK, Vocabulary

SURE = 1e-3  # a translation that is less probable is none
AT_ALL = 1e-6  # probability that a word without a translation has one nevertheless
DISTANCE = 0.1  # what the distance of two places counts beside attention
AGAIN = 0.3  # what a place counts once it has stood for an <unk>
UNKNOWN = SPECIAL[UNK]
COLUMNS = pa.schema([("source", pa.string()), ("target", pa.string()), ("probability", pa.float64())])
FACTS = b"lexicon"  # the key of the metadata


@dataclass(frozen=True)
class Text:
    """One side of a parallel text: its distinct words, and its sentences by their numbers."""

    words: pa.Array
    sentences: Sentences


def number_words(parts: Iterable[pa.ChunkedArray]) -> Text:
    """Numbers the words of sentences in the order in which they come.

    Args:
        parts: lines, in which words are joined by single spaces; a part at a time is in memory.
    """
    words, lengths = [pa.array([], pa.string()).dictionary_encode()], [np.zeros(0, np.int32)]
    for lines in parts:
        sentences = pc.split_pattern(lines, " ").combine_chunks()
        words.append(sentences.flatten().dictionary_encode())
        lengths.append(pc.list_value_length(sentences).to_numpy())
    chunks = pa.chunked_array(words).unify_dictionaries().chunks
    ids = np.concatenate([chunk.indices.to_numpy() for chunk in chunks])
    return Text(chunks[-1].dictionary, Sentences(ids, np.concatenate(lengths)))


@dataclass(frozen=True)
class Lexicon:
    """What source words become where the target vocabulary has no word for them."""

    translations: Mapping[str, tuple[str | None, float]]
    """Of each source word of the training text: a word that the vocabulary lacks and its probability, or None and 0."""
    tension: float
    unseen: float
    """The probability that a word which is not in the training text translates to one that the vocabulary lacks."""
    target_vocabulary_sha256: str = ""
    """Of the vocabulary that says which words are unknown."""

    def replace(
        self, source: Sequence[str], target: Sequence[str], attention: NDArray[np.float32] | None = None
    ) -> list[str]:
        """Puts words in the places of <unk>; an empty source changes nothing.

        Args:
            source: Moses' tokens.
            target: likewise.
            attention: how much the models looked at each source token while they said each target token, [T, S], in
                which </s> may come last; without it, the distance of two places alone counts.
        """
        found = list(target)
        unknown = [place for place, word in enumerate(target) if word == UNKNOWN]
        if not source or not unknown:
            return found
        near = diagonal(len(source), len(target), self.tension)  # [S, T]
        if attention is not None:
            near = DISTANCE * near + (1 - DISTANCE) * attention[: len(target)].T
        scores = self.score(source)[:, None] * near[:, unknown]
        for _ in unknown:
            place, number = divmod(int(np.argmax(scores)), len(unknown))
            found[unknown[number]] = self.translate(source[place])
            scores[place] *= AGAIN
            scores[:, number] = -1
        return found

    def score(self, source: Sequence[str]) -> NDArray[np.float64]:
        """The probability that each word translates to one certain word that the vocabulary lacks, [S]."""
        never: tuple[None, float] = None, self.unseen
        return np.array([max(self.translations.get(word, never)[1], AT_ALL) for word in source])

    def translate(self, word: str) -> str:
        """What stands for a source word: a word that the vocabulary lacks, or itself."""
        target, _ = self.translations.get(word, (None, 0.0))
        return word if target is None else target

    def save(self, path: Path) -> None:
        """Writes a Parquet file: a row for each source word, in order; the same lexicon gives the same bytes."""
        rows = sorted((word, *translation) for word, translation in self.translations.items())
        facts = {
            "tension": self.tension,
            "unseen": self.unseen,
            "target_vocabulary_sha256": self.target_vocabulary_sha256,
        }
        columns = [pa.array([row[number] for row in rows], field.type) for number, field in enumerate(COLUMNS)]
        table = pa.Table.from_arrays(columns, schema=COLUMNS.with_metadata({FACTS: json.dumps(facts, sort_keys=True)}))
        with whole(path) as beside:
            pq.write_table(table, beside, compression="zstd")

    @classmethod
    def load(cls, path: Path) -> "Lexicon":
        """Reads what `save` wrote.

        Raises:
            UserError: there is no file, or another one.
        """
        try:
            table = pq.read_table(path, use_threads=False)
        except FileNotFoundError:
            raise UserError(f"{path}: no such file; expected a lexicon, from the lexicon stage") from None
        except pa.ArrowInvalid:
            raise UserError(f"{path}: not Parquet; expected a lexicon, from the lexicon stage") from None
        metadata = table.schema.metadata or {}
        names = ", ".join(table.column_names)
        check(
            FACTS in metadata and table.schema.equals(COLUMNS),
            f"{path}: found columns {names}; expected a lexicon, from the lexicon stage",
        )
        words, *translations = (column.to_pylist() for column in table.columns)
        pairs = zip(*translations, strict=True)
        return cls(dict(zip(words, pairs, strict=True)), **json.loads(metadata[FACTS]))


def load_for(path: Path, target: Vocabulary) -> Lexicon:
    """Loads a lexicon, if it was made for the unknown words of this vocabulary."""
    check(target.reads_tokens, f"{path}: found a lexicon beside subwords; expected none, they have no unknown words")
    lexicon = Lexicon.load(path)
    found, wanted = lexicon.target_vocabulary_sha256[:12], target.sha256[:12]
    check(
        found in ("", wanted),
        f"{path}: found a lexicon for a target vocabulary of sha256 {found}; expected {wanted}, that of the models",
    )
    return lexicon


def learn(
    source: Text,
    target: Text,
    known: NDArray[np.bool_],
    settings: AlignmentSettings,
    target_vocabulary_sha256: str = "",
    progress: Callable[[int], None] = lambda iteration: None,
) -> Lexicon:
    """Learns a lexicon from a parallel text.

    Args:
        source: one side.
        target: the other; as many sentences.
        known: whether each target word is in the vocabulary.
        settings: how the sides are aligned.
        target_vocabulary_sha256: of the vocabulary, to be kept.
        progress: is told the number of each iteration that is done.
    """
    if not len(source.sentences.ids):
        return Lexicon({}, settings.tension, SURE, target_vocabulary_sha256)
    aligned = align(source.sentences, target.sentences, settings, progress)
    scores = np.where(known[aligned.targets], 0.0, aligned.translation)
    probabilities = np.maximum.reduceat(scores, aligned.starts[:-1])
    best = np.flatnonzero(scores == np.repeat(probabilities, np.diff(aligned.starts)))
    targets = aligned.targets[best[np.searchsorted(best, aligned.starts[:-1])]]  # the first of equals
    probabilities[probabilities < SURE] = 0.0
    once = probabilities[np.bincount(source.sentences.ids) == 1]
    said = pc.if_else(pa.array(probabilities > 0), target.words.take(pa.array(targets)), None)
    translations = zip(said.to_pylist(), probabilities.tolist(), strict=True)
    return Lexicon(
        dict(zip(source.words.to_pylist(), translations, strict=True)),
        aligned.tension,
        max(SURE, float(once.mean()) if len(once) else 0.0),
        target_vocabulary_sha256,
    )
