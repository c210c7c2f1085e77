"""`trialbook rules`: the rules document, checked, tried out, stored and read."""

from collections import Counter
from pathlib import Path
from typing import Any

from rich.text import Text

from trialbook.core.analysis.wording import moment, plural
from trialbook.core.errors import InvalidInput, NotAJobEvent
from trialbook.core.events import parse_event
from trialbook.core.jobs import Job
from trialbook.core.numbers import shown
from trialbook.core.placement import LeftOut, place
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record
from trialbook.core.times import iso_or_none
from trialbook_book.book import Book
from trialbook_cli.frame import Source
from trialbook_cli.laptop_cloud import Recording, UnreadableRecording, read_recording
from trialbook_cli.listing import table_of
from trialbook_cli.messages_offline import Sent, messages_of_recording
from trialbook_cli.plain import OK, print_json
from trialbook_cli.replaying import Outcome
from trialbook_cli.rules_files import read_rules_file
from trialbook_cli.terminal import console, fail, safe


def check(path: Path) -> int:
    """Reads the document; a problem is told with its line."""
    rules = read_rules_file(path)
    parts = (
        (rules.placements, "rule", "rules"),
        (rules.experiments, "section of experiments", "sections of experiments"),
        (rules.routes, "route", "routes"),
        (rules.alerts, "alert", "alerts"),
        (rules.quiet_hours, "window of quiet hours", "windows of quiet hours"),
        (rules.owners, "owner", "owners"),
    )
    counted = ", ".join(plural(len(found), word, words) for found, word, words in parts if found)
    console.print(safe(f"{path}: valid; {counted or 'it says nothing'}", 2000), soft_wrap=True)
    return OK


def test(folder: Path, path: Path, *, as_json: bool) -> int:
    """What the document does to the jobs of a recording, without AWS."""
    rules = read_rules_file(path)
    try:
        recording = read_recording(folder)
    except UnreadableRecording as error:
        return fail(str(error))
    outcome, sent = messages_of_recording(recording, path.read_text(encoding="utf-8"))
    left_out = _left_out(recording, rules)
    if as_json:
        jobs, messages = [_line(record) for record in outcome.records], [_message(each) for each in sent]
        print_json({"jobs": jobs, "left_out": left_out, "told": told(outcome), "messages": messages})
        return OK
    headers = ("job", "placed by", "experiment", "trial", "sweep", "ranked by", "value")
    console.print(table_of(headers, [_row(record) for record in outcome.records], right=("value",)))
    for name, reason in sorted(left_out.items()):
        console.print(safe(f"left out: {name}, by {reason}", 400))
    console.print(Text("what is told", "bold"))
    for what, times in told(outcome).items():
        console.print(safe(f"  {times} x {what}", 400))
    console.print(Text("which messages go where", "bold"))
    console.print(table_of(("message", "to", "from", "edits"), [_message_row(each) for each in sent], right=("edits",)))
    return OK


def told(outcome: Outcome) -> dict[str, int]:
    """The announcements of a replay by type, for whoever listens on Trialbook's bus."""
    return dict(sorted(Counter(str(each["detail-type"]) for each in outcome.announced).items()))


def _left_out(recording: Recording, rules: Rules) -> dict[str, str]:
    """The jobs that the rules keep Trialbook away from, each with the reason."""
    found = {}
    for event in recording.events:
        try:
            job = parse_event(event)
        except NotAJobEvent:
            continue
        if isinstance(job, Job) and isinstance(placement := place(job, rules), LeftOut):
            found[job.name] = placement.reason
    return found


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


_LONGEST_DOCUMENT = 8192  # bytes; a parameter of SSM's advanced tier


def push(source: Source, path: Path) -> int:
    """Stores the document in the stack's SSM parameter, after checking it."""
    read_rules_file(path)
    text = path.read_text(encoding="utf-8")
    if (size := len(text.encode())) > _LONGEST_DOCUMENT:
        raise InvalidInput(
            str(path), f"{size:,} bytes", f"at most {_LONGEST_DOCUMENT:,}: SSM keeps no longer parameter"
        )
    name, client = _parameter(source.open_to_write())
    answer = client.put_parameter(Name=name, Value=text, Type="String", Tier="Intelligent-Tiering", Overwrite=True)
    told = f"{path} is version {answer['Version']} of {name}; the functions use it within a minute"
    console.print(safe(told, 2000), soft_wrap=True)
    return OK


def pull(book: Book, out: Path | None) -> int:
    """Prints the stored document, or writes it to a file."""
    name, client = _parameter(book)
    try:
        text = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except client.exceptions.ParameterNotFound:
        return fail(f"{name} does not exist: everything has its default. trialbook rules push FILE makes it", 1)
    if out is None:
        print(text)  # noqa: T201 byte for byte
    else:
        out.write_text(text, encoding="utf-8")
        console.print(safe(f"{name} is in {out}", 2000), soft_wrap=True)
    return OK


def _parameter(book: Book) -> tuple[str, Any]:
    name = book.stack.outputs.get("RulesParameter") if book.stack else None
    if name is None:
        raise InvalidInput("--stack", None, "a deployed stack: the rules document lies in its SSM parameter")
    return name, book.ledger.session.create_client("ssm")
