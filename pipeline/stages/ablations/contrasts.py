"""Differences in quality between each system and the base system, on the same test sentences and resampled test sets.

Shapes: N sentences, D counts of a sentence.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.parameters import sections
from pipeline.parameters.parameters import Parameters
from pipeline.parameters.sections import Run
from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import vocabularies_of
from pipeline.schemas.data.pairs import read_column
from pipeline.schemas.data.trained import read_curve
from pipeline.schemas.data.translated import read_translations
from pipeline.schemas.reports import scores
from pipeline.schemas.reports.ablations import Cost, Difference, Perplexities, RunBleu
from pipeline.schemas.reports.scores import RunScores
from pipeline.schemas.reports.text import Encoding
from s2s import files
from s2s.evaluation import contrast
from s2s.evaluation.contrast import Bootstrap, Estimate, Floats, rounded
from s2s.inference.operations import multiply_adds
from s2s.model import folder as model_folder
from s2s.model import seq2seq


@dataclass(frozen=True)
class Sizes:
    """Sizes of the text in tokens of a vocabulary; targets count </s>."""

    source_tokens: int
    """The mean over the test sentences."""
    target_tokens: int
    training_tokens: int
    """The sum over the training targets."""


def sizes(encoding: Encoding) -> Sizes:
    """Return the sizes of the text that costs are computed for."""
    train, test = encoding.splits["train"], encoding.splits["test"]
    source, target = (round(tokens / test.pairs) for tokens in (test.source_tokens, test.target_tokens + test.pairs))
    return Sizes(max(1, source), max(1, target), train.target_tokens + train.pairs)


def measure(models: Path, curves: Path, system: str, seeds: Sequence[int], given: Sizes) -> Cost:
    """Return the cost of a system's models, which differ only in the epoch at which training ended.

    Args:
        models: folder of models.
        curves: folder of learning curves.
        system: name of the system.
        seeds: of its models.
        given: sizes of the text in the system's vocabulary.
    """
    network = model_folder.load(models / system / str(seeds[0]))
    count = multiply_adds(network, given.source_tokens, given.target_tokens)
    epochs = [last_epoch(curves / f"{system}-{seed}.csv") for seed in seeds]
    tokens = round(given.training_tokens * sum(epochs) / len(epochs))
    per_token = round(count / given.target_tokens)
    return Cost(seq2seq.parameter_count(network), given.source_tokens, given.target_tokens, per_token, tokens)


def last_epoch(curve: Path) -> float:
    """Return the number of passes over the training text, from the last row of a learning curve."""
    return max(read_curve(curve)["epoch"], default=0.0)


LOG_PROBS = "sentence_log_probs.parquet"


class BaseContrasts:
    """The measurements of all systems by earlier stages, and each system's difference from the base."""

    def __init__(
        self, parameters: Parameters, base: str, reports: Path, models: Path, translations: Path, clean: Path
    ) -> None:
        self.parameters, self.base, self.models, self.translations = parameters, base, models, translations
        self.references = read_column(clean / "test.parquet", "reference_tokens")
        self.scores = records.read_named(RunScores, reports / "bleu.json", parameters.runs)
        self.sentences = scores.read_sentence_scores(reports / LOG_PROBS, parameters.models)
        self.bootstrap = Bootstrap(parameters.bleu.bootstrap_samples, parameters.bleu.bootstrap_seed)
        self.cache: dict[str, Floats] = {}

    def perplexities(self, system: str) -> Perplexities:
        """Return the perplexity of each model of a system, and the system's change of the base's perplexity."""
        seeds = self.parameters.seeds(system)
        scores = [self.sentences[f"{system}-{seed}"] for seed in seeds]
        sums = np.array([score.log_probs.sum() for score in scores])
        values = contrast.perplexity(sums, scores[0].tokens.sum()).tolist()
        spread = rounded(statistics.stdev(values)) if len(values) > 1 else None
        compared = min(len(seeds), len(self.parameters.seeds(self.base)))
        has_change = system != self.base and self.target_vocabulary(system) == self.target_vocabulary(self.base)
        change = self.change(system, compared) if has_change else None
        return Perplexities(
            seeds, list(map(rounded, values)), rounded(statistics.mean(values)), spread, compared, change
        )

    def target_vocabulary(self, system: str) -> str:
        """Return the SHA-256 of the vocabulary whose tokens a system predicts."""
        return vocabularies_of(self.models / system / str(self.parameters.seeds(system)[0]))["target"]

    def change(self, system: str, seeds: int) -> Difference:
        """Return the relative change from the base's perplexity to a system's, each of its first models."""
        first_models = [self.models_of(name)[:seeds] for name in (self.base, system)]
        log_probs = [[self.sentences[model].log_probs for model in models] for models in first_models]
        return difference(self.bootstrap.perplexity(self.sentences[first_models[1][0]].tokens, log_probs).change())

    def models_of(self, system: str) -> list[str]:
        """Return the names of a system's models."""
        return [f"{system}-{seed}" for seed in self.parameters.seeds(system)]

    def bleu(self, system: str) -> RunBleu | None:
        """Return the BLEU of a system's run, compared with the base's run that is decoded alike; None if none is."""
        pair = alike(self.parameters, system, self.base)
        if pair is None:
            return None
        run, against = pair
        chosen, score = self.parameters.runs[run], self.scores[run]
        numbers = (score.bleu_tokenized, score.bleu_tokenized_low, score.bleu_tokenized_high)
        gain = None if system == self.base else self.gain(run, against)
        return RunBleu(run, against, chosen.seeds, chosen.beam, *numbers, gain)

    def gain(self, run: str, against: str) -> Difference:
        """Return the difference in BLEU points from one run to another."""
        return difference(self.bootstrap.bleu([self.counts(against), self.counts(run)]).difference())

    def counts(self, run: str) -> Floats:
        """Return what BLEU counts in each sentence of a run, [N, D]."""
        if run not in self.cache:
            rows = read_translations(self.translations / f"{run}.jsonl", len(self.references))
            self.cache[run] = contrast.bleu_counts([row.tokens for row in rows], self.references)
        return self.cache[run]


def difference(estimate: Estimate) -> Difference:
    """Return a difference with its 95 % interval and p-value."""
    tested = estimate.contrast()
    return Difference(*map(rounded, (tested.value, tested.low, tested.high, tested.p_value)))


def alike(parameters: Parameters, system: str, base: str) -> tuple[str, str] | None:
    """Choose a run of a system and a run of the base that decode in the same way, with as many models.

    Of several such pairs, take the one with the fewest models, then the one that changes the fewest keys of section
    `translate`, then the one with the widest beam. Return None if there are none.
    """
    base_runs = {settings(parameters, name): name for name in reversed(list(runs_of(parameters, base)))}
    candidates = [name for name in runs_of(parameters, system) if settings(parameters, name) in base_runs]
    if not candidates:
        return None
    chosen = min(candidates, key=lambda name: order(parameters.runs[name]))
    return chosen, base_runs[settings(parameters, chosen)]


def runs_of(parameters: Parameters, system: str) -> Mapping[str, Run]:
    """Return the runs of a system, in the order of params.yaml."""
    return {name: run for name, run in parameters.runs.items() if run.system == system}


def settings(parameters: Parameters, run: str) -> str:
    """Return all settings that decide a run's translations, besides the models themselves."""
    chosen = parameters.runs[run]
    return files.to_json([chosen.seeds, chosen.beam, sections.search(parameters.run(run))])


def order(run: Run) -> tuple[int, int, int]:
    """Return a sort key that puts first the run that shows a system with the fewest additions."""
    return run.seeds, len(run.translate), -run.beam
