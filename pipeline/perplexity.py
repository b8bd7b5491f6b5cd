"""Measures how well every model predicts the development and test translations."""

import math
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import schemas, stage, tracking
from pipeline.parameters import read
from s2s import files, model
from s2s.data import EncodedCorpus
from s2s.device import prepare
from s2s.scoring import perplexity
from s2s.vocabulary import UNK

SPLITS = ("dev", "test")


def main(models: Path, encoded: Path, out: Path, table: Path) -> None:
    """Writes the perplexity of each model on each split, per target token with </s>.

    Args:
        models: folder of models, from the train stages.
        encoded: folder of encoded text, from the encode stage.
        out: JSON file to be written.
        table: CSV file of the same numbers to be written.
    """
    parameters = read()
    settings = parameters.perplexity
    device = prepare(settings.device, settings.threads)
    corpora = {split: EncodedCorpus.open(encoded, split) for split in SPLITS}
    with tracking.run() as tracked:
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for name, trained in parameters.models.items():
            folder = models / trained.system / str(trained.seed)
            schemas.check_vocabularies(folder, schemas.vocabularies_of(encoded))
            network = model.load(folder, str(device))
            found[name] = {}
            for split, corpus in corpora.items():
                evaluation = perplexity(network, corpus, settings.batch_tokens)
                found[name][split] = {
                    "perplexity": round(evaluation.perplexity, 6),
                    "tokens": evaluation.tokens,
                    "unknown_share": round(float((corpus.target.ids == UNK).sum()) / evaluation.tokens, 6),
                }
                tracked.metrics({f"perplexity.{split}.{name}": min(evaluation.perplexity, math.exp(80))})
        files.write_json(out, found)
        rows = [{"model": name, "split": split} | row for name, rows in found.items() for split, row in rows.items()]
        files.write_text(table, pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))


if __name__ == "__main__":
    stage.program(main)
