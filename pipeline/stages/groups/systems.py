"""Translations of the test set to compare in figures: of our runs, of rescorings, and a user's own files."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.parameters.parameters import Parameters
from pipeline.schemas.data.translated import read_translations
from s2s.errors import check
from s2s.text.lines import lines

SUFFIX = ".txt"  # of a user's file; other files of the folder are ignored


def read_all(
    parameters: Parameters, translations: Path, rescored: Path, baselines: Path, sentences: int
) -> dict[str, list[str]]:
    """Read the plain translations of each system, by its name.

    Args:
        parameters: name runs and rescorings.
        translations: folder of translations, from the translate stages.
        rescored: folder of rescored lists, from the rescore stages.
        baselines: folder of a user's own translations of the test set: a file for each system, one translation a line.
        sentences: the number of sentences of the test set.

    Raises:
        UserError: a file holds fewer or more translations, or two systems have one name, or it cannot be shown.
    """
    translated: dict[str, list[str]] = {}
    for name, path in ours(parameters, translations, rescored):
        translated[name] = [row.translation for row in read_translations(path, sentences)]
    for path in sorted(baselines.glob(f"*{SUFFIX}")):
        check(path.stem.isprintable(), f"{path}: found a name with invisible characters; expected a visible one")
        check(path.stem not in translated, f"{path}: found the name of a system of ours; expected another name")
        translated[path.stem] = read_baseline(path, sentences)
    return translated


def ours(parameters: Parameters, translations: Path, rescored: Path) -> Iterator[tuple[str, Path]]:
    """Yield the names and files of the pipeline's own translations.

    For a rescoring, these are the translations chosen by the average of both scores (section 3.7). If the lists are of
    another system, its own first translations come before: the baseline of Figure 3.
    """
    for run in parameters.runs:
        yield run, translations / f"{run}.jsonl"
    lists = [f"members/{run}.json" for run in parameters.runs]
    seen = set()
    for name, rescoring in parameters.rescorings.items():
        first_pass = rescoring.first_pass
        if parameters.first_passes[first_pass] not in lists and first_pass not in seen:
            seen.add(first_pass)
            yield f"{first_pass} (first pass)", rescored / name / "first.jsonl"
        yield f"{name} (rescored)", rescored / name / "even.jsonl"


def read_baseline(path: Path, sentences: int) -> list[str]:
    """Read a user's translations as they are."""
    rows = list(lines(path))
    check(len(rows) == sentences, f"{path}: found {len(rows)} lines; expected {sentences}, one a test sentence")
    return rows
