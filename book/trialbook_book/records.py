"""A job as Python sees it: the ledger's record, with plain names, numbers as numbers, and a short repr."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, SupportsIndex, overload

from trialbook.core.hyper_parameters import is_internal, unquoted
from trialbook.core.messages.texts import visible
from trialbook.core.numbers import shown
from trialbook.core.sweeps import Record as LedgerRecord
from trialbook_book.columns import numbers

if TYPE_CHECKING:
    import pandas as pd
_FIELDS = tuple(each.name for each in fields(LedgerRecord))


class Record(LedgerRecord):
    """A job of the book: the ledger's record (see below) with shortcuts to what is asked for most."""

    __slots__ = ()

    @classmethod
    def of(cls, record: LedgerRecord) -> "Record":
        """The ledger's record as Python sees it."""
        return record if isinstance(record, cls) else cls(*(getattr(record, name) for name in _FIELDS))

    @property
    def name(self) -> str:
        """The job's name."""
        return self.job.name

    @property
    def status(self) -> str:
        """The job's status, in SageMaker's word."""
        return self.job.status

    @property
    def hyper_parameters(self) -> Mapping[str, int | float | str]:
        """The hyperparameters by name, numbers as numbers; those that SageMaker adds itself are left out."""
        given = sorted(self.job.hyper_parameters.items())
        return {name: numbers([unquoted(text)])[0] for name, text in given if not is_internal(name)}

    @property
    def metrics(self) -> Mapping[str, float]:
        """The final metrics by name; one that diverged is NaN or infinite."""
        found = self.job.final_metrics
        return {each.name: float(each.text or "nan") if each.value is None else each.value for each in found}

    def __repr__(self) -> str:
        metric = f"{visible(self.objective.metric)} " if self.objective else ""
        value = "no value" if self.value is None else f"{metric}{shown(self.value)}"
        return f"<Record {visible(self.name)}: {value}, {visible(self.status)}>"

    def _repr_html_(self) -> str:
        from trialbook_book.html import record_html

        return record_html(self)


class Records(tuple[Record, ...]):
    """Some jobs, in order."""

    __slots__ = ()

    @overload
    def __getitem__(self, at: SupportsIndex) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> "Records": ...
    def __getitem__(self, at: SupportsIndex | slice) -> "Record | Records":
        found = super().__getitem__(at)
        return Records(found) if isinstance(at, slice) else found  # type: ignore[arg-type, return-value]

    def to_pandas(self) -> "pd.DataFrame":
        """The jobs as a DataFrame, as `Jobs.to_pandas` gives it."""
        from trialbook_book.frames import job_frame

        return job_frame(self)

    def __repr__(self) -> str:
        count = f"{len(self)} job{'' if len(self) == 1 else 's'}"
        return f"<Records: {count}{', first ' + repr(self[0]) if self else ''}>"

    def _repr_html_(self) -> str:
        from trialbook_book.html import records_html

        return records_html(self)


def records_of(found: Iterable[LedgerRecord]) -> Records:
    """Ledger records as Python sees them."""
    return Records(map(Record.of, found))
