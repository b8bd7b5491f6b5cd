"""Stage `rescore`: rescore n-best lists with the models of a run (Sutskever et al. 2014, section 3.7)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.decoding import load_translator, read_sources
from pipeline.parameters.evaluation import Bleu
from pipeline.parameters.parameters import Parameters
from pipeline.parameters.reading import read
from pipeline.running import program, resuming
from pipeline.schemas.data import records
from pipeline.schemas.data.lists import FIRST_PASS, FirstPass
from pipeline.schemas.data.pairs import read_column
from pipeline.schemas.data.translated import Members, Translation, write_translations
from pipeline.schemas.reports.rescored import Choice, Rescored
from pipeline.stages.rescore import lists
from pipeline.stages.rescore.lists import EVEN, FEATURES, ListScorer, NBestList, RescoredList
from pipeline.tracking import run as tracking
from s2s import data, files, inference, model, text
from s2s.device import prepare
from s2s.errors import check
from s2s.evaluation import metrics, tuning
from s2s.evaluation.candidates import Floats
from s2s.inference import nbest
from s2s.progress import Meter

SPLITS = ("dev", "test")
TRANSLATIONS = ("first", "even", "tuned")  # ways of choosing that use no test references
CONVENTIONS = {"bleu": ("reference", False), "bleu_tokenized": ("reference_tokens", True)}
DECISIVE = (lists, data, inference, model, text)
"""Modules that decide the log-probability of a candidate."""


def main(candidates: Path, members: Path, clean: Path, out: Path, report: Path) -> None:
    """Write rescored lists, the translations ranked first, and a report of their BLEU.

    Args:
        candidates: folder of n-best lists, from the first_pass stage.
        members: the models that rescore, from the members stage.
        clean: folder of clean text, from the clean stage.
        out: folder to be written.
        report: JSON file to be written.
    """
    parameters = read()
    settings = parameters.rescore
    first_pass = records.read(FirstPass, candidates / FIRST_PASS)
    run = records.read(Members, members)
    with tracking.run() as tracked, resuming.alone(out):
        scorer, lists, work = prepared(parameters, run, first_pass, candidates, clean)
        with resuming.unfinished("rescore", work) as place:
            rescored = score(scorer, lists, place, clean, f"rescore by {run.run}")
            tuned = tuning.tune(rescored["dev"].numbers, EVEN, settings.tuning_restarts, settings.tuning_seed)
            scores = write(out, rescored, tuned.weights, parameters.bleu)
            sizes = {split: part.size for split, part in rescored.items()}
            weights = dict(zip(FEATURES, tuned.weights.tolist(), strict=True))
            records.write(report, Rescored(first_pass, run.run, run.members, sizes, scores, weights))
            for name, choice in scores.items():
                tracked.metrics(
                    {f"{kind}.{name}": getattr(choice, kind) for kind in (*CONVENTIONS, "dev_bleu_tokenized")}
                )


def prepared(
    parameters: Parameters, run: Members, first_pass: FirstPass, folder: Path, clean: Path
) -> tuple[ListScorer, list[NBestList], str]:
    """Load the models, open the lists, and name the work by all that decides the scores."""
    settings, mean = parameters.rescore, parameters.run(run.run).ensemble_mean
    device = prepare(settings.device, settings.threads)
    loaded = load_translator(run, device)
    sources = {split: read_sources(clean, split, loaded.source) for split in SPLITS}
    lists = [NBestList(split, folder / f"{split}.nbest", sources[split]) for split in SPLITS]
    for part in lists:
        check(part.path.is_file(), f"{part.path}: no such file; expected what the first_pass stage writes")
    description, is_other = loaded.description, not first_pass.members
    normalizing = [description.normalize_punctuation, description.lowercase] if is_other else []
    hashes = [[member.sha256 for member in run.members], [loaded.source.sha256, loaded.target.sha256]]
    decides = [
        hashes,
        normalizing,
        [files.sha256(part.path) for part in lists],
        sources,
        mean,
        settings.batch_tokens,
        str(device),
        settings.threads,
    ]
    language = parameters.download.target_language
    scorer = ListScorer(loaded, is_other, language, mean, settings.batch_tokens)
    return scorer, lists, resuming.fingerprint(DECISIVE, *decides)


def score(
    scorer: ListScorer, lists: Sequence[NBestList], place: Path, clean: Path, title: str
) -> dict[str, RescoredList]:
    """Score the candidates of all splits, with finished blocks in `place`; `title` names the progress display."""
    rescored, done = {}, 0
    with Meter(title, sum(len(part.sources) for part in lists)) as meter:
        for part in lists:
            path = clean / f"{part.split}.parquet"
            references = {column: read_column(path, column) for column, _ in CONVENTIONS.values()}
            rescored[part.split] = RescoredList.make(part, scorer, scorer.score(part, place, meter, done), references)
            done += len(part.sources)
    return rescored


def write(out: Path, rescored: dict[str, RescoredList], weights: Floats, settings: Bleu) -> dict[str, Choice]:
    """Write the reordered lists and the chosen translations of the test set, and return the BLEU of each choice."""
    dev, test = rescored["dev"], rescored["test"]
    on_dev = {name: dev.numbers.bleu(choice) for name, choice in dev.choices(weights).items()}
    chosen = test.translations(test.choices(weights))
    with files.whole(out) as folder:
        folder.mkdir()
        for split, part in rescored.items():
            nbest.write(folder / f"{split}.nbest", part.ranked())
        for name in TRANSLATIONS:
            write_translations(folder / f"{name}.jsonl", chosen[name])
    return {
        name: Choice(
            **compared(lines, chosen["first"], test.references, settings), dev_bleu_tokenized=round(on_dev[name], 4)
        )
        for name, lines in chosen.items()
    }


def compared(
    lines: Sequence[Translation],
    first: Sequence[Translation],
    references: dict[str, list[str]],
    settings: Bleu,
) -> dict[str, Any]:
    """Compute BLEU of some translations by both conventions, and p-values of the difference to the first pass.

    Args:
        lines: translations of the test set.
        first: translations that the first pass ranks first.
        references: references by column of clean text.
        settings: settings of the bootstrap.
    """
    sampling = settings.bootstrap_samples, settings.bootstrap_seed
    scores: dict[str, Any] = {}
    for name, (column, tokenized) in CONVENTIONS.items():
        ours, theirs = (
            [line.tokens if tokenized else line.translation for line in translations] for translations in (lines, first)
        )
        score = metrics.corpus_bleu(ours, references[column], tokenized, *sampling)
        p_value = metrics.paired_p_value(theirs, ours, references[column], tokenized, *sampling)
        numbers = {"": score.score, "_low": score.low, "_high": score.high, "_p_value": p_value}
        scores |= {f"{name}{end}": round(value, 4) for end, value in numbers.items()}
        scores[f"{name}_signature"] = score.signature
    return scores


if __name__ == "__main__":
    program.program(main)
