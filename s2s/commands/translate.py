"""`s2s translate`: translate lines of text, in order and as soon as they arrive."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from s2s.commands import incoming, options
from s2s.inference import nbest
from s2s.inference.nbest import Candidate
from s2s.inference.sampling import Sampling
from s2s.inference.search import SearchSettings
from s2s.inference.translator import Translation, Translator

READ_AHEAD = 16  # batches read at a time and sorted by length, so that a batch has sentences of similar length
NBest = Annotated[int, typer.Option(min=0, help="Write n-best lists in Moses' format; 0: the best only.")]
Scores = Annotated[bool, typer.Option("--scores", help="Write log-probability, tab, translation.")]
Lexicon = Annotated[
    Path | None, typer.Option(help="Lexicon that replaces <unk>, as data/lexicon/base.parquet.", show_default=False)
]


def translate(
    model: options.Model,
    files: options.Files = None,
    n_best: NBest = 0,
    scores: Scores = False,
    lexicon: Lexicon = None,
    mean: options.Mean = "probabilities",
    device: options.Device = "auto",
    threads: options.Threads = 0,
    batch_sentences: options.BatchSentences = 64,
    beam: options.Beam = SearchSettings.beam,
    length_penalty: options.LengthPenalty = SearchSettings.length_penalty,
    word_reward: options.WordReward = SearchSettings.word_reward,
    min_length_ratio: options.MinLengthRatio = SearchSettings.min_length_ratio,
    max_length_ratio: options.MaxLengthRatio = SearchSettings.max_length_ratio,
    min_tokens: options.MinTokens = SearchSettings.min_tokens,
    max_tokens: options.MaxTokens = SearchSettings.max_tokens,
    forbid_unknown: options.ForbidUnknown = SearchSettings.forbid_unknown,
    sample: options.Sample = False,
    temperature: options.Temperature = Sampling.temperature,
    top_k: options.TopK = Sampling.top_k,
    top_p: options.TopP = Sampling.top_p,
    seed: options.Seed = Sampling.seed,
) -> None:
    """Translate plain text, one sentence a line.

    Empty lines stay empty. Lines of a slow program are translated as they arrive.

    \b
    Examples:
    echo "The king sleeps." | s2s translate -m models/reversed/1
    s2s translate -m models/reversed/1 -m models/reversed/2 --beam 12 a.en > a.fr
    s2s translate -m models/reversed/1 --beam 100 --n-best 100 a.en > a.nbest
    s2s translate -m models/reversed/1 --sample --temperature 0.7 --n-best 5
    """
    sampling = Sampling(temperature, top_k, top_p, seed)
    width, limits = max(beam, n_best) if sample else beam, (min_length_ratio, max_length_ratio, min_tokens, max_tokens)
    settings = SearchSettings(width, n_best or 1, length_penalty, word_reward, *limits, forbid_unknown, mean)
    options.check_search(settings, sampling)
    if not sample:
        options.check_unused(sampling)
    paths, translator = options.paths(files), Translator.load(model, options.ready(device, threads), lexicon)
    drawn = sampling if sample else None
    for number, candidates in enumerate(translations(translator, paths, settings, batch_sentences, drawn)):
        options.write(nbest_lines(number, candidates) if n_best else best_line(candidates[0], scores))


def translations(
    translator: Translator,
    paths: Sequence[Path],
    settings: SearchSettings,
    batch_sentences: int,
    sampling: Sampling | None,
) -> Iterator[list[Translation]]:
    """Yield the translations of each line of the files, in order."""
    prompt = f"{translator.description.source_language}> "
    for path in paths:
        for block in incoming.blocks(path, READ_AHEAD * batch_sentences, prompt):
            yield from translator.translate(block, settings, batch_sentences, sampling)


def best_line(best: Translation, scores: bool) -> str:
    """Return the output line of a translation, with its log-probability if `scores`."""
    return f"{best.log_prob:.6f}\t{best.text}\n" if scores else f"{best.text}\n"


def nbest_lines(number: int, translations: Sequence[Translation]) -> str:
    """Return the translations of a line in Moses' n-best format."""
    candidates = [
        Candidate(translation.tokens, translation.score, {"log_prob": (translation.log_prob,)})
        for translation in translations
    ]
    return "".join(f"{nbest.format_line(number, candidate)}\n" for candidate in candidates)
