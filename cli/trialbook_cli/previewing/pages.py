"""The pages of a preview, with a picture of each if there is a browser."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.previewing.mail_page import mail_page
from trialbook_cli.previewing.shots import browser, shoot
from trialbook_cli.previewing.slack_page import slack_page
from trialbook_cli.replaying import ReplayOutcome, outcome_of, running
from trialbook_cli.rich_output import console

_WIDTH = 900  # pixels


def with_weekly_report(recording: Recording, rules: str | None = None) -> ReplayOutcome:
    """A replay to its end and a week more, in which the weekly report is sent."""
    with running(recording, rules=rules) as (cloud, sagemaker):
        passed_by = 0
        for event in recording.events:
            passed_by += not cloud.deliver(event)
        cloud.finish()
        cloud.advance(cloud.now + timedelta(days=7))
        cloud.finish()
        return outcome_of(cloud, sagemaker, passed_by)


def pages_of(outcome: ReplayOutcome, *, slack: bool, email: bool) -> dict[str, str]:
    """HTML by file name."""
    pages = {"slack.html": slack_page(outcome.slack)} if slack else {}
    if email:
        pages |= {f"email-{number:04}.html": mail_page(each) for number, each in enumerate(outcome.mails, 1)}
    return pages


def save_pages(pages: Mapping[str, str], out: Path, *, dark: bool) -> None:
    """Writes pages and pictures and prints their paths."""
    program = browser()
    for name, text in pages.items():
        (out / name).write_text(text, encoding="utf-8")
        picture = out / name.replace(".html", ".png")
        made = program is not None and shoot(program, out / name, picture, width=_WIDTH, dark=dark)
        console.print(f"{out / name}{f', {picture.name}' if made else ''}", soft_wrap=True, markup=False)
    if program is None:
        console.print("No pictures: Chromium is not on the PATH. Any browser opens the pages.")
    console.print(f"Messages as sent: {out}/slack/, {out}/email/", soft_wrap=True, markup=False)
