"""The message of a single job: that it failed, or what came of it."""

from trialbook.core.analysis.costs import cost
from trialbook.core.analysis.differences import difference
from trialbook.core.analysis.failures import essence
from trialbook.core.analysis.model import Against, Difference
from trialbook.core.analysis.parameters import displayed_values
from trialbook.core.analysis.verdict import compared
from trialbook.core.analysis.wording import cut, duration, listed
from trialbook.core.announcements import Announcement
from trialbook.core.endings import why_not_ranked
from trialbook.core.jobs import COMPLETED, FAILED, Job, JobKey
from trialbook.core.message import Fact, Message, MessageKind, Mood
from trialbook.core.messages import phrases
from trialbook.core.messages.facts import JobFacts
from trialbook.core.messages.links import job_links
from trialbook.core.messages.owners import owner_of
from trialbook.core.messages.summary import spending_facts
from trialbook.core.numbers import shown, shown_text, told_apart
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import last_activity_of

_IN_TITLE = 40  # characters of a failure reason
_IN_SUBJECT = 80
_LONGEST_REASON = 1_200
_METRICS = 6
_CONSTANTS = 12


def about(key: JobKey) -> str:
    """The key of a job's message."""
    return f"job/{key.account}/{key.region}/{key.kind.value}/{key.name}"


def job_message(event: Announcement, facts: JobFacts, rules: Rules) -> Message:
    """The job's message as it stands now."""
    record = facts.record
    job, word = record.job, record.key.kind.facts.word
    outcome, short = _outcome(facts, is_title=True), _outcome(facts, is_title=False)
    state = job.status.lower()
    return Message(
        id=event.id,
        about=about(job.key),
        kind=MessageKind.JOB,
        mood=Mood.BAD if job.status == FAILED else Mood.GOOD if job.status == COMPLETED else Mood.MIXED,
        experiment=record.experiment,
        title=phrases.SEPARATOR.join(part for part in (record.experiment, f"{word} {state}", outcome) if part),
        subject=f"{record.experiment}: {word} {state}{f', {short}' if short else ''}",
        verdict=_verdict(facts),
        at=last_activity_of(job),
        version=record.version,
        sentences=_compared(facts),
        facts=_facts(facts, rules),
        constants=_constants(job),
        failures=_reasons(job),
        log=facts.log,
        links=job_links(facts),
        tags=job.tags,
        event_type=event.type,
        by_request=job.status != FAILED and not job.key.kind.is_trial,
        metrics=_metrics(facts),
        owner=owner_of([record], rules),
    )


def _reasons(job: Job) -> tuple[str, ...]:
    """SageMaker's whole reason, where that says more than the verdict."""
    reason = (job.failure_reason or "").strip()
    is_in_verdict = job.status == FAILED and reason == essence(reason)
    return () if job.status == COMPLETED or not reason or is_in_verdict else (cut(reason, _LONGEST_REASON),)


def _outcome(facts: JobFacts, *, is_title: bool) -> str:
    """What came of it, in short: its value, or why it failed; in the title only what kind of error that was, because
    the verdict that follows has the rest."""
    record = facts.record
    if record.job.status == FAILED:
        reason = essence(record.job.failure_reason)
        kind, colon, _ = reason.partition(":")
        return cut(kind if colon else reason, _IN_TITLE) if is_title else cut(reason, _IN_SUBJECT)
    if record.objective is None or record.value is None:
        return ""
    is_by_it = facts.before is not None and record.objective.is_like(facts.before.experiment_objective)
    before = facts.before.experiment_value if facts.before and is_by_it else None
    return f"{record.objective.metric} {told_apart(record.value, before)}"


def _verdict(facts: JobFacts) -> str:
    record = facts.record
    job = record.job
    took = f" after {duration(job.duration_seconds)}" if job.duration_seconds is not None else ""
    if job.status == FAILED:
        return f"{job.name} failed{took}: {essence(job.failure_reason)}"
    if record.objective is not None and record.value is not None:
        by = record.objective.type.lower()
        return f"{job.name} reached {record.objective.metric} {shown(record.value)} ({by}){took}."
    reason = why_not_ranked(record)
    why = f"; not ranked: {reason}" if reason else ""
    return f"{job.name} {job.status.lower()}{took}{why}."


def apart(facts: JobFacts) -> tuple[Difference, ...]:
    """The job beside the experiment's previous best it, where both have a value of the same objective."""
    record, before = facts.record, facts.before
    objective, value = record.experiment_objective, record.experiment_value
    if before is None or objective is None or value is None or before.experiment_value is None:
        return ()
    if not objective.is_like(before.experiment_objective):
        return ()
    other = (before.experiment_value, before.job.name, before.sweep)
    return (difference(Against.EXPERIMENT, value, *other, objective),)


def _compared(facts: JobFacts) -> tuple[str, ...]:
    """How far it is from the best before it, if that is by the objective that the verdict names."""
    objective = facts.record.objective
    if objective is None or not objective.is_like(facts.record.experiment_objective):
        return ()
    return tuple(compared(each) for each in apart(facts))


def _facts(facts: JobFacts, rules: Rules) -> tuple[Fact, ...]:
    record = facts.record
    lines = [Fact("Job", record.job.name)]
    if record.trial != record.job.name:
        lines.append(Fact("Trial", record.trial))
    if record.objective is not None:
        lines.append(Fact("Objective", f"{record.objective.label} ({record.objective.source.value})"))
    values = [f"{each.name} {shown(each.value)}" for each in record.job.final_metrics if each.value is not None]
    if values:
        lines.append(Fact("Final metrics", listed(values, _METRICS)))
    if record.job.queued_seconds is not None:
        lines.append(
            Fact("Waited in queue", f"{duration(record.job.queued_seconds)} in {record.job.queue or 'its queue'}")
        )
    spent = spending_facts(cost([record.job], record.job, facts.prices))
    lines += [each for each in spent if each.label not in ("Wall time", "Waited in queue")]  # both are said already
    owner = owner_of([record], rules)
    return (*lines, Fact("Owner", owner)) if owner else tuple(lines)


def _constants(job: Job) -> str:
    given = [f"{cut(name, 40)} = {cut(shown_text(text), 60)}" for name, text in displayed_values(job).items()]
    return listed(given, _CONSTANTS).replace(" and ", ", ") if given else ""


def _metrics(facts: JobFacts) -> dict[str, float]:
    record = facts.record
    final = {each.name: each.value for each in record.job.final_metrics if each.value is not None}
    ranked = {record.objective.metric: record.value} if record.objective and record.value is not None else {}
    return final | ranked
