"""Tracks every SageMaker job: attaches, records, recognises sweeps, announces. `from trialbook import Book` asks it."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialbook_book.book import Book as Book
    from trialbook_book.jobs import Experiment as Experiment
    from trialbook_book.jobs import Jobs as Jobs
    from trialbook_book.jobs import Sweep as Sweep
    from trialbook_book.records import Record as Record

_WHERE = {"Book": "book", "Experiment": "jobs", "Jobs": "jobs", "Record": "records", "Sweep": "jobs"}
__all__ = ["Book", "Experiment", "Jobs", "Record", "Sweep"]

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    from trialbook.runtime import start

    start.hasten()


def __getattr__(name: str) -> Any:
    """The book is loaded when it is first named: functions that never ask it start faster."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"trialbook_book.{_WHERE[name]}"), name)
