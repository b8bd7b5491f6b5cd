"""`s2s translate`: lines of text in, their translations out, in order and as soon as they are there."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from s2s import incoming, nbest
from s2s.commands import options
from s2s.commands import search_options as search
from s2s.nbest import Candidate
from s2s.sampling import Sampling
from s2s.search import SearchSettings
from s2s.translator import Translation, Translator

READ_AHEAD = 16  # batches, sorted by length together, so that sentences of a batch are about as long


def translate(
    model: options.Model,
    files: options.Files = None,
    n_best: Annotated[int, typer.Option(min=0, help="Write an n-best list of Moses' format; 0: the best.")] = 0,
    scores: Annotated[bool, typer.Option("--scores", help="Write log-probability, tab, translation.")] = False,
    lexicon: Annotated[
        Path | None, typer.Option(help="Words that replace <unk>, data/lexicon/base.parquet.", show_default=False)
    ] = None,
    mean: options.Mean = "probabilities",
    device: options.Device = "auto",
    threads: options.Threads = 0,
    batch_sentences: options.BatchSentences = 64,
    beam: search.Beam = SearchSettings.beam,
    length_penalty: search.LengthPenalty = SearchSettings.length_penalty,
    word_reward: search.WordReward = SearchSettings.word_reward,
    min_length_ratio: search.MinLengthRatio = SearchSettings.min_length_ratio,
    max_length_ratio: search.MaxLengthRatio = SearchSettings.max_length_ratio,
    min_tokens: search.MinTokens = SearchSettings.min_tokens,
    max_tokens: search.MaxTokens = SearchSettings.max_tokens,
    forbid_unknown: search.ForbidUnknown = SearchSettings.forbid_unknown,
    sample: search.Sample = False,
    temperature: search.Temperature = Sampling.temperature,
    top_k: search.TopK = Sampling.top_k,
    top_p: search.TopP = Sampling.top_p,
    seed: search.Seed = Sampling.seed,
) -> None:
    """Translates plain text, a sentence a line.

    Lines stay in order, and an empty one stays empty. Lines that come one by one, from a terminal or a slow program,
    are answered one by one.

    \b
    Examples:
    echo "The king sleeps." | s2s translate -m models/reversed/1
    s2s translate -m models/reversed/1                      talks at a terminal
    s2s translate -m models/reversed/1 -m models/reversed/2 --beam 12 a.en > a.fr
    s2s translate -m models/reversed/1 --beam 100 --n-best 100 a.en > a.nbest
    s2s translate -m models/reversed/1 --lexicon data/lexicon/base.parquet a.en > a.fr
    s2s translate -m models/reversed/1 --sample --temperature 0.7 --n-best 5
    """
    sampling = Sampling(temperature, top_k, top_p, seed)
    settings = SearchSettings(
        beam=max(beam, n_best) if sample else beam,
        n_best=n_best or 1,
        length_penalty=length_penalty,
        word_reward=word_reward,
        min_length_ratio=min_length_ratio,
        max_length_ratio=max_length_ratio,
        min_tokens=min_tokens,
        max_tokens=max_tokens,
        forbid_unknown=forbid_unknown,
        mean=mean,
    )
    search.check_search(settings)
    if not sample:
        search.check_unused(sampling)
    paths = options.paths(files)
    incoming.check_files(paths)
    translator = Translator.load(model, options.ready(device, threads), lexicon)
    found = translations(translator, paths, settings, batch_sentences, sampling if sample else None)
    for number, row in enumerate(found):
        options.write(nbest_lines(number, row) if n_best else best_line(row[0], scores))


def translations(
    translator: Translator,
    paths: Sequence[Path],
    settings: SearchSettings,
    batch_sentences: int,
    sampling: Sampling | None,
) -> Iterator[list[Translation]]:
    """The translations of each line of the files, in order."""
    prompt = f"{translator.description.source_language}> "
    for path in paths:
        for block in incoming.blocks(path, READ_AHEAD * batch_sentences, prompt):
            yield from translator.translate(block, settings, batch_sentences, sampling)


def best_line(best: Translation, scores: bool) -> str:
    """A translation, after its log-probability if that is asked for."""
    return f"{best.log_prob:.6f}\t{best.text}\n" if scores else f"{best.text}\n"


def nbest_lines(number: int, found: Sequence[Translation]) -> str:
    """The translations of a line as Moses lists them."""
    candidates = [Candidate(one.tokens, one.score, {"log_prob": (one.log_prob,)}) for one in found]
    return "".join(f"{nbest.format_line(number, candidate)}\n" for candidate in candidates)
