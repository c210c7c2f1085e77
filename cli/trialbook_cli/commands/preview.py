"""`trialbook preview`: what a recording makes people see in Slack and in their mail."""

from datetime import timedelta
from pathlib import Path

from trialbook.adapters.rules_document import read_rules
from trialbook.core.errors import InvalidRules
from trialbook_cli.laptop_cloud import Recording, UnreadableRecording, read_recording
from trialbook_cli.plain import OK
from trialbook_cli.previewing.mail_page import mail_page
from trialbook_cli.previewing.shots import browser, shoot
from trialbook_cli.previewing.slack_page import slack_page
from trialbook_cli.replaying import Outcome, outcome_of, running, write_outcome
from trialbook_cli.terminal import console, fail

_WIDTH = 900  # pixels


def run(folder: Path, out: Path, rules: Path | None, *, slack: bool, mail: bool, dark: bool) -> int:
    """Writes payloads, pages and pictures; both channels where none is named."""
    try:
        document = None if rules is None else rules.read_text(encoding="utf-8")
        if document is not None:
            read_rules(document)
        recording = read_recording(folder)
    except OSError as error:
        return fail(f"--rules {rules}: {error.strerror}")
    except InvalidRules as error:
        return fail("\n".join(f"{rules}: {problem}" for problem in error.problems))
    except UnreadableRecording as error:
        return fail(str(error))
    outcome = with_the_weekly_report(recording, document)
    write_outcome(outcome, out)
    pages = _pages(outcome, slack=slack or not mail, mail=mail or not slack)
    for name, text in pages.items():
        (out / name).write_text(text, encoding="utf-8")
    _show(out, pages, dark=dark)
    return OK


def with_the_weekly_report(recording: Recording, rules: str | None = None) -> Outcome:
    """A replay to its end, and on for a week, in which the best trials are told."""
    with running(recording, rules=rules) as (cloud, sagemaker):
        passed_by = 0
        for event in recording.events:
            passed_by += not cloud.deliver(event)
        cloud.finish()
        cloud.advance(cloud.now + timedelta(days=7))
        cloud.finish()
        return outcome_of(cloud, sagemaker, passed_by)


def _pages(outcome: Outcome, *, slack: bool, mail: bool) -> dict[str, str]:
    pages = {"slack.html": slack_page(outcome.slack)} if slack else {}
    if mail:
        pages |= {f"email-{number:04}.html": mail_page(each) for number, each in enumerate(outcome.mails, 1)}
    return pages


def _show(out: Path, pages: dict[str, str], *, dark: bool) -> None:
    program = browser()
    for name in pages:
        picture = out / name.replace(".html", ".png")
        made = program is not None and shoot(program, out / name, picture, width=_WIDTH, dark=dark)
        console.print(f"{out / name}{f', {picture.name}' if made else ''}", soft_wrap=True, markup=False)
    if program is None:
        console.print("No pictures were made: there is no Chromium on the PATH. The pages open in any browser.")
    console.print(f"As sent: {out}/slack/, {out}/email/", soft_wrap=True, markup=False)
