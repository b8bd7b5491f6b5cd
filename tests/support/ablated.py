"""A report that compares systems, for tests of the report page."""

from pipeline.schemas.reports.ablations import Ablation, Ablations, Change, Cost, Difference, Perplexities, RunBleu


def report() -> Ablations:
    """Make a report on a base and two systems, of which `wide` has no BLEU, with all numbers different."""
    base = Ablation(
        "reversed",
        [],
        Perplexities([1], [3.4567], 3.4567, None, 1, None),
        RunBleu("single", "single", 1, 2, 68.1234, 66.2345, 70.3456, None),
        Cost(2_345_678, 11, 13, 1_234_567, 567_890),
    )
    deep = Ablation(
        "layers-2",
        [Change("model.layers", 1, 2), Change("train.decay", "cosine", "<b>&</b>")],
        Perplexities([1, 2], [3.1234, 3.2345], 3.17895, 0.0786, 1, Difference(-0.0912, -0.1123, -0.0714, 0.0099)),
        RunBleu("layers-2", "single", 1, 2, 70.9876, 69.1111, 72.2222, Difference(2.8642, 1.0101, 4.0404, 0.0198)),
        Cost(3_456_789, 11, 14, 2_222_222, 600_000),
    )
    wide = Ablation(
        "wide",
        [Change("model.hidden", 256, 512)],
        Perplexities([1], [3.5432], 3.5432, None, 1, Difference(0.0256, -0.0128, 0.0639, 0.3069)),
        None,
        Cost(9_876_543, 12, 13, 8_765_432, 567_891),
    )
    return Ablations("reversed", 1000, 30, 1002, [base, deep, wide], ["never"])
