"""Replace <unk> by the translation of its most probable source word, learned by aligning the training text.

For <unk> at position j of T, the source position i of S and the word e outside of the target vocabulary are chosen
that are together the most probable by the model of `s2s.lexicon.word_alignment`:

    argmax over i, e of  exp(-tension * |i / S - j / T|) / Z * t(e | source word i)

A source word without such a translation is copied. So is a word that the training text lacks, such as a name or a
number; its probability is the mean of that of words seen once. Of several <unk> the most probable is replaced first,
and the weight of its source position then falls for the others.

If the models have attention, their attention map at position j makes up nine tenths of the first factor. Measured on
480 words that a vocabulary of 700 lacked in references of the demo corpus: distance alone restored 58 %, the attention
of a small `bahdanau` model 60 %, and the most attended word, without the lexicon's probability, 40 %. The last tenth
helps models with poor attention: one `luong_general` model restored 56 % with it and 15 % without, another 60 % both
ways. Weights for source words that known target words already account for restored no more words, and an alignment with
one word for all that the vocabulary lacks restored fewer.
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

from s2s.errors import check, reading
from s2s.files import whole
from s2s.lexicon.cooccurrence import Sentences
from s2s.lexicon.word_alignment import AlignmentSettings, align, diagonal
from s2s.text.vocabulary import CONTROL, SPECIAL, UNK, Vocabulary

SURE = 1e-3  # less probable translations are dropped
AT_ALL = 1e-6  # probability of a translation for words that have none
DISTANCE = 0.1  # weight of the distance of two positions beside attention
AGAIN = 0.3  # factor on the weight of a source position that has replaced an <unk>
UNKNOWN = SPECIAL[UNK]
COLUMNS = pa.schema([("source", pa.string()), ("target", pa.string()), ("probability", pa.float64())])
FACTS = b"lexicon"  # key of the Parquet metadata
MAKER = "a lexicon, from the lexicon stage"


@dataclass(frozen=True)
class Text:
    """One side of a parallel text: its distinct words, and its sentences as word numbers."""

    words: pa.Array
    sentences: Sentences


def number_words(parts: Iterable[pa.ChunkedArray]) -> Text:
    """Assign numbers to the words of a text, in order of appearance.

    Args:
        parts: lines of words joined by single spaces; one part at a time is in memory.
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
    """Translations of source words to words that the target vocabulary lacks."""

    translations: Mapping[str, tuple[str | None, float]]
    """For each source word of the training text a word that the vocabulary lacks and its probability, or None and 0."""
    tension: float
    """Of the prior along the diagonal."""
    unseen: float
    """Probability that a word outside of the training text translates to one that the vocabulary lacks."""
    target_vocabulary_sha256: str = ""
    """Digest of the target vocabulary that the lexicon was made for; "" if not recorded."""

    def replace(
        self, source: Sequence[str], target: Sequence[str], attention: NDArray[np.float32] | None = None
    ) -> list[str]:
        """Return a translation's tokens with each <unk> replaced; an empty source changes nothing.

        Args:
            source: Moses tokens.
            target: Moses tokens of the translation.
            attention: attention map [T, S], with or without a last row for </s>; None uses distance alone.
        """
        replaced = list(target)
        unknown = [position for position, word in enumerate(target) if word == UNKNOWN]
        if not source or not unknown:
            return replaced
        near = diagonal(len(source), len(target), self.tension)  # [S, T]
        if attention is not None:
            near = DISTANCE * near + (1 - DISTANCE) * attention[: len(target)].T
        scores = self.score(source)[:, None] * near[:, unknown]
        for _ in unknown:
            position, number = divmod(int(np.argmax(scores)), len(unknown))
            replaced[unknown[number]] = self.translate(source[position])
            scores[position] *= AGAIN
            scores[:, number] = -1
        return replaced

    def score(self, source: Sequence[str]) -> NDArray[np.float64]:
        """Return the probability of each source word's translation to a word that the vocabulary lacks, [S]."""
        never: tuple[None, float] = None, self.unseen
        return np.array([max(self.translations.get(word, never)[1], AT_ALL) for word in source])

    def translate(self, word: str) -> str:
        """Return the replacement for a source word: its translation, or the word itself."""
        target, _ = self.translations.get(word, (None, 0.0))
        return word if target is None else target

    def save(self, path: Path) -> None:
        """Write a Parquet file with a row for each source word, sorted; equal lexicons give equal bytes."""
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
        """Read a file that `save` wrote.

        Raises:
            UserError: there is no file, or it is no lexicon.
        """
        check(path.is_file(), f"{path}: no such file; expected {MAKER}")
        with reading(path, MAKER):
            table = pq.read_table(path, use_threads=False)
        metadata = table.schema.metadata or {}
        names = ", ".join(table.column_names)
        check(
            FACTS in metadata and table.schema.equals(COLUMNS),
            f"{path}: found columns {names}; expected {MAKER}",
        )
        words, *translations = (column.to_pylist() for column in table.columns)
        pairs = zip(*translations, strict=True)
        with reading(path, MAKER, KeyError, TypeError, RecursionError):
            if CONTROL.search("".join(filter(None, translations[0]))):
                raise ValueError("control characters, which a translation would print")
            return cls(dict(zip(words, pairs, strict=True)), **json.loads(metadata[FACTS]))


def load_for(path: Path, target: Vocabulary) -> Lexicon:
    """Load a lexicon for a target vocabulary.

    Raises:
        UserError: the file is no lexicon, was made for another vocabulary, or the vocabulary is of subwords.
    """
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
    """Learn a lexicon from a parallel text.

    Args:
        source: source side.
        target: target side, with as many sentences.
        known: True for each target word that is in the vocabulary.
        settings: settings of the word alignment.
        target_vocabulary_sha256: digest of the vocabulary, recorded in the lexicon.
        progress: called after each iteration with its number, from 1.
    """
    if not len(source.sentences.ids):
        return Lexicon({}, settings.tension, SURE, target_vocabulary_sha256)
    aligned = align(source.sentences, target.sentences, settings, progress)
    scores = np.where(known[aligned.targets], 0.0, aligned.translation)
    probabilities = np.maximum.reduceat(scores, aligned.starts[:-1])
    best = np.flatnonzero(scores == np.repeat(probabilities, np.diff(aligned.starts)))
    targets = aligned.targets[best[np.searchsorted(best, aligned.starts[:-1])]]  # the first of equal ones
    probabilities[probabilities < SURE] = 0.0
    once = probabilities[np.bincount(source.sentences.ids) == 1]
    words = pc.if_else(pa.array(probabilities > 0), target.words.take(pa.array(targets)), None)
    translations = zip(words.to_pylist(), probabilities.tolist(), strict=True)
    return Lexicon(
        dict(zip(source.words.to_pylist(), translations, strict=True)),
        aligned.tension,
        max(SURE, float(once.mean()) if len(once) else 0.0),
        target_vocabulary_sha256,
    )
