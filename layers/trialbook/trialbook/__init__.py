"""Tracks every SageMaker job: attaches, records, recognises sweeps, announces. `from trialbook import Book` asks it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialbook_book.book import Book as Book
    from trialbook_book.book import Jobs as Jobs

__all__ = ["Book", "Jobs"]


def __getattr__(name: str) -> Any:
    """The book is loaded when it is first named: functions that never ask it start faster."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from trialbook_book import book

    return getattr(book, name)
