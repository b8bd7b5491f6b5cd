"""What was measured on the test set, in the form in which results are compared: counts and sums of each sentence.

Shapes: N sentences, K results that are compared, D counts of a sentence, R samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline import matching, sentence_scores
from pipeline.matching import Found
from pipeline.parameters import Parameters
from pipeline.schemas import records
from pipeline.schemas.pairs import read_column
from pipeline.schemas.rescored import Choice, Rescored
from pipeline.schemas.scored import RunScores
from pipeline.schemas.translated import read_translations
from s2s import contrast
from s2s.candidates import bleu
from s2s.contrast import Floats

LOG_PROBS = "sentence_log_probs.parquet"


@dataclass(frozen=True)
class Drawn:
    """K results on the test set itself, [K], and on drawn ones, [R, K]."""

    values: Floats
    samples: Floats


class Evidence:
    """All that claims are decided by; what no claim asks for is not read."""

    def __init__(self, parameters: Parameters, reports: Path, translations: Path, rescored: Path, clean: Path) -> None:
        self.parameters = parameters
        self.reports, self.translations, self.rescored, self.test = (
            reports,
            translations,
            rescored,
            clean / "test.parquet",
        )
        self.ours = matching.candidates(parameters)
        self.read: dict[Path, Floats] = {}

    @cached_property
    def references(self) -> list[str]:
        """The right translations, in tokens."""
        return read_column(self.test, "target_tokens")

    @cached_property
    def lengths(self) -> Floats:
        """Tokens of each source sentence, [N]."""
        return np.array([len(tokens.split()) for tokens in read_column(self.test, "source_tokens")])

    @property
    def sentences(self) -> int:
        """N."""
        return len(self.references)

    @property
    def data(self) -> str:
        """Which text it is."""
        download = self.parameters.download
        return f"test set of {download.source}, {download.source_language} to {download.target_language}"

    def score(self, one: Found) -> RunScores | Choice:
        """The score of some translations as the stage before reported it."""
        if one.kind == "run":
            return records.read_named(RunScores, self.reports / "bleu.json", [one.place])[one.place]
        return records.read(Rescored, self.reports / "rescore" / f"{one.place}.json").choices[one.kind]

    def counts(self, one: Found) -> Floats:
        """What BLEU counts in each sentence of some translations, [N, D]."""
        name = f"{one.place}.jsonl" if one.kind == "run" else f"{one.place}/{one.kind}.jsonl"
        path = (self.translations if one.kind == "run" else self.rescored) / name
        if path not in self.read:
            rows = read_translations(path, len(self.references))
            self.read[path] = contrast.bleu_counts([row.tokens for row in rows], self.references)
        return self.read[path]

    def bleu(self, compared: Sequence[Found]) -> Drawn:
        """The paper's BLEU of translations, on the same draws."""
        counts = [self.counts(one) for one in compared]
        return self.drawn_bleu(np.hstack(counts), len(counts), 0)

    def drawn_bleu(self, counts: Floats, results: int, number: int) -> Drawn:
        """BLEU of K results from their counts side by side, [N, K D]; draws of another number are other ones."""
        settings = self.parameters.bleu
        sums = contrast.resample(counts, settings.bootstrap_samples, settings.bootstrap_seed + number)
        values, samples = counts.sum(axis=0).reshape(results, -1), sums.reshape(len(sums), results, -1)
        return Drawn(bleu(values), bleu(samples))

    def groups(self, one: Found, groups: Sequence[Sequence[int]]) -> Drawn:
        """BLEU of some translations over groups of sentences, each drawn from by itself."""
        found = [self.drawn_bleu(self.counts(one)[list(rows)], 1, number) for number, rows in enumerate(groups)]
        return Drawn(
            *(np.concatenate([getattr(part, name) for part in found], axis=-1) for name in ("values", "samples"))
        )

    def perplexities(self, systems: Sequence[Found]) -> tuple[Drawn, list[list[int]]]:
        """Perplexities of systems on the same draws, each of its first models, as many as all have, and their seeds.

        What is compared is alike, its vocabulary too: sentences have the same tokens for all.
        """
        of_each = [self.parameters.seeds(one.place) for one in systems]
        seeds = [one[: min(map(len, of_each))] for one in of_each]
        names = [[f"{one.place}-{seed}" for seed in some] for one, some in zip(systems, seeds, strict=True)]
        scores = sentence_scores.read(self.reports / LOG_PROBS, [name for some in names for name in some])
        means = [np.mean([scores[name].log_probs for name in some], axis=0) for some in names]
        table = np.column_stack([scores[names[0][0]].tokens, *means])
        settings = self.parameters.bleu
        sums = contrast.resample(table, settings.bootstrap_samples, settings.bootstrap_seed)
        whole = table.sum(axis=0)
        return Drawn(contrast.perplexity(whole[1:], whole[0]), contrast.perplexity(sums[:, 1:], sums[:, :1])), seeds
