"""Rules that drop much of a corpus are told on the console, and refused beyond `clean.max_loss`."""

from collections.abc import Mapping, Sequence

from pipeline.schemas.reports.text import Rule
from pipeline.stages.clean.rules import Summary
from s2s.errors import check

TOLD = 5.0  # percent of a corpus; a rule that drops less is in the report only
ASKED = {"selection"}  # the user has said what share it drops


def tell(chosen: Sequence[Rule], books: Mapping[str, Summary], limit: float) -> None:
    """Print a line for each rule that drops more than `TOLD` percent of a corpus.

    Raises:
        UserError: a rule drops more than `limit` percent of a corpus.
    """
    for corpus, book in books.items():
        for rule in chosen:
            count = book.dropped[rule.rule]
            percent = 100 * count / max(1, book.pairs)
            if percent > min(TOLD, limit) and rule.rule not in ASKED:
                what = f"{count} of {book.pairs} pairs dropped by {rule.rule} ({rule.drops})"
                found = f"clean: {corpus}: found {what}, the first on line {book.examples[rule.rule][0].line}"
                check(percent <= limit, f"{found}; expected at most {limit:g} % (clean.max_loss)")
                print(found, flush=True)
