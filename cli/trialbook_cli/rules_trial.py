"""A rules document tried on a recording: where it places jobs, and which messages it causes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from trialbook.core.analysis.wording import moment
from trialbook.core.describe import job_from_detail
from trialbook.core.errors import NotAJobEvent
from trialbook.core.events import parse_event
from trialbook.core.jobs import Job
from trialbook.core.kinds import POLLED
from trialbook.core.numbers import shown
from trialbook.core.placement import LeftOut, place
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record
from trialbook.core.times import iso_or_none
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.messages_offline import Sent, messages_of_recording
from trialbook_cli.replaying import ReplayOutcome
from trialbook_cli.rich_output import console, safe
from trialbook_cli.rules_files import read_rules_file, read_rules_text
from trialbook_cli.sagemaker_stand_in import described_job
from trialbook_cli.tables import table_of


@dataclass(frozen=True, slots=True)
class Trial:
    """The effect of a rules document on the jobs of a recording."""

    outcome: ReplayOutcome
    messages: tuple[Sent, ...]
    left_out: dict[str, str]


def try_rules(recording: Recording, path: Path) -> Trial:
    """Replays the recording under the rules. Raises UsageError, InvalidRules."""
    rules = read_rules_file(path)
    outcome, messages = messages_of_recording(recording, read_rules_text(path))
    return Trial(outcome, messages, _left_out(recording, rules))


def trial_line(trial: Trial) -> dict[str, Any]:
    """The trial as JSON."""
    return {
        "jobs": [_line(record) for record in trial.outcome.records],
        "left_out": trial.left_out,
        "announced": announced(trial.outcome),
        "messages": [_message(each) for each in trial.messages],
    }


def show_trial(trial: Trial) -> None:
    """Prints jobs, events and messages."""
    headers = ("job", "placed by", "experiment", "trial", "sweep", "ranked by", "value")
    console.print(table_of(headers, [_row(record) for record in trial.outcome.records], right=("value",)))
    for name, reason in sorted(trial.left_out.items()):
        console.print(safe(f"left out: {name}, by {reason}", 400))
    console.print(Text("\nEvents on Trialbook's bus", "bold"))
    for name, times in announced(trial.outcome).items():
        console.print(safe(f"  {times} x {name}", 400))
    console.print(Text("\nMessages", "bold"))
    rows = [_message_row(each) for each in trial.messages]
    console.print(table_of(("message", "to", "when", "edits"), rows, right=("edits",)))


def announced(outcome: ReplayOutcome) -> dict[str, int]:
    """The number of events of each type on Trialbook's bus."""
    return dict(sorted(Counter(str(each["detail-type"]) for each in outcome.announced).items()))


def _left_out(recording: Recording, rules: Rules) -> dict[str, str]:
    """The jobs that the rules leave out, each with the reason."""
    found = {}
    for job in (*_of_events(recording), *_of_answers(recording)):
        if isinstance(placement := place(job, rules), LeftOut):
            found[job.name] = placement.reason
    return found


def _of_events(recording: Recording) -> Iterator[Job]:
    for event in recording.events:
        try:
            job = parse_event(event)
        except NotAJobEvent:
            continue
        if isinstance(job, Job):
            yield job


def _of_answers(recording: Recording) -> Iterator[Job]:
    """The jobs of which no events tell."""
    for answer in recording.answers:
        if answer["operation"] == POLLED[0].facts.describe:
            kind, final = described_job(answer)
            yield job_from_detail(kind, final, "", "", described=True)


def _ranked_by(record: Record) -> str | None:
    objective = record.objective
    if objective is None:
        return record.without_objective
    return f"{objective.type.value.lower()} {objective.metric}, by {objective.source.value}"


def _line(record: Record) -> dict[str, Any]:
    return {
        "job_name": record.job.name,
        "placed_by": record.placed_by,
        "experiment": record.experiment,
        "trial": record.trial,
        "sweep": record.sweep,
        "ranked_by": _ranked_by(record),
        "value": record.value,
    }


def _row(record: Record) -> list[str | Text]:
    texts = (record.job.name, record.placed_by, record.experiment, record.trial, record.sweep, _ranked_by(record))
    value = "–" if record.value is None else shown(record.value)
    return [*(safe(text or "–", 120) for text in texts), value]


def _message(sent: Sent) -> dict[str, Any]:
    message, to = sent.message, sent.to
    return {
        "about": message.about,
        "kind": message.kind.value,
        "status": message.mood.value,
        "title": message.title,
        "thread_of": message.parent,
        "channel": to.channel.value,
        "address": to.address,
        "mention": to.mention,
        "not_before": iso_or_none(to.not_before),
        "edits": sent.edits,
    }


def _message_row(sent: Sent) -> list[str | Text]:
    message, to = sent.message, sent.to
    title = f"↳ {message.title}" if message.parent else message.title
    where = f"{to.channel.value} {to.address}{f', mentions {to.mention}' if to.mention else ''}"
    waits = moment(to.not_before) if to.not_before else "at once"
    return [safe(title, 200), safe(where, 200), waits, str(sent.edits)]
