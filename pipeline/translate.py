"""Translates the test set with the models of one run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import stage, tracking
from pipeline.decoding import load_members, read_sources, search_settings, texts, verify
from pipeline.parameters import read
from pipeline.schemas import records
from pipeline.schemas.pairs import read_column
from pipeline.schemas.translated import Alternative, Members, Translation, write_translations
from s2s import alignments, text
from s2s.device import prepare
from s2s.ensemble import batches
from s2s.lexicon import Lexicon, load_for
from s2s.progress import Meter
from s2s.search import Hypothesis, beam_search
from s2s.vocabulary import UNK


def main(run: str, members: Path, clean: Path, out: Path) -> None:
    """Translates the test set by beam search.

    Args:
        run: one of `runs:` in params.yaml.
        members: what the run translates with, from the members stage.
        clean: folder of clean text, from the clean stage.
        out: JSON Lines file to be written, one translation a line.
    """
    parameters = read()
    settings, language = parameters.run(run), parameters.download.target_language
    device = prepare(settings.device, settings.threads)
    named = records.read(Members, members)
    models, vocabularies = load_members(named, device)
    known = None
    if named.lexicon is not None:
        verify(named.lexicon.path, named.lexicon.sha256, "what the lexicon stage writes")
        known = load_for(named.lexicon.path, vocabularies["target"])
    sentences = read_sources(clean, "test", vocabularies["source"])
    search = search_settings(settings, parameters.runs[run].beam)
    with tracking.run() as tracked, Meter(f"translate {run}", len(sentences)) as meter:
        found: dict[int, list[Hypothesis]] = {}
        for rows in batches([len(sentence) for sentence in sentences], settings.batch_sentences):
            found |= zip(rows, beam_search(models, [sentences[row] for row in rows], search), strict=True)
            meter.update(len(found), f"{len(found)} sentences")
        sources = read_column(clean / "test.parquet", "source_tokens")
        said = [[texts(one, vocabularies["target"], language) for one in found[row]] for row in range(len(sources))]
        if known is not None:
            lists = [found[row] for row in range(len(sources))]
            looks = alignments.of_unknown(models, sentences, lists)
            for row, source in enumerate(sources):
                attention = [looks.get((row, rank)) for rank in range(len(said[row]))]
                said[row] = replaced(said[row], source, attention, known, language)
        translations = [translation(found[row], each) for row, each in enumerate(said)]
        write_translations(out, translations)
        tracked.metrics({"sentences": len(found), "log_prob": sum(best.log_prob for best, *_ in found.values())})


def replaced(
    said: Sequence[tuple[str, str]],
    source: str,
    attention: Sequence[NDArray[np.float32] | None],
    lexicon: Lexicon,
    language: str,
) -> list[tuple[str, str]]:
    """Translations of one source, which is in tokens, as plain text and in tokens, without <unk>.

    `attention` has for each where the models looked, if they attend.
    """
    lines = [
        " ".join(lexicon.replace(source.split(), tokens.split(), look))
        for (_, tokens), look in zip(said, attention, strict=True)
    ]
    return [(text.detokenize(line, language), line) for line in lines]


def translation(hypotheses: Sequence[Hypothesis], said: Sequence[tuple[str, str]]) -> Translation:
    """The best hypothesis with its plain text and tokens, and the others with their plain texts."""
    best, *others = hypotheses
    (plain, tokens), *texts = said
    rest = [Alternative(one, other.log_prob, other.score) for (one, _), other in zip(texts, others, strict=True)]
    return Translation(plain, tokens, best.log_prob, best.ids.count(UNK), rest)


if __name__ == "__main__":
    stage.program(main)
