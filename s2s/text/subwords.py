"""Train subword vocabularies with SentencePiece on lines sampled from a text."""

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import sentencepiece
from numpy.typing import NDArray

from s2s.errors import UserError
from s2s.text.vocabulary import EOS, PAD, SPECIAL, UNK, SentencePieceVocabulary

LINE_BYTES = 4192  # SentencePiece skips longer lines; a model records the limit, so it is raised only for them
RESERVED = "\u2585"  # SentencePiece skips lines with this character, which becomes <unk>


def draw_lines(sizes: Sequence[int], wanted: int, seed: int) -> list[NDArray[np.int64]]:
    """Sample lines without replacement from a text in several files, each line with the same probability.

    Args:
        sizes: number of lines of each file.
        wanted: number of lines to sample; all if there are fewer.
        seed: seed of the draw.

    Returns:
        For each file the numbers of its sampled lines, ascending.
    """
    draw = np.random.default_rng(seed)
    counts = draw.multivariate_hypergeometric(list(sizes), min(wanted, sum(sizes)), method="marginals")
    return [np.sort(draw.choice(size, count, replace=False)) for size, count in zip(sizes, counts, strict=True)]


def train_sentencepiece(lines: Iterable[str], kind: Literal["unigram", "bpe"], size: int) -> SentencePieceVocabulary:
    """Train a subword vocabulary; equal lines give equal bytes.

    All lines are held in memory: "unigram" takes 20 bytes a character, which is 3.7 GB for a million lines of 27 words,
    and 3 minutes.

    Args:
        lines: normalized lines.
        kind: SentencePiece's model, "unigram" or "bpe".
        size: the most entries, including <pad>, <unk> and </s>; a small text gives fewer.

    Raises:
        UserError: the text is empty, or has more different characters than `size`.
    """
    content, sentences = io.BytesIO(), [line.replace(RESERVED, "") for line in lines]
    longest = max((len(line.encode()) for line in sentences), default=0)
    more: dict[str, Any] = {"max_sentence_length": longest} if longest > LINE_BYTES else {}
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            **more,
            model_writer=content,
            model_type=kind,
            vocab_size=size,
            hard_vocab_limit=False,  # a small text may give fewer
            pad_id=PAD,
            unk_id=UNK,
            eos_id=EOS,
            bos_id=-1,
            unk_surface=SPECIAL[UNK],
            normalization_rule_name="identity",  # lines are normalized, and decoding must restore them exactly
            character_coverage=1.0,  # every character of the text has an entry
            shuffle_input_sentence=False,  # its shuffling has no seed
            num_threads=1,  # more threads change the order of float sums and thereby the model
            minloglevel=3,
        )
    except RuntimeError as error:
        raise UserError(f"SentencePiece {kind}: {explain(str(error), size)}") from None
    return SentencePieceVocabulary(content.getvalue())


def explain(message: str, size: int) -> str:
    """Return SentencePiece's error message in the form found, expected."""
    if found := re.search(r"required_chars\. \d+ vs (\d+)", message):
        return f"found size {size}; expected at least {found[1]}, one entry for each character of the text"
    if "sentences_.empty()" in message or "all_chars_count" in message:
        return "found no text to learn from; expected lines"
    return " ".join(message.split())
