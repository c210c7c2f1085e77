"""`trialbook report`."""

from pathlib import Path
from typing import Annotated

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import OK
from trialbook_cli.options import AsJson, SweepName, source_of
from trialbook_cli.output_paths import output_folder
from trialbook_cli.panels import FOLLOW

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=FOLLOW)
def report(
    context: typer.Context,
    sweep: SweepName,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", callback=output_folder, help="Output folder; reports/SWEEP by default."),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: AsJson = False,
) -> int:
    """Writes a sweep's report: a page, a picture and the figures.

    Example: trialbook report churn-xgb --out build/report --book demo-out/churn-min-child-weight
    """
    import webbrowser

    from trialbook.core import report_keys
    from trialbook.report import files
    from trialbook_book.names import find_sweep
    from trialbook_cli.plain_output import print_json
    from trialbook_cli.rich_output import console, safe

    jobs = find_sweep(source_of(context).open(), sweep)
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
