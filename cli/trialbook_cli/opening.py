"""A book that is asked for long: opened at the first question, and again if its files have changed."""

from pathlib import Path

from trialbook_book.book import Book
from trialbook_book.folder import files_of
from trialbook_cli.options import Source


class Opening:
    """Opens the book of a source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.opened: Book | None = None
        self._files: object = None

    def book(self) -> Book:
        """The book as it is now."""
        files = _marks(self.source.book) if self.source.book else None
        if self.opened is None or files != self._files:
            self.opened, self._files = self.source.open(), files
        return self.opened


def _marks(folder: Path) -> object:
    """A fingerprint of a book's files."""
    return [(path, path.stat().st_mtime_ns, path.stat().st_size) for path in files_of(folder)]
