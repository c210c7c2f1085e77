"""`trialbook demo`."""

from pathlib import Path

import typer

from trialbook_cli.command_classes import LaptopCommand
from trialbook_cli.exit_codes import OK
from trialbook_cli.options import Out
from trialbook_cli.panels import TRY

app = typer.Typer(add_completion=False, rich_markup_mode=None)

RECORDINGS_SHOWN = ("churn-min-child-weight", "tuning-random-60")


@app.command(cls=LaptopCommand, rich_help_panel=TRY)
def demo(out: Out = Path("demo-out")) -> int:
    """Replays two recordings of real training on this machine.

    The first is a loop of five XGBoost training jobs over min_child_weight, the second a tuning job with sixty training
    jobs. Needs no AWS account.

    Example: trialbook demo
    """
    from trialbook_cli.project import RECORDINGS
    from trialbook_cli.recordings import recording_in
    from trialbook_cli.replay_summary import replay_with_progress, say_what_is_next, show_replay
    from trialbook_cli.replaying import write_outcome
    from trialbook_cli.rich_output import console

    outcomes = {}
    for name in RECORDINGS_SHOWN:
        outcomes[name] = replay_with_progress(recording_in(RECORDINGS / name))
        write_outcome(outcomes[name], out / name)
        show_replay(name, outcomes[name], out / name)
        console.print()
    say_what_is_next(out / RECORDINGS_SHOWN[0], outcomes[RECORDINGS_SHOWN[0]])
    return OK
