"""Scores n-best lists by the models of a run, and says what that is worth (Sutskever et al. 2014, section 3.7)."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import list_scorer, stage, tracking, work
from pipeline.decoding import load_translator, read_sources
from pipeline.list_scorer import ListScorer, NBestList
from pipeline.parameters import Bleu, Parameters, read
from pipeline.rescored_list import EVEN, FEATURES, RescoredList
from pipeline.schemas import records
from pipeline.schemas.pairs import read_column
from pipeline.schemas.rescored import FIRST_PASS, Choice, FirstPass, Rescored
from pipeline.schemas.translated import Members, Translation, write_translations
from s2s import data, ensemble, files, forcing, loss, metrics, model, nbest, network, text, tuning, vocabulary
from s2s.candidates import Floats
from s2s.device import prepare
from s2s.errors import check
from s2s.progress import Meter

SPLITS = ("dev", "test")
TRANSLATIONS = ("first", "even", "tuned")  # the ways of choosing that see no reference of the test set
CONVENTIONS = {"bleu": ("target", False), "bleu_tokenized": ("target_tokens", True)}
DECISIVE = (list_scorer, forcing, ensemble, loss, model, network, data, vocabulary, text, nbest)
"""Modules that decide a candidate's log-probability."""


def main(candidates: Path, members: Path, clean: Path, out: Path, report: Path) -> None:
    """Writes rescored lists, the translations that they rank first, and how good these are.

    Args:
        candidates: folder of n-best lists, from the first_pass stage.
        members: the models of the scorer, from the members stage.
        clean: folder of clean text, from the clean stage.
        out: folder to be written.
        report: JSON file to be written.
    """
    parameters = read()
    settings = parameters.rescore
    first_pass = records.read(FirstPass, candidates / FIRST_PASS)
    run = records.read(Members, members)
    with tracking.run() as tracked:
        scorer, lists = prepared(parameters, run, candidates, clean)
        rescored = score(scorer, lists, clean, f"rescore by {run.run}")
        tuned = tuning.tune(rescored["dev"].numbers, EVEN, settings.tuning_restarts, settings.tuning_seed)
        scores = write(out, rescored, tuned.weights, parameters.bleu)
        sizes = {split: one.size for split, one in rescored.items()}
        weights = dict(zip(FEATURES, tuned.weights.tolist(), strict=True))
        records.write(report, Rescored(first_pass, run.run, run.members, sizes, scores, weights))
        for name, choice in scores.items():
            tracked.metrics({f"{kind}.{name}": getattr(choice, kind) for kind in (*CONVENTIONS, "dev_bleu_tokenized")})
        shutil.rmtree(scorer.place)


def prepared(parameters: Parameters, run: Members, folder: Path, clean: Path) -> tuple[ListScorer, list[NBestList]]:
    """Loads the models and opens the lists."""
    settings, mean = parameters.rescore, parameters.run(run.run).ensemble_mean
    device = prepare(settings.device, settings.threads)
    loaded = load_translator(run, device)
    sources = {split: read_sources(clean, split, loaded.source) for split in SPLITS}
    lists = [NBestList(split, folder / f"{split}.nbest", sources[split]) for split in SPLITS]
    for one in lists:
        check(one.path.is_file(), f"{one.path}: no such file; expected what the first_pass stage writes")
    hashes = [[member.sha256 for member in run.members], [loaded.source.sha256, loaded.target.sha256]]
    decides = [
        hashes,
        [files.sha256(one.path) for one in lists],
        sources,
        mean,
        settings.batch_tokens,
        str(device),
        settings.threads,
    ]
    place = work.folder("rescore", work.fingerprint(DECISIVE, *decides))
    language = parameters.download.target_language
    return ListScorer(loaded.models, loaded.target, language, mean, settings.batch_tokens, place), lists


def score(scorer: ListScorer, lists: Sequence[NBestList], clean: Path, title: str) -> dict[str, RescoredList]:
    """Scores the candidates of all splits."""
    found, done = {}, 0
    with Meter(title, sum(len(one.sources) for one in lists)) as meter:
        for one in lists:
            path = clean / f"{one.split}.parquet"
            references = {column: read_column(path, column) for column, _ in CONVENTIONS.values()}
            found[one.split] = RescoredList.make(one, scorer, scorer.score(one, meter, done), references)
            done += len(one.sources)
    return found


def write(out: Path, rescored: dict[str, RescoredList], weights: Floats, settings: Bleu) -> dict[str, Choice]:
    """Writes the lists in their new order and the translations of the test set; returns how good each choice is."""
    dev, test = rescored["dev"], rescored["test"]
    on_dev = {name: dev.numbers.bleu(choice) for name, choice in dev.choices(weights).items()}
    chosen = test.translations(test.choices(weights))
    with files.whole(out) as folder:
        folder.mkdir()
        for split, one in rescored.items():
            nbest.write(folder / f"{split}.nbest", one.ranked())
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
    """BLEU of some translations by both conventions, and whether it differs from that of the first pass by chance."""
    sampling = settings.bootstrap_samples, settings.bootstrap_seed
    found: dict[str, Any] = {}
    for name, (column, tokenized) in CONVENTIONS.items():
        ours, theirs = ([one.tokens if tokenized else one.translation for one in part] for part in (lines, first))
        score = metrics.corpus_bleu(ours, references[column], tokenized, *sampling)
        p_value = metrics.paired_p_value(theirs, ours, references[column], tokenized, *sampling)
        numbers = {"": score.score, "_low": score.low, "_high": score.high, "_p_value": p_value}
        found |= {f"{name}{end}": round(value, 4) for end, value in numbers.items()}
        found[f"{name}_signature"] = score.signature
    return found


if __name__ == "__main__":
    stage.program(main)
