"""Quality of systems beside that of a base system, on the same test sentences and the same draws of them.

Shapes: N sentences, D counts of a sentence.
"""

import statistics
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipeline import matching, sentence_scores
from pipeline.ablations_schema import Difference, Perplexities, RunBleu
from pipeline.deciding import rounded
from pipeline.parameters import Parameters, Run
from pipeline.schemas import records
from pipeline.schemas.encoded import vocabularies_of
from pipeline.schemas.pairs import read_column
from pipeline.schemas.scored import RunScores
from pipeline.schemas.translated import read_translations
from s2s import contrast, files
from s2s.candidates import bleu
from s2s.contrast import Floats

LOG_PROBS = "sentence_log_probs.parquet"


class BaseContrasts:
    """What stages before measured of all systems, and how each differs from the base."""

    def __init__(
        self, parameters: Parameters, base: str, reports: Path, models: Path, translations: Path, clean: Path
    ) -> None:
        self.parameters, self.base, self.models, self.translations = parameters, base, models, translations
        self.references = read_column(clean / "test.parquet", "target_tokens")
        self.scores = records.read_named(RunScores, reports / "bleu.json", parameters.runs)
        self.sentences = sentence_scores.read(reports / LOG_PROBS, parameters.models)
        self.counted: dict[str, Floats] = {}

    def perplexities(self, system: str) -> Perplexities:
        """Perplexity of each model of a system, and how the system differs from the base."""
        seeds = self.parameters.seeds(system)
        scores = [self.sentences[f"{system}-{seed}"] for seed in seeds]
        sums = np.array([one.log_probs.sum() for one in scores])
        values = contrast.perplexity(sums, scores[0].tokens.sum()).tolist()
        spread = rounded(statistics.stdev(values)) if len(values) > 1 else None
        compared = min(len(seeds), len(self.parameters.seeds(self.base)))
        has_change = system != self.base and self.target_vocabulary(system) == self.target_vocabulary(self.base)
        change = self.change(system, compared) if has_change else None
        return Perplexities(
            seeds, list(map(rounded, values)), rounded(statistics.mean(values)), spread, compared, change
        )

    def target_vocabulary(self, system: str) -> str:
        """The SHA-256 of the vocabulary whose tokens a system predicts."""
        return vocabularies_of(self.models / system / str(self.parameters.seeds(system)[0]))["target"]

    def change(self, system: str, seeds: int) -> Difference:
        """By what share the perplexity of a system is not that of the base."""
        columns = [self.mean_log_probs(one, seeds) for one in (self.base, system)]
        tokens = self.sentences[f"{system}-{self.parameters.seeds(system)[0]}"].tokens
        table = np.column_stack([tokens, *columns])  # [N, 3]
        whole, drawn = table.sum(axis=0), self.draw(table)
        found = contrast.perplexity(whole[1:], whole[0])
        draws = contrast.perplexity(drawn[:, 1:], drawn[:, :1])
        return difference(float(found[1] / found[0] - 1), draws[:, 1] / draws[:, 0] - 1)

    def mean_log_probs(self, system: str, seeds: int) -> Floats:
        """The log-probability of each test sentence, the mean of a system's first models, [N]."""
        names = [f"{system}-{seed}" for seed in self.parameters.seeds(system)[:seeds]]
        found: Floats = np.mean([self.sentences[name].log_probs for name in names], axis=0)
        return found

    def bleu(self, system: str) -> RunBleu | None:
        """BLEU of a run of a system beside that of the base's run that is decoded alike."""
        pair = alike(self.parameters, system, self.base)
        if pair is None:
            return None
        run, against = pair
        chosen, score = self.parameters.runs[run], self.scores[run]
        numbers = (score.bleu_tokenized, score.bleu_tokenized_low, score.bleu_tokenized_high)
        found = None if system == self.base else self.gain(run, against)
        return RunBleu(run, against, chosen.seeds, chosen.beam, *numbers, found)

    def gain(self, run: str, against: str) -> Difference:
        """By how many points the BLEU of a run is above that of another."""
        table = np.hstack([self.counts(against), self.counts(run)])  # [N, 2 D]
        drawn = self.draw(table)
        values, samples = bleu(table.sum(axis=0).reshape(2, -1)), bleu(drawn.reshape(len(drawn), 2, -1))
        return difference(float(values[1] - values[0]), samples[:, 1] - samples[:, 0])

    def counts(self, run: str) -> Floats:
        """What BLEU counts in each sentence of a run, [N, D]."""
        if run not in self.counted:
            rows = read_translations(self.translations / f"{run}.jsonl", len(self.references))
            self.counted[run] = contrast.bleu_counts([row.tokens for row in rows], self.references)
        return self.counted[run]

    def draw(self, table: Floats) -> Floats:
        """Sums over drawn test sets, the same draws for all."""
        settings = self.parameters.bleu
        return contrast.resample(table, settings.bootstrap_samples, settings.bootstrap_seed)


def difference(value: float, drawn: Floats) -> Difference:
    """A difference with its interval and how likely one as far from zero is by chance."""
    found = contrast.judge(value, drawn)
    return Difference(*map(rounded, (found.value, found.low, found.high, found.p_value)))


def alike(parameters: Parameters, system: str, base: str) -> tuple[str, str] | None:
    """A run of a system, and one of the base that is decoded in the same way by as many models; or none.

    Of several, that of the fewest models, then that which changes the least of section `translate`, then that with the
    widest beam.
    """
    against = {settings(parameters, name): name for name in reversed(list(runs_of(parameters, base)))}
    fitting = [name for name in runs_of(parameters, system) if settings(parameters, name) in against]
    if not fitting:
        return None
    chosen = min(fitting, key=lambda name: order(parameters.runs[name]))
    return chosen, against[settings(parameters, chosen)]


def runs_of(parameters: Parameters, system: str) -> Mapping[str, Run]:
    """The runs of a system, in the order of params.yaml."""
    return {name: run for name, run in parameters.runs.items() if run.system == system}


def settings(parameters: Parameters, run: str) -> str:
    """All that decides a run's translations, but for the models themselves."""
    chosen = parameters.runs[run]
    return files.to_json([chosen.seeds, chosen.beam, matching.search(parameters.run(run))])


def order(run: Run) -> tuple[int, int, int]:
    """What shows a system best by itself comes first."""
    return run.seeds, len(run.translate), -run.beam
