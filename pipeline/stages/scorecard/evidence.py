"""Measurements of the test set, read as claims need them: counts and log-probabilities of each sentence.

Shapes: N sentences, K results that are compared, D counts of a sentence.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline.parameters.parameters import Parameters
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import read_column
from pipeline.schemas.data.translated import read_translations
from pipeline.schemas.reports.rescored import Choice, Rescored
from pipeline.schemas.reports.scores import RunScores, read_sentence_scores
from pipeline.stages.scorecard import matching
from pipeline.stages.scorecard.matching import Candidate
from s2s.evaluation import contrast
from s2s.evaluation.contrast import Bootstrap, Floats, SystemScores

LOG_PROBS = "sentence_log_probs.parquet"


class Evidence:
    """All results that claims can be decided by; a file is read when a claim first needs it."""

    def __init__(self, parameters: Parameters, reports: Path, translations: Path, rescored: Path, clean: Path) -> None:
        self.parameters = parameters
        self.reports, self.translations, self.rescored = reports, translations, rescored
        self.test = clean / "test.parquet"
        self.ours = matching.candidates(parameters)
        self.bootstrap = Bootstrap(parameters.bleu.bootstrap_samples, parameters.bleu.bootstrap_seed)
        self.cache: dict[Path, Floats] = {}

    @cached_property
    def references(self) -> list[str]:
        """The reference translations, tokenized."""
        return read_column(self.test, "reference_tokens")

    @cached_property
    def lengths(self) -> Floats:
        """Tokens of each source sentence, [N]."""
        return np.array([len(tokens.split()) for tokens in read_column(self.test, "source_tokens")])

    @property
    def sentences(self) -> int:
        """Number of test sentences N."""
        return len(self.references)

    @property
    def data(self) -> str:
        """The name of the test set."""
        download = self.parameters.download
        return f"test set of {download.source}, {download.source_language} to {download.target_language}"

    def score(self, candidate: Candidate) -> RunScores | Choice:
        """Return the score of translations as the bleu or the rescore stage reported it."""
        if candidate.kind == "run":
            return records.read_named(RunScores, self.reports / "bleu.json", [candidate.place])[candidate.place]
        return records.read(Rescored, self.reports / "rescore" / f"{candidate.place}.json").choices[candidate.kind]

    def counts(self, candidate: Candidate) -> Floats:
        """Return what BLEU counts in each sentence of some translations, [N, D]."""
        if candidate.kind == "run":
            path = self.translations / f"{candidate.place}.jsonl"
        else:
            path = self.rescored / candidate.place / f"{candidate.kind}.jsonl"
        if path not in self.cache:
            rows = read_translations(path, len(self.references))
            self.cache[path] = contrast.bleu_counts([row.tokens for row in rows], self.references)
        return self.cache[path]

    def bleu(self, compared: Sequence[Candidate]) -> SystemScores:
        """Compute the paper's BLEU of K translations."""
        return self.bootstrap.bleu([self.counts(candidate) for candidate in compared])

    def groups(self, candidate: Candidate, groups: Sequence[Sequence[int]]) -> SystemScores:
        """Compute BLEU of one translation over K groups of sentences, each resampled independently."""
        counts, seed = self.counts(candidate), self.bootstrap.seed
        draws = [replace(self.bootstrap, seed=seed + number) for number in range(len(groups))]
        return contrast.combine([draw.bleu([counts[list(rows)]]) for draw, rows in zip(draws, groups, strict=True)])

    def perplexities(self, systems: Sequence[Candidate]) -> tuple[SystemScores, list[list[int]]]:
        """Compute the perplexities of K systems with one target vocabulary.

        Returns:
            The scores, of as many models of each system as all systems have; and the seeds of these models.
        """
        seeds = [self.parameters.seeds(system.place) for system in systems]
        models = min(map(len, seeds))
        seeds = [own[:models] for own in seeds]
        names = [[f"{system.place}-{seed}" for seed in own] for system, own in zip(systems, seeds, strict=True)]
        scores = read_sentence_scores(self.reports / LOG_PROBS, [name for own in names for name in own])
        log_probs = [[scores[name].log_probs for name in own] for own in names]
        return self.bootstrap.perplexity(scores[names[0][0]].tokens, log_probs), seeds
