"""Learns subwords by SentencePiece, from lines that are drawn from a text."""

import io
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import sentencepiece
from numpy.typing import NDArray

from s2s.errors import UserError
from s2s.vocabulary import EOS, PAD, SPECIAL, UNK, SentencePieceVocabulary


def draw_lines(sizes: Sequence[int], wanted: int, seed: int) -> list[NDArray[np.int64]]:
    """Draws lines from a text in several files, each with the same chance; all, if there are not more.

    Args:
        sizes: lines of each file.
        wanted: lines to be drawn.
        seed: of the draw.

    Returns:
        The numbers of the lines drawn from each file, ascending.
    """
    draw = np.random.default_rng(seed)
    counts = draw.multivariate_hypergeometric(list(sizes), min(wanted, sum(sizes)), method="marginals")
    return [np.sort(draw.choice(size, count, replace=False)) for size, count in zip(sizes, counts, strict=True)]


def train_sentencepiece(lines: Iterable[str], kind: Literal["unigram", "bpe"], size: int) -> SentencePieceVocabulary:
    """Learns subwords from normalized lines; the same lines give the same bytes.

    All lines are in memory: unigram takes 20 bytes a character, 3.7 GB for a million lines of 27 words, and 3 minutes.

    Args:
        lines: the text.
        kind: SentencePiece's unigram or bpe model.
        size: so many entries at most, <pad>, <unk> and </s> included; a small text gives fewer.

    Raises:
        UserError: the text is empty, or has more different characters than `size`.
    """
    content = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=content,
            model_type=kind,
            vocab_size=size,
            hard_vocab_limit=False,  # as many as the text gives
            pad_id=PAD,
            unk_id=UNK,
            eos_id=EOS,
            bos_id=-1,
            unk_surface=SPECIAL[UNK],
            normalization_rule_name="identity",  # lines are normalized already, and must come back as they were
            character_coverage=1.0,  # a letter that occurs can be said
            shuffle_input_sentence=False,  # its own shuffling heeds no seed
            num_threads=1,  # more change the order of float sums, and so the model
            minloglevel=3,
        )
    except RuntimeError as error:
        raise UserError(f"SentencePiece {kind}: {explain(str(error), size)}") from None
    return SentencePieceVocabulary(content.getvalue())


def explain(message: str, size: int) -> str:
    """Says in our words what SentencePiece complains of."""
    if found := re.search(r"required_chars\. \d+ vs (\d+)", message):
        return f"found size {size}; expected at least {found[1]}, one entry for each character of the text"
    if "sentences_.empty()" in message or "all_chars_count" in message:
        return "found no text to learn from; expected lines"
    return " ".join(message.split())
