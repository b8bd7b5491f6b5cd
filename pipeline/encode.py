"""Turns clean text into the numbers of the vocabularies, in arrays that training maps into memory."""

from pathlib import Path

from pipeline import schemas, stage, tracking
from pipeline.schemas import Encoded, EncodedSplit
from s2s import vocabulary
from s2s.data import write_split
from s2s.files import whole
from s2s.vocabulary import EOS, UNK, Vocabulary


def main(clean: Path, vocab: Path, out: Path) -> None:
    """Writes the token ids of every split, and which vocabularies they belong to.

    Args:
        clean: folder of clean text, from the clean stage.
        vocab: folder of vocabularies, from the vocab stage.
        out: folder to be written.
    """
    vocabularies = [vocabulary.load(vocab, side) for side in schemas.SIDES]
    source, target = (known.sha256 for known in vocabularies)
    with tracking.run() as run, whole(out) as folder:
        folder.mkdir()
        splits = {split: encode(clean, split, vocabularies, folder) for split in schemas.SPLITS}
        schemas.write(folder / schemas.ENCODED, Encoded(source, target, splits))
        for split, numbers in splits.items():
            run.metrics(
                {
                    f"pairs.{split}": numbers.pairs,
                    f"unknown_share.{split}.source": numbers.source_unknown / numbers.source_tokens,
                    f"unknown_share.{split}.target": numbers.target_unknown / numbers.target_tokens,
                }
            )


def encode(clean: Path, split: str, vocabularies: list[Vocabulary], folder: Path) -> EncodedSplit:
    """Writes the ids of one split and counts them."""
    names = [
        schemas.text_column(side, known.reads_tokens) for side, known in zip(schemas.SIDES, vocabularies, strict=True)
    ]
    sides: tuple[list[list[int]], list[list[int]]] = ([], [])
    for rows in schemas.stream_columns(clean / f"{split}.parquet", names):
        for row in rows:
            for ids, known, line in zip(sides, vocabularies, row, strict=True):
                ids.append(known.encode(line))
    tokens = [sum(map(len, ids)) for ids in sides]
    unknown = [sum(sentence.count(UNK) for sentence in ids) for ids in sides]
    for sentence in sides[1]:
        sentence.append(EOS)
    write_split(folder, split, *sides)
    return EncodedSplit(len(sides[0]), *tokens, *unknown)


if __name__ == "__main__":
    stage.program(main)
