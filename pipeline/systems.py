"""All translations of the test set that figures compare: our runs, what rescoring chose, and a person's own files."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.lines import lines
from pipeline.parameters import Parameters
from pipeline.schemas.translated import read_translations
from s2s import text
from s2s.errors import check

SUFFIX = ".txt"  # of a person's file; what else lies in the folder is not read


def read_all(
    parameters: Parameters, translations: Path, rescored: Path, others: Path, sentences: int
) -> dict[str, list[str]]:
    """The plain translations of each system, by its name.

    Args:
        parameters: name runs and rescorings.
        translations: folder of translations, from the translate stages.
        rescored: folder of rescored lists, from the rescore stages.
        others: folder of a person's own translations of the test set: a file a system, one translation a line.
        sentences: of the test set.

    Raises:
        UserError: a file holds fewer or more translations; a name is there twice.
    """
    found: dict[str, list[str]] = {}
    for name, path in ours(parameters, translations, rescored):
        found[name] = [row.translation for row in read_translations(path, sentences)]
    for path in sorted(others.glob(f"*{SUFFIX}")):
        check(path.stem not in found, f"{path}: found the name of a system of ours; expected another name")
        found[path.stem] = read_others(path, parameters, sentences)
    return found


def ours(parameters: Parameters, translations: Path, rescored: Path) -> Iterator[tuple[str, Path]]:
    """The names and files of what the pipeline translated.

    Of a rescoring, that is what it chose by the average of both scores (section 3.7), and where the lists are of
    another system, what that had chosen: the baseline of Figure 3.
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


def read_others(path: Path, parameters: Parameters, sentences: int) -> list[str]:
    """A person's translations, normalized as our references are."""
    language, settings = parameters.download.target_language, parameters.clean
    found = [text.normalize(line, language, settings.normalize_punctuation, settings.lowercase) for line in lines(path)]
    check(len(found) == sentences, f"{path}: found {len(found)} lines; expected {sentences}, one a test sentence")
    return found
