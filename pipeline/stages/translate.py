"""Stage `translate`: translate the test set with the models of one run."""

from pathlib import Path

from pipeline.decoding import load_translator, read_sentences, search_settings
from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.data.translated import Alternative, Members, Translation, write_translations
from pipeline.tracking import run as tracking
from s2s.device import prepare
from s2s.inference import translator
from s2s.progress import Meter


def main(run: str, members: Path, clean: Path, out: Path) -> None:
    """Translate the test set by beam search.

    Args:
        run: one of `runs:` in params.yaml.
        members: the models of the run, from the members stage.
        clean: folder of clean text, from the clean stage.
        out: JSON Lines file to be written, one translation a line.
    """
    parameters = read()
    settings = parameters.run(run)
    device = prepare(settings.device, settings.threads)
    ensemble = load_translator(records.read(Members, members), device, replaces_unknown=True)
    sentences = read_sentences(clean, "test", ensemble.source)
    search = search_settings(settings, parameters.runs[run].beam)
    with tracking.run() as tracked, Meter(f"translate {run}", len(sentences)) as meter:
        lists = ensemble.translate_prepared(
            sentences,
            search,
            settings.batch_sentences,
            progress=lambda done: meter.update(done, f"{done} sentences"),
        )
        write_translations(out, [record(*translations) for translations in lists])
        tracked.metrics({"sentences": len(lists), "log_prob": sum(best.log_prob for best, *_ in lists)})


def record(best: translator.Translation, *others: translator.Translation) -> Translation:
    """Return the line to be written for a sentence: its best translation and the others of its n-best list."""
    alternatives = [Alternative(translation.text, translation.log_prob, translation.score) for translation in others]
    return Translation(best.text, best.tokens, best.log_prob, best.unknown, alternatives)


if __name__ == "__main__":
    program.program(main)
