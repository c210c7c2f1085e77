"""A sweep's report as Python has it: the files that are in the bucket of a deployed book."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialbook.core import report_keys
from trialbook.core.analysis.serialised import to_dict
from trialbook.errors import MissingPart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbook.core.analysis.model import Analysis


class Report:
    """A report: `analysis` has its figures, `page` is its HTML."""

    def __init__(self, analysis: "Analysis") -> None:
        self.analysis = analysis

    @cached_property
    def files(self) -> "Mapping[str, bytes]":
        """The report by file name. Raises MissingPart if what draws is not installed."""
        try:
            from trialbook.report import files

            return files(self.analysis)
        except ModuleNotFoundError as error:
            raise MissingPart("report", "A report") from error

    @property
    def headline(self) -> str:
        """The answer in a line."""
        return self.analysis.headline

    @property
    def page(self) -> str:
        """The page, complete in itself."""
        return self.files[report_keys.PAGE].decode()

    @property
    def data(self) -> dict[str, Any]:
        """report.json: all figures."""
        return to_dict(self.analysis)

    def save(self, folder: str | Path) -> Path:
        """Writes page, picture and figures, and returns the page's path."""
        out = Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (out / name).write_bytes(content)
        return out / report_keys.PAGE

    def __repr__(self) -> str:
        return f"<Report {self.headline}>"

    def _repr_html_(self) -> str:
        from trialbook_book.html import report_html

        return report_html(self.analysis)
