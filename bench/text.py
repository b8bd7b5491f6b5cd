"""Measures microseconds a line of normalizing, tokenizing and telling languages, beside sacremoses, and prints JSON.

python -m bench.text train.fr.gz --language fr --join 2
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from sacremoses import MosesPunctNormalizer, MosesTokenizer

from pipeline.lines import open_bytes
from s2s import languages, text

REPEATS = 5  # the quickest counts


def main(
    file: Annotated[Path, typer.Argument(help="text, one sentence a line, plain or gzip")],
    language: str = "en",
    join: Annotated[int, typer.Option(help="lines put together to one")] = 1,
    lines: Annotated[int, typer.Option(help="how many, put together")] = 2000,
) -> None:
    """Times each step in one process on the first lines of a file."""
    with open_bytes(file) as read:
        parts = [line.decode().removesuffix("\n") for line, _ in zip(read, range(lines * join), strict=False)]
    raw = [" ".join(parts[start : start + join]) for start in range(0, len(parts), join)]
    normal = [text.normalize(line, language, punctuation=True) for line in raw]
    punctuation, tokenizer = MosesPunctNormalizer(language), MosesTokenizer(language)
    measured = {
        "words_per_line": round(sum(len(line.split()) for line in normal) / len(normal), 1),
        "normalize": microseconds(lambda line: text.normalize(line, language, punctuation=True), raw),
        "repairs": microseconds(text.repairs, raw),
        "tokenize": microseconds(lambda line: text.tokenize(line, language), normal),
        "from_tokens": microseconds(lambda line: text.from_tokens(line, language), normal),
        "other_language": microseconds(lambda line: languages.other_language(line, language), normal),
        "sacremoses_normalize": microseconds(punctuation.normalize, raw),
        "sacremoses_tokenize": microseconds(lambda line: tokenizer.tokenize(line, escape=False), normal),
    }
    print(json.dumps(measured, indent=2))


def microseconds(work: Callable[[str], object], lines: list[str]) -> float:
    """Of processor time a line."""
    return round(min(seconds(work, lines) for _ in range(REPEATS)) / len(lines) * 1e6, 2)


def seconds(work: Callable[[str], object], lines: list[str]) -> float:
    """Of processor time for all lines."""
    start = time.process_time()
    for line in lines:
        work(line)
    return time.process_time() - start


if __name__ == "__main__":
    typer.run(main)
