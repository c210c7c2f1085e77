"""What sweeps and experiments ask of the book that they are from."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Protocol

from trialbook.core.jobs import JobKey
from trialbook_book.paged import PagedLedger

if TYPE_CHECKING:
    from trialbook.adapters.s3 import Readable
    from trialbook.core.curves.series import JobCurves
    from trialbook.core.sweeps import Record
    from trialbook.services import Services
    from trialbook_book.curves import Curves


class Asked(Protocol):
    """The book's ledger, what was kept of jobs beside it, and services that only read."""

    @property
    def ledger(self) -> PagedLedger:
        """The ledger."""

    def curves(self, job: "str | Record") -> "Curves | None":
        """How a job learned; None if nothing was kept."""

    def kept_curves(self, keys: Collection[JobKey]) -> "Mapping[JobKey, JobCurves]":
        """The curves that are kept of jobs."""

    def kept_files(self) -> "Readable | None":
        """A reader of what was kept of jobs."""

    def services(self) -> "Services":
        """Services for use cases that only read."""
