"""`trialbook export`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import OK
from trialbook_cli.options import AsJson, complete_names, source_of
from trialbook_cli.output_paths import output_folder
from trialbook_cli.panels import MAINTAIN

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Format(StrEnum):
    """The formats of jobs and sweeps."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


@app.command(cls=BookCommand, rich_help_panel=MAINTAIN)
def export(
    context: typer.Context,
    out: Annotated[Path, typer.Option(metavar="DIR", callback=output_folder, help="Output folder.")],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Only this sweep or experiment; everything by default.", autocompletion=complete_names
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", metavar="FORMAT", help="csv, jsonl or parquet.")] = Format.JSONL,
    as_json: AsJson = False,
) -> int:
    """Writes jobs, sweeps and the book itself as files.

    --book reads the folder and gives the same answers. Parquet needs an extra: pip install 'trialbook[parquet]'.
    Parts of the table are read at once, and slower if DynamoDB throttles. An interrupted export leaves the earlier
    files: repeat the command.

    Example: trialbook export --format csv --out build/export --book demo-out/churn-min-child-weight
    """
    from trialbook.core.analysis.wording import plural
    from trialbook_book.folder import FILE
    from trialbook_cli.book_export import export_book
    from trialbook_cli.plain_output import print_json
    from trialbook_cli.rich_output import console, progress, safe

    book = source_of(context).open()
    part = book.find(name) if name is not None else None
    with progress() as bar:
        task = bar.add_task("items read", total=None)
        written = export_book(book, part, out, form.value, lambda items: bar.advance(task, items))
    if as_json:
        print_json({"jobs": written.jobs, "sweeps": written.sweeps, "out": str(out)})
    else:
        files = f"jobs.{form}, sweeps.{form}, {FILE}"
        line = f"{plural(written.jobs, 'job')} and {plural(written.sweeps, 'sweep')} written to {out}: {files}"
        console.print(safe(line, 4000), soft_wrap=True)
    return OK
