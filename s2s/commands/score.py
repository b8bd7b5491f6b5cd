"""`s2s score`: compute the log-probability of given translations."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from s2s.commands import incoming, options
from s2s.errors import UserError, check
from s2s.inference.translator import Translator
from s2s.model.scoring import Evaluation

BLOCK = 1024  # pairs scored at a time, sorted by length
Pairs = tuple[list[str], list[str]]
Scores = list[tuple[str, float]]


def score(
    model: options.Model,
    source: Annotated[Path | None, typer.Option(help="File of sentences, one a line.", show_default=False)] = None,
    target: Annotated[Path | None, typer.Option(help="File of their translations.", show_default=False)] = None,
    tokens: Annotated[bool, typer.Option("--tokens", help="Write a line for each token, then an empty line.")] = False,
    mean: options.Mean = "probabilities",
    device: options.Device = "auto",
    threads: options.Threads = 0,
    batch_tokens: options.BatchTokens = 4096,
) -> None:
    """Write the log-probability of each translation in nats, </s> included, and the perplexity of all to stderr.

    Without files, it reads pairs from stdin: source, tab, target.

    \b
    Examples:
    s2s score -m models/reversed/1 --source news.en --target news.fr
    s2s score -m models/reversed/1 --source news.en --target news.fr --tokens
    paste news.en news.fr | s2s score -m models/reversed/1 -m models/reversed/2
    """
    check((source is None) == (target is None), "--source and --target: found one of them; expected both or none")
    incoming.check_files([path for path in (source, target) if path] or [incoming.STDIN])
    pairs = from_stdin() if source is None or target is None else from_files(source, target)
    translator = Translator.load(model, options.ready(device, threads))
    log_probs, count = [], 0
    for sources, targets in pairs:
        for scores in translator.score(sources, targets, batch_tokens, mean):
            log_probs.append(sum(log_prob for _, log_prob in scores))
            count += len(scores)
            options.write(token_lines(scores) if tokens else f"{log_probs[-1]:.6f}\n")
    perplexity = Evaluation(sum(log_probs), count).perplexity
    print(f"{len(log_probs)} pairs, {count} tokens, perplexity {perplexity:.4f}", file=sys.stderr)


def from_files(source: Path, target: Path) -> Iterator[Pairs]:
    """Read both files whole and yield blocks of pairs; files of different lengths are a UserError."""
    sources, targets = incoming.read(source), incoming.read(target)
    count = len(sources)
    check(len(targets) == count, f"{target}: found {len(targets)} lines; expected {count}, as many as {source}")
    return ((sources[start : start + BLOCK], targets[start : start + BLOCK]) for start in range(0, count, BLOCK))


def from_stdin() -> Iterator[Pairs]:
    """Yield blocks of pairs from stdin as they arrive."""
    number = 0
    for block in incoming.blocks(incoming.STDIN, BLOCK):
        pairs = [line.split("\t") for line in block]
        whole = next((row for row, sides in enumerate(pairs) if len(sides) != 2), len(pairs))
        yield [pair[0] for pair in pairs[:whole]], [pair[1] for pair in pairs[:whole]]
        if whole < len(pairs):
            tabs = len(pairs[whole]) - 1
            raise UserError(f"stdin line {number + whole + 1}: found {tabs} tabs; expected source, tab, target")
        number += len(block)


def token_lines(scores: Scores) -> str:
    """Return the output lines of a sentence: tokens with their log-probabilities."""
    return "".join(f"{token}\t{log_prob:.6f}\n" for token, log_prob in scores) + "\n"
