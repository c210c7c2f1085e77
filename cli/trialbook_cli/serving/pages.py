"""The files that a deployed book has in its bucket, made of the book when they are asked for, under the same paths."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from trialbook.build_report import experiment_report_of
from trialbook.core import report_keys
from trialbook.core.analysis.digest import digest
from trialbook.core.analysis.model import Analysis
from trialbook.core.names import same_name
from trialbook.core.sweeps import Sweep
from trialbook.report import experiment_files, files, index_file
from trialbook_book.book import Book
from trialbook_book.jobs import Sweep as BookSweep

_KEPT = 20  # sweeps whose files are kept while they do not change
_EXPERIMENTS = "experiments"
State = tuple[str, int, int, int]


class Pages:
    """Makes the files of a book. `open_book` gives the book as it is now."""

    def __init__(self, open_book: Callable[[], Book]) -> None:
        self._open = open_book
        self._kept: OrderedDict[State, tuple[Analysis, Mapping[str, bytes]]] = OrderedDict()

    def file(self, path: str) -> bytes | None:
        """The file of a path such as `reports/index.html`; None if the book has none."""
        book = self._open()
        if path == report_keys.INDEX:
            return index_file(list(book.ledger.experiments))
        match path.split("/"):
            case [report_keys.ROOT, "experiments", segment, name]:
                return self._of_experiment(book, segment, name)
            case [report_keys.ROOT, segment, name]:
                sweep = _sweep(book, segment)
                return None if sweep is None else self._of_sweep(book, sweep)[1].get(name)
        return None

    def _of_sweep(self, book: Book, sweep: Sweep) -> tuple[Analysis, Mapping[str, bytes]]:
        state = (sweep.id, sweep.version, sweep.changes, sweep.revision)
        if state not in self._kept:
            analysis = BookSweep(book, sweep.id, sweep).analysis()
            links = {"experiment": report_keys.experiment_from_sweep(sweep.experiment)}
            self._kept[state] = analysis, files(analysis, links)
        self._kept.move_to_end(state)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return self._kept[state]

    def _of_experiment(self, book: Book, segment: str, name: str) -> bytes | None:
        experiment = _experiment(book, segment)
        if experiment is None:
            return None
        closed = [each.closed_at for each in book.ledger.sweeps_of(experiment) if each.closed_at is not None]
        as_of = max(closed, default=datetime.now(UTC))
        report, _, _ = experiment_report_of(experiment, book.services(), lambda each: self._digest(book, each), as_of)
        return experiment_files(report).get(name)

    def _digest(self, book: Book, sweep: Sweep) -> Analysis:
        """The digest that the sweep's own report keeps for comparisons. The sweep may come as its experiment ranks
        it."""
        own = book.ledger.sweep(sweep.id) or sweep
        return digest(self._of_sweep(book, own)[0])


def _sweep(book: Book, segment: str) -> Sweep | None:
    """The sweep whose folder has the name: as a rule its own; of a name that is no plain one, a part and a hash."""
    found = book.ledger.sweep(segment)
    if found is not None:
        return found
    return next((each for each in book.ledger.sweeps() if report_keys.safe(each.id) == segment), None)


def _experiment(book: Book, segment: str) -> str | None:
    names = (each.name for each in book.ledger.experiments)
    return next((name for name in names if report_keys.safe(same_name(name)) == segment), None)
