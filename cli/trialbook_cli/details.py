"""Everything about a job, and a summary of a sweep, as `trialbook show` prints them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rich.text import Text

from trialbook.core.analysis.wording import RESERVED, duration
from trialbook.core.attachments import Attachment
from trialbook.core.curves.log_end import MOST_BYTES
from trialbook.core.endings import why_not_ranked
from trialbook.core.hyper_parameters import is_internal
from trialbook.core.jobs import FAILED
from trialbook.core.messages.delivery import Delivery
from trialbook.core.numbers import shown
from trialbook.core.sweeps import Record, Sweep
from trialbook.core.times import iso_or_none
from trialbook_book.book import Book
from trialbook_cli import sent_messages
from trialbook_cli.outputs import Line, job_line, sweep_line
from trialbook_cli.plain_output import facts
from trialbook_cli.rich_output import console, safe
from trialbook_cli.tables import table_of


def log_end(book: Book, record: Record) -> str:
    """The end of a failed job's log; empty if none is kept, or the credentials do not allow to read it."""
    is_kept = record.job.status == FAILED and (book.folder is not None or book.stack is not None)
    return book.log_end(record) if is_kept else ""


def show_job(record: Record, attachment: Attachment | None, messages: Sequence[Delivery], log: str) -> None:
    """Prints a job."""
    console.print(Text(record.job.name, "bold"))
    facts([*_facts(record, attachment), *sent_messages.facts(messages)])
    _values("hyperparameters", {k: v for k, v in record.job.hyper_parameters.items() if not is_internal(k)})
    _metrics(record)
    _values("tags", record.job.tags)
    if log:
        console.print("\n[bold]end of the log[/]")
        for line in log.split("\n"):
            console.print(safe(f"  {line}", MOST_BYTES), markup=False, highlight=False, soft_wrap=True)


def show_sweep(sweep: Sweep, messages: Sequence[Delivery]) -> None:
    """Prints a sweep."""
    counts = {name.replace("_", " "): getattr(sweep.counts, name) for name in sweep.counts.__slots__}
    console.print(Text(sweep.id, "bold"))
    facts(
        [
            ("status", sweep.state.value if sweep.revision < 2 else f"{sweep.state.value}, revision {sweep.revision}"),
            ("experiment", sweep.experiment),
            ("jobs", ", ".join(f"{number} {word}" for word, number in counts.items() if number)),
            ("best", None if sweep.best is None else f"{sweep.best.job_name} {shown(sweep.best.value)}"),
            ("started", _moment(sweep.began_at)),
            ("ended", _moment(sweep.ended_at)),
            *sent_messages.facts(messages),
        ]
    )


def sweep_line_in_detail(sweep: Sweep, messages: Sequence[Delivery]) -> Line:
    """A sweep as JSON."""
    return {**sweep_line(sweep), "messages": [sent_messages.line(each) for each in messages]}


def job_line_in_detail(
    record: Record, attachment: Attachment | None, messages: Sequence[Delivery], log: str = ""
) -> Line:
    """A job as JSON."""
    job = record.job
    return {
        **job_line(record),
        "arn": job.arn,
        "placed_by": record.placed_by,
        "without_objective": record.without_objective,
        "secondary_status": job.secondary_status,
        "tags": dict(job.tags),
        "image": job.image or job.algorithm,
        "instances": [{"type": each.instance_type, "count": each.instance_count} for each in job.instances],
        "training_plan": job.training_plan,
        "queue": job.queue,
        "submitted_at": iso_or_none(job.submitted_at),
        "scheduled_at": iso_or_none(job.scheduled_at),
        "queued_seconds": job.queued_seconds,
        "attempt": job.attempt,
        "retried_as": job.retried_as,
        "model_artifact": job.model_artifact,
        "attached": None if attachment is None else attachment.is_attached,
        "attachment_problem": attachment.problem if attachment else None,
        "log_end": log or None,
        "messages": [sent_messages.line(each) for each in messages],
    }


def _facts(record: Record, attachment: Attachment | None) -> list[tuple[str, str | None]]:
    job, objective = record.job, record.objective
    seconds = job.duration_seconds
    value = "no value" if record.value is None else shown(record.value)
    return [
        (
            "status",
            job.status if job.secondary_status in (None, job.status) else f"{job.status}, {job.secondary_status}",
        ),
        ("failure", job.failure_reason),
        ("objective", f"{objective.metric} {value} ({objective.type.value.lower()})" if objective else None),
        ("not ranked", why_not_ranked(record)),
        ("experiment", record.experiment),
        ("trial", record.trial),
        ("sweep", record.sweep),
        ("placed by", record.placed_by),
        ("attached", _attached(attachment)),
        ("started", _moment(job.started_at or job.created_at)),
        ("ended", _moment(job.ended_at)),
        ("took", None if seconds is None else duration(seconds)),
        ("queue", job.queue),
        ("waited", None if job.queued_seconds is None else duration(job.queued_seconds)),
        ("attempt", None if job.attempt is None else str(job.attempt)),
        ("billed", None if job.billable_seconds is None else duration(job.billable_seconds)),
        ("billed tokens", None if job.billable_tokens is None else f"{job.billable_tokens:,}"),
        ("machines", ", ".join(f"{each.instance_count} x {each.instance_type}" for each in job.instances) or None),
        ("training plan", f"{job.training_plan} ({RESERVED})" if job.training_plan else None),
        ("image", job.image or job.algorithm),
        *(("data", f"{each.name}: {each.data}") for each in job.channels if each.data),
        ("model", job.model_artifact),
        ("role", job.role),
        ("arn", job.arn),
    ]


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _attached(attachment: Attachment | None) -> str | None:
    if attachment is None:
        return None
    if attachment.is_attached:
        return "yes"
    return f"no: {attachment.problem or 'not yet'}" + (
        f"; next attempt at {_moment(attachment.again_at)}" if attachment.again_at else ""
    )


def _values(title: str, values: Mapping[str, str]) -> None:
    pairs = sorted(values.items())
    if pairs:
        console.print(Text(f"\n{title}", "bold"))
        facts([(f"  {safe(key, 80)}", value) for key, value in pairs])


def _metrics(record: Record) -> None:
    if not record.job.final_metrics:
        return
    console.print(Text("\nfinal metrics", "bold"))
    headers = ("metric", "last", "min", "max", "mean", "values")
    rows: list[list[str | Text]] = [
        [
            safe(each.name, 120),
            each.text or _shown(each.value),
            *map(_shown, (each.minimum, each.maximum, each.average)),
            "–" if each.count is None else str(each.count),
        ]
        for each in record.job.final_metrics
    ]
    console.print(table_of(headers, rows, right=headers[1:]))


def _shown(value: float | None) -> str:
    return "–" if value is None else shown(value)
