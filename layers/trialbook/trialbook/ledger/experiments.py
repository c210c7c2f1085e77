"""The experiments' entries: one for each experiment, with its objective, its best job and sums over its sweeps."""

from collections.abc import Iterator

from trialbook.core.experiments import Experiment
from trialbook.core.names import same_name
from trialbook.ledger.items import experiment_item, read_experiment
from trialbook.ledger.table import EXPERIMENTS, LedgerTable


class Experiments:
    """The entries of a ledger's experiments."""

    def __init__(self, table: LedgerTable) -> None:
        self._table = table
        self._known: set[str] = set()  # experiments that have an entry

    def __iter__(self) -> Iterator[Experiment]:
        """All experiments, one Query for each megabyte of them."""
        yield from map(read_experiment, self._table.item.query(EXPERIMENTS))

    def get(self, name: str) -> Experiment | None:
        """An experiment's entry, with its objective."""
        item = self._table.get(EXPERIMENTS, same_name(name))
        return None if item is None else read_experiment(item)

    def put(self, experiment: Experiment) -> None:
        """Writes an experiment's entry."""
        self._table.item(**experiment_item(experiment)).save()

    def add(self, name: str) -> None:
        """Gives an experiment an entry if it has none. A process asks once for each experiment."""
        if same_name(name) not in self._known:
            self._table.save_if(self._table.item(**experiment_item(Experiment(name))), self._table.is_new())
            self._known.add(same_name(name))
