"""The paper's side of the scorecard: the cells of Tables 1 and 2, the claims of the text, and how each is decided.

Sutskever, Vinyals and Le 2014, arXiv 1409.3215v3. Add further claims here. The compared results are described
by their properties, never by their names in params.yaml.
"""

from dataclasses import dataclass
from typing import Literal

TEST_SET = "newstest2014"
SOURCES = ("wmt14", "wmt14_selected")  # sources of pipeline/sources/sources.yaml with this test set


@dataclass(frozen=True)
class Side:
    """A description of a result to compare; properties that are None are free, but equal in all sides of one kind."""

    kind: Literal["run", "model", "first", "even", "oracle"]
    """Translations of a run, models of a system, or a choice from n-best lists: the first pass's own, that of the even
    average of both scores, or the oracle's."""
    reverse_source: bool | None = None
    models: int | None = None
    beam: int | None = None
    layers: int | None = None
    foreign: bool | None = None
    """Whether the lists are another system's, not ours."""
    network: str = "lstm"
    """The kind of network, as `matching.network` returns it."""


@dataclass(frozen=True)
class Cell:
    """A score in a table of the paper."""

    id: str
    section: str
    statement: str
    paper: float
    side: Side | None
    """The result of ours to compare; None for a system that this project does not build."""


@dataclass(frozen=True)
class Claim:
    """A claim that a weighted sum of BLEU scores lies above zero."""

    id: str
    section: str
    statement: str
    paper: tuple[float, ...]
    """The paper's scores, in the order of the sides."""
    sides: tuple[Side, ...]
    weights: tuple[float, ...] = (-1.0, 1.0)
    only_if: tuple[float, ...] | None = None
    """Weights of a second sum; unless it lies above zero, the claim stays undecided."""
    alike: bool = True
    """Whether the sides must be equal in all properties that the claim does not name."""


@dataclass(frozen=True)
class PerplexityClaim:
    """A claim that the second side's models have the lower perplexity."""

    id: str
    section: str
    statement: str
    paper: tuple[float, ...]
    """The paper's perplexities; empty where it gives none."""
    change: float
    """The paper's relative change from the first side's perplexity."""
    sides: tuple[Side, Side]


@dataclass(frozen=True)
class LayerShare:
    """A claim about the relative change of perplexity for each added layer, on average over the added layers."""

    id: str
    section: str
    statement: str
    paper: float
    """The paper's relative change; below zero is a decrease."""
    low: float
    high: float
    """The change counts as equivalent to the paper's between `low` and `high`."""


@dataclass(frozen=True)
class LengthClaim:
    """A claim that longer test sentences lose at most a margin of BLEU against shorter ones."""

    id: str
    section: str
    statement: str
    margin: float
    """The largest loss in BLEU points at which the claim holds."""
    longer: Literal["longest fifth", "all longer"]
    """The longer group: the longest fifth of the sentences below `LONG` tokens, compared with their middle fifth, or
    the sentences of `LONG` tokens and more, compared with the longest fifth below."""


LONG = 35  # source tokens, section 3.7 of the paper
FIFTHS = 5

FORWARD = Side("run", reverse_source=False, models=1, beam=12)
REVERSED = Side("run", reverse_source=True, models=1, beam=12)


def ensemble(models: int, beam: int | None) -> Side:
    """Return a side of an ensemble of models that read the source in reverse."""
    return Side("run", reverse_source=True, models=models, beam=beam)


CELLS = (
    Cell("table-1-bahdanau", "Table 1", "Bahdanau et al.", 28.45, Side("run", models=1, network="bahdanau")),
    Cell("table-1-baseline", "Table 1", "Baseline SMT system", 33.30, Side("first", foreign=True)),
    Cell("table-1-forward", "Table 1", "Single forward LSTM, beam size 12", 26.17, FORWARD),
    Cell("table-1-reversed", "Table 1", "Single reversed LSTM, beam size 12", 30.59, REVERSED),
    Cell("table-1-five-beam-1", "Table 1", "Ensemble of 5 reversed LSTMs, beam size 1", 33.00, ensemble(5, 1)),
    Cell("table-1-two-beam-12", "Table 1", "Ensemble of 2 reversed LSTMs, beam size 12", 33.27, ensemble(2, 12)),
    Cell("table-1-five-beam-2", "Table 1", "Ensemble of 5 reversed LSTMs, beam size 2", 34.50, ensemble(5, 2)),
    Cell("table-1-five-beam-12", "Table 1", "Ensemble of 5 reversed LSTMs, beam size 12", 34.81, ensemble(5, 12)),
    Cell("table-2-baseline", "Table 2", "Baseline SMT system", 33.30, Side("first", foreign=True)),
    Cell("table-2-cho", "Table 2", "Cho et al.", 34.54, None),
    Cell("table-2-best", "Table 2", "Best WMT'14 result", 37.0, None),
    Cell("table-2-forward", "Table 2", "Lists rescored with a single forward LSTM", 35.61, Side("even", False, 1)),
    Cell("table-2-reversed", "Table 2", "Lists rescored with a single reversed LSTM", 35.85, Side("even", True, 1)),
    Cell("table-2-five", "Table 2", "Lists rescored with 5 reversed LSTMs", 36.5, Side("even", True, 5)),
    Cell("table-2-oracle", "Table 2", "Oracle rescoring of the lists", 45.0, Side("oracle")),
)

