"""The message of a pipeline's execution: posted when it begins, edited as its steps go, final when it has ended."""

from collections.abc import Sequence

from trialbook.core.analysis.failures import essence
from trialbook.core.analysis.links import console_url, logs_url
from trialbook.core.analysis.wording import cut, duration, listed, moment, plural
from trialbook.core.announcements import Announcement
from trialbook.core.executions import Execution, Step
from trialbook.core.jobs import COMPLETED, FAILED, IN_PROGRESS
from trialbook.core.message import Fact, Link, Message, MessageKind, Mood, Table
from trialbook.core.messages import phrases
from trialbook.core.messages.owners import owner_of, shared_tags
from trialbook.core.rules.document import Rules

_MOODS = {None: Mood.BUSY, COMPLETED: Mood.GOOD, FAILED: Mood.BAD}
_WORDS = {IN_PROGRESS: "running"}
_IN_TITLE = 2  # steps that are named
_LONGEST_NAME = 60
_LONGEST_REASON = 1_200
_MOST_ROWS = 30
_MOST_REASONS = 5


def about(execution: Execution) -> str:
    """The key of an execution's message."""
    key = execution.key
    return f"pipeline/{key.account}/{key.region}/{key.name}"


def pipeline_message(event: Announcement, execution: Execution, rules: Rules) -> Message:
    """The execution's message as it stands now."""
    steps = execution.steps()
    failed = [each for each in steps if each.status == FAILED] if execution.status == FAILED else []
    standing = _standing(execution, steps, failed)
    name = f"execution {cut(execution.id, _LONGEST_NAME)}"
    return Message(
        id=event.id,
        about=about(execution),
        kind=MessageKind.PIPELINE,
        mood=_MOODS.get(execution.status, Mood.MIXED),
        experiment=execution.experiment,
        title=phrases.SEPARATOR.join((execution.experiment, name, standing)),
        subject=f"{execution.experiment}: {name} {standing}",
        verdict=_verdict(execution, steps, failed),
        at=execution.last_at,
        version=execution.version,
        revision=int(execution.is_over),  # channels that can't edit send the end beside the beginning
        is_final=execution.is_over,
        facts=_facts(execution, rules),
        table=_table(steps, is_over=execution.is_over),
        failures=_failures(failed),
        links=_links(execution, failed),
        tags=shared_tags(execution.jobs),
        event_type=event.type,
        by_request=True,
        owner=owner_of(execution.jobs, rules),
    )


def why_failed(execution: Execution) -> str | None:
    """Why it failed, as its first failed step tells: `step Train: ClientError: …`. None if no failed step is known."""
    failed = [each for each in execution.steps() if each.status == FAILED]
    if not failed:
        return None
    first, more = failed[0], len(failed) - 1
    others = f" (and {plural(more, 'more failed step')})" if more else ""
    return f"step {first.name}: {essence(first.failure_reason)}{others}"


def _standing(execution: Execution, steps: Sequence[Step], failed: Sequence[Step]) -> str:
    """How it stands: `running: Train (2 steps finished)`, `failed at step Train`, `finished in 34 min`."""
    took = _took(execution)
    if execution.status is None:
        names = _named([each for each in steps if not each.has_ended])
        ended = sum(each.has_ended for each in steps)
        so_far = f" ({plural(ended, 'step')} finished)" if ended else ""
        return f"running{f': {names}' if names else ''}{so_far}"
    if execution.status == COMPLETED:
        return f"finished{f' in {took}' if took else ''}"
    where = f" at {'step' if len(failed) == 1 else 'steps'} {_named(failed)}" if failed else ""
    return f"{execution.status.lower()}{where}{f' after {took}' if took else ''}"


def _took(execution: Execution) -> str:
    began, ended = execution.began_at, execution.ended_at
    return duration((ended - began).total_seconds()) if began and ended and ended > began else ""


def _named(steps: Sequence[Step]) -> str:
    return listed([cut(each.name, _LONGEST_NAME) for each in steps], _IN_TITLE)


def _verdict(execution: Execution, steps: Sequence[Step], failed: Sequence[Step]) -> str:
    if failed:
        first = failed[0]
        what = f"Step {cut(first.name, _LONGEST_NAME)}"
        job = f" (job {cut(first.job_name, _LONGEST_NAME)})" if first.job_name else ""
        return f"{what}{job} failed: {essence(first.failure_reason)}"
    if execution.status == FAILED:
        return "No failed step was reported."
    ended = sum(each.has_ended for each in steps)
    if execution.status is None:
        begun = f"{plural(len(steps), 'step')} began, {ended:,} finished" if steps else "No step has begun"
        return f"{begun}."
    return f"{plural(ended, 'step')} finished." if steps else ""


def _failures(failed: Sequence[Step]) -> tuple[str, ...]:
    """The failed steps; nothing if the verdict says it all."""
    if len(failed) == 1 and essence(failed[0].failure_reason) == (failed[0].failure_reason or "").strip():
        return ()
    return tuple(map(_reason, failed[:_MOST_REASONS]))


def _reason(step: Step) -> str:
    """A failed step with its job and the whole reason."""
    job = f", {cut(step.job_name, _LONGEST_NAME)}" if step.job_name else ""
    return f"{cut(step.name, _LONGEST_NAME)}{job}: {cut((step.failure_reason or '').strip(), _LONGEST_REASON)}".strip(
        ": "
    )


def _facts(execution: Execution, rules: Rules) -> tuple[Fact, ...]:
    lines = [Fact("Pipeline", execution.pipeline), Fact("Execution", execution.id)]
    if execution.began_at is not None:
        lines.append(Fact("Began", moment(execution.began_at)))
    owner = owner_of(execution.jobs, rules)
    return (*lines, Fact("Owner", owner)) if owner else tuple(lines)


def _table(steps: Sequence[Step], *, is_over: bool) -> Table | None:
    if not steps:
        return None
    rows = tuple(_row(each, is_over=is_over) for each in steps[:_MOST_ROWS])
    more = len(steps) - _MOST_ROWS
    caption = f"{plural(more, 'more step')} not shown" if more > 0 else ""
    return Table(("step", "type", "status", "time"), rows, numbers=(3,), caption=caption)


def _row(step: Step, *, is_over: bool) -> tuple[str, ...]:
    began, ended = step.started_at, step.ended_at
    took = duration((ended - began).total_seconds()) if began and ended and ended >= began else "–"
    status = "no end reported" if is_over and not step.has_ended else _WORDS.get(step.status, step.status.lower())
    return cut(step.name, _LONGEST_NAME), step.step_type or "–", status, took


def _links(execution: Execution, failed: Sequence[Step]) -> tuple[Link, ...]:
    """The execution's page, and page and logs of the job that failed."""
    record = next((each.record for each in failed if each.record is not None), None)
    links = (Link("Execution in the console", console_url(execution.key)),)
    if record is None:
        return links
    return (*links, Link("Failed job in the console", console_url(record.key)), Link("Its logs", logs_url(record.key)))
