"""`trialbook prune`."""

from pathlib import Path
from typing import Annotated

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.options import source_of
from trialbook_cli.output_paths import output_folder
from trialbook_cli.panels import MAINTAIN

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=MAINTAIN)
def prune(
    context: typer.Context,
    older_than: Annotated[
        str, typer.Option(metavar="WHEN", help="Delete records inactive since this date or age (400d).")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the records; change nothing.")] = False,
    export_to: Annotated[
        Path | None,
        typer.Option("--export", metavar="DIR", callback=output_folder, help="Export the whole book here first."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
) -> int:
    """Deletes old records from the ledger.

    Deletes closed sweeps with their jobs, and single jobs. Reports in S3 are kept. The stack's parameter ExpireDays
    does the same for future jobs.

    Example: trialbook prune --older-than 400d --dry-run --book demo-out/churn-min-child-weight
    """
    from trialbook.core.analysis.wording import plural
    from trialbook.runtime import clock
    from trialbook_cli.backfilling import parse_since
    from trialbook_cli.book_export import export_book
    from trialbook_cli.pruning import delete, inactive_since
    from trialbook_cli.rich_output import console

    book = source_of(context).open_to_write()
    before = parse_since(older_than, clock.now(), "--older-than")
    old = inactive_since(book, before)
    found = f"{len(old.jobs):,} of {plural(old.all_jobs, 'job')} and {plural(len(old.sweeps), 'sweep')}"
    console.print(
        f"{found} inactive since {before:%Y-%m-%d} {'would' if dry_run else 'will'} be deleted", soft_wrap=True
    )
    if dry_run or (not old.jobs and not old.sweeps):
        return OK
    if export_to is not None:
        export_book(book, None, export_to, "jsonl")
        console.print(f"The whole book is exported to {export_to}", soft_wrap=True, markup=False)
    if not yes and not typer.confirm("Deleted records can't be restored. Delete them?"):
        console.print("Nothing was deleted.")
        return FAILED
    jobs, sweeps = delete(book, old)
    console.print(f"{plural(jobs, 'job')} and {plural(sweeps, 'sweep')} deleted")
    if jobs < len(old.jobs) or sweeps < len(old.sweeps):
        kept = f"{len(old.jobs) - jobs} jobs and {len(old.sweeps) - sweeps} sweeps"
        console.print(f"{kept} kept: they changed after they were listed")
    return OK
