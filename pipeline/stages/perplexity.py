"""Stage `perplexity`: measure how well every model predicts the development and test translations."""

import math
from pathlib import Path

from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import check_vocabularies, vocabularies_of
from pipeline.schemas.data.trained import Perplexity
from pipeline.schemas.reports.scores import Scores, write_sentence_scores
from pipeline.tracking import run as tracking
from s2s.data.corpus import EncodedCorpus
from s2s.device import prepare
from s2s.errors import check
from s2s.model import folder as model_folder
from s2s.model.scoring import Evaluation, sentence_log_probs
from s2s.text.vocabulary import UNK

SPLITS = ("dev", "test")
WANTED = "expected weights that give finite ones"


def main(models: Path, encoded: Path, out: Path, table: Path, sentences: Path) -> None:
    """Write the perplexity of each model on each split, per target token with </s>.

    Args:
        models: folder of models, from the train stages.
        encoded: folder of encoded text, one folder for each vocabulary, from the encode stages.
        out: JSON file to be written.
        table: CSV file of the same numbers to be written.
        sentences: Parquet file to be written, with the log-probability of each test sentence by each model.
    """
    parameters = read()
    settings = parameters.perplexity
    device = prepare(settings.device, settings.threads)
    with tracking.run() as tracked:
        results: dict[str, dict[str, Perplexity]] = {}
        scored: dict[str, Scores] = {}
        for name, trained in parameters.models.items():
            folder, text = models / trained.system / str(trained.seed), encoded / trained.vocabulary
            check_vocabularies(folder, vocabularies_of(text))
            network = model_folder.load(folder, str(device))
            results[name] = {}
            for split in SPLITS:
                corpus = EncodedCorpus.open(text, split)
                scores = sentence_log_probs(network, corpus, settings.batch_tokens)
                evaluation = Evaluation(float(scores.sum()), int(corpus.target.lengths.sum()))
                check(
                    math.isfinite(evaluation.log_prob),
                    f"{folder}: found predictions of {split} that are no numbers; {WANTED}",
                )
                scored[name] = Scores(corpus.target.lengths, scores)  # the last split, test, stays
                results[name][split] = Perplexity(
                    perplexity=round(evaluation.perplexity, 6),
                    tokens=evaluation.tokens,
                    unknown_share=round(float((corpus.target.ids == UNK).sum()) / evaluation.tokens, 6),
                )
                tracked.metrics({f"perplexity.{split}.{name}": min(evaluation.perplexity, math.exp(80))})
        records.write(out, results)
        write_sentence_scores(sentences, scored)
        places = [(name, split) for name in results for split in SPLITS]
        records.write_csv(
            table, ({"model": name, "split": split} | vars(results[name][split]) for name, split in places)
        )


if __name__ == "__main__":
    program.program(main)
