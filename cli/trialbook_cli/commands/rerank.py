"""`trialbook rerank`: an experiment's jobs by today's objective."""

from pathlib import Path

from trialbook.ledger.bookkeeper import Bookkeeper
from trialbook.ledger.leading import list_experiment
from trialbook.runtime.observability import quiet
from trialbook_book.book import Book
from trialbook_cli.plain import BAD_INPUT, OK
from trialbook_cli.rules_files import read_rules_file
from trialbook_cli.terminal import console, fail, safe


def run(book: Book, experiment: str, rules: Path | None) -> int:
    """Re-ranks sweep by sweep and says what changed."""
    document = read_rules_file(rules) if rules else book.rules()
    keeper = Bookkeeper(book.ledger, document, lambda key, name: None)
    sweeps = changed = 0
    with quiet():
        for sweep, jobs in keeper.rerank_experiment(experiment):
            sweeps, changed = sweeps + 1, changed + jobs
            if jobs:
                console.print(safe(f"{sweep}: {jobs} jobs ranked anew", 200))
    if sweeps:
        list_experiment(experiment, book.ledger, document)
    else:
        return fail(f"experiment {experiment!r}: the ledger has no ranked jobs of it", BAD_INPUT)
    console.print(f"{changed} jobs of {sweeps} sweeps and single jobs ranked anew")
    return OK
