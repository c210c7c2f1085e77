"""`trialbook serve`."""

from typing import Annotated

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import OK
from trialbook_cli.options import source_of
from trialbook_cli.panels import FOLLOW

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=FOLLOW)
def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65_535, metavar="PORT", help="Port; 0 takes a free one.")] = 8765,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    open_page: Annotated[bool, typer.Option("--open", help="Open the index in the browser.")] = False,
) -> int:
    """Serves the reports of a book to the browser of this machine.

    Makes each page when it is asked for: the index, experiments, sweeps. Changes nothing. Whoever reaches ADDRESS can
    read the book. Needs a part: pip install 'trialbook[report]'.

    Example: trialbook serve --open --book demo-out/tuning-random-60
    """
    import contextlib
    import sys
    import webbrowser
    from concurrent.futures import ThreadPoolExecutor

    from trialbook_cli.opening import Opening
    from trialbook_cli.plain_output import say
    from trialbook_cli.serving.pages import Pages
    from trialbook_cli.serving.server import Server
    from trialbook_cli.usage_error import UsageError

    opening = Opening(source_of(context))
    thread = ThreadPoolExecutor(1)
    thread.submit(opening.book).result()
    try:
        server = Server(Pages(opening.book), thread, host, port)
    except OSError as error:
        raise UsageError(f"Can't listen on {host}:{port}: {error.strerror}. Choose another --port.") from error
    with server, contextlib.suppress(KeyboardInterrupt):
        say(f"{server.url} (Ctrl-C stops)")
        sys.stdout.flush()  # whoever starts it from a program waits for the address
        if open_page:
            webbrowser.open(server.url)
        server.serve_forever()
    return OK
