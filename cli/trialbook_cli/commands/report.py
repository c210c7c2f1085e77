"""`trialbook report`: a sweep's report, computed here from the ledger."""

import webbrowser
from pathlib import Path

from trialbook.core import report_keys
from trialbook.report import files
from trialbook_book.book import Book
from trialbook_cli.plain import OK, print_json
from trialbook_cli.terminal import console, safe


def run(book: Book, name: str, out: Path | None, *, open_page: bool, as_json: bool) -> int:
    """Writes the files and says where they are, the answer first."""
    jobs = book.sweep(name)
    analysis = jobs.analysis()
    folder = out or Path(report_keys.latest(jobs.name))
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files(analysis).items():
        (folder / file).write_bytes(content)
    page = folder / report_keys.PAGE
    if as_json:
        print_json({"sweep": jobs.name, "headline": analysis.headline, "page": str(page)})
    else:
        console.print(safe(analysis.headline, 500), style="bold")
        console.print(safe(str(page), 4000), soft_wrap=True)
    if open_page:
        webbrowser.open(page.resolve().as_uri())
    return OK