REVERSAL = PerplexityClaim(
    "reversal-perplexity",
    "3.3",
    "Reversing the source sentences lowers perplexity",
    (5.8, 4.7),
    4.7 / 5.8 - 1,
    (Side("model", reverse_source=False), Side("model", reverse_source=True)),
)
LAYERS = tuple(
    PerplexityClaim(
        f"layer-{layers + 1}",
        "3.4",
        f"The {ordinal} layer lowers perplexity",
        (),
        -0.1,
        (Side("model", layers=layers), Side("model", layers=layers + 1)),
    )
    for layers, ordinal in enumerate(("second", "third", "fourth"), 1)
)
CLAIMS = (
    Claim(
        "reversal-bleu",
        "3.3, Table 1",
        "Reversing the source sentences lifts BLEU",
        (26.17, 30.59),
        (Side("run", reverse_source=False, models=1), Side("run", reverse_source=True, models=1)),
    ),
    Claim(
        "beam",
        "3.2, Table 1",
        "A beam of 2 gives most of the gain of a beam of 12: more than half of it",
        (33.00, 34.50, 34.81),
        tuple(Side("run", reverse_source=True, beam=beam) for beam in (1, 2, 12)),
        weights=(-0.5, 1.0, -0.5),
        only_if=(-1.0, 0.0, 1.0),
    ),
    Claim(
        "ensemble-of-2",
        "3.6, Table 1",
        "Two models together lift BLEU above that of one",
        (30.59, 33.27),
        (ensemble(1, None), ensemble(2, None)),
    ),
    Claim(
        "ensemble-of-5",
        "3.6, Table 1",
        "Five models together lift BLEU above that of two",
        (33.27, 34.81),
        (ensemble(2, None), ensemble(5, None)),
    ),
    Claim(
        "baseline",
        "3.6, Table 1",
        "Five models together surpass the phrase-based baseline",
        (33.30, 34.81),
        (Side("first", foreign=True), ensemble(5, 12)),
        alike=False,
    ),
    Claim(
        "rescoring",
        "3.2, Table 2",
        "Rescoring n-best lists with an LSTM, or several, lifts BLEU",
        (33.30, 36.5),
        (Side("first", reverse_source=True), Side("even", reverse_source=True)),
    ),
    Claim(
        "rescoring-reversed",
        "Table 2",
        "A reversed LSTM rescores better than a forward one",
        (35.61, 35.85),
        (Side("even", reverse_source=False, models=1), Side("even", reverse_source=True, models=1)),
    ),
    Claim(
        "rescoring-five",
        "Table 2",
        "Five reversed LSTMs rescore better than one",
        (35.85, 36.5),
        (Side("even", reverse_source=True, models=1), Side("even", reverse_source=True, models=5)),
    ),
)

LAYER_SHARE = LayerShare(
    "layer-share", "3.4", "Each added layer lowers perplexity by nearly 10 %: by 5 to 15 %", -0.1, -0.15, -0.05
)

LENGTHS = (
    LengthClaim(
        "long-sentences",
        "3.7, Figure 3",
        "No loss on long sentences below 35 words: at most 2 points of BLEU",
        2.0,
        "longest fifth",
    ),
    LengthClaim(
        "longest-sentences",
        "3.7, Figure 3",
        "Only a small loss on the longest sentences: at most 5 points of BLEU",
        5.0,
        "all longer",
    ),
)


@dataclass(frozen=True)
class ProbeClaim:
    """A claim about the encoder's last states of sentences that differ in one property."""

    id: str
    section: str
    statement: str


WORD_ORDER = ProbeClaim(
    "word-order",
    "3.8, Figure 2",
    "The encoder's state depends on word order: sentences that say the same of the same lie together",
)
VOICE = ProbeClaim(
    "voice", "3.8, Figure 2", "The encoder's state hardly depends on voice: one event in several forms lies together"
)
