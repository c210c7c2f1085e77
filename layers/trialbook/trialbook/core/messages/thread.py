"""The thread of a sweep's message: new bests, failures job by job, the report's file."""

from collections.abc import Mapping
from typing import Any

from trialbook.core.analysis.differences import difference
from trialbook.core.analysis.model import Against, FailureGroup
from trialbook.core.analysis.parameters import shown_values
from trialbook.core.analysis.verdict import assignments, distance
from trialbook.core.analysis.wording import listed, plural
from trialbook.core.announcements import Announcement
from trialbook.core.message import Message, MessageKind, Mood, Stored
from trialbook.core.messages import phrases
from trialbook.core.messages.facts import SweepFacts, version
from trialbook.core.messages.leaders import leaders
from trialbook.core.messages.owners import owner_of, shared_tags
from trialbook.core.messages.summary import failure, log_of_failures
from trialbook.core.messages.sweep import about, moment
from trialbook.core.numbers import number_of, shown
from trialbook.core.objectives import Objective, ObjectiveSource, ObjectiveType
from trialbook.core.report_keys import PAGE
from trialbook.core.rules.document import Rules

_NAMED = 10  # failed jobs of a reason


def new_best(event: Announcement, facts: SweepFacts, rules: Rules) -> Message | None:
    """That a job beat the best so far, as it was then. None for the first result, which the sweep's message shows."""
    new, old = event.detail.get("new"), event.detail.get("old")
    objective = _objective(event)
    if not isinstance(new, Mapping) or not isinstance(old, Mapping) or objective is None:
        return None
    apart = difference(Against.RUNNER_UP, new["value"], old["value"], old["job_name"], None, objective)
    value = shown(new["value"])
    where = _where(new["hyper_parameters"], leaders(facts).parameters)
    sweep_id = event.detail["sweep"]["sweep"]
    return _in_thread(
        event,
        facts,
        rules,
        kind=MessageKind.NEW_BEST,
        mood=Mood.GOOD,
        about=f"{about(sweep_id)}/best/{new['job_name']}",
        title=f"{facts.sweep.experiment}{phrases.SEPARATOR}new best {objective.metric} {value}",
        subject=f"{facts.sweep.experiment}: new best {objective.metric} {value}",
        verdict=f"{value}{where} is better than the previous best ({shown(old['value'])}) by {distance(apart)}.",
        version=1,
        metrics={objective.metric: new["value"]},
    )


def _objective(event: Announcement) -> Objective | None:
    named = event.detail["sweep"].get("objective")
    if named is None:
        return None
    return Objective(named["metric"], ObjectiveType(named["type"]), ObjectiveSource(named["source"]))


def _where(hyper_parameters: Mapping[str, str], varied: tuple[str, ...]) -> str:
    given = shown_values(hyper_parameters)
    values = {name: number_of(given[name]) for name in varied if name in given}
    found = assignments({name: given[name] if value is None else value for name, value in values.items()})
    return f" at {found}" if found else ""


def thread_messages(event: Announcement, facts: SweepFacts, rules: Rules) -> tuple[Message, ...]:
    """The thread's messages for a finished sweep: its failures, and the file of its report."""
    if facts.report is None:
        return ()
    messages = [_report_file(event, facts, rules)]
    if facts.report.analysis.failures:
        messages.insert(0, _failures(event, facts, rules))
    return tuple(messages)


def _failures(event: Announcement, facts: SweepFacts, rules: Rules) -> Message:
    assert facts.report is not None
    analysis = facts.report.analysis
    said = f"{plural(analysis.counts.failed, 'job')} failed"
    return _in_thread(
        event,
        facts,
        rules,
        mood=Mood.MIXED,
        about=f"{about(facts.sweep.id)}/failures",
        title=f"{facts.sweep.experiment}{phrases.SEPARATOR}{said}",
        subject=f"{facts.sweep.experiment}: {said}",
        verdict=_for_reasons(analysis.counts.failed, len(analysis.failures)),
        failures=tuple(map(_with_jobs, analysis.failures)),
        log=log_of_failures(analysis),
    )


def _for_reasons(failed: int, reasons: int) -> str:
    """What the title does not say: whether they failed alike. Of a single one there is nothing to add."""
    return "" if failed == 1 else f"For {plural(reasons, 'reason')}." if reasons > 1 else "All for the same reason."


def _with_jobs(group: FailureGroup) -> str:
    """A reason with the jobs that failed for it, as many as the report's digest names."""
    unnamed = group.count - len(group.job_names[:_NAMED])
    names = listed(group.job_names[:_NAMED], _NAMED)
    return f"{failure(group).rstrip('.')}. {names}{f' and {unnamed:,} more' if unnamed else ''}"


def _report_file(event: Announcement, facts: SweepFacts, rules: Rules) -> Message:
    assert facts.report is not None
    report, sweep = facts.report, facts.sweep
    again = f", revision {sweep.revision}" if sweep.revision > 1 else ""
    return _in_thread(
        event,
        facts,
        rules,
        mood=phrases.mood(sweep),
        about=f"{about(sweep.id)}/report/{sweep.revision}",
        title=f"{sweep.experiment}{phrases.SEPARATOR}the report{again}",
        subject=f"{sweep.experiment}: the report{again}",
        verdict="The report: charts, all trials, failures, cost, and how to reproduce the best trial.",
        report=Stored(report.bucket, f"{report.folder}/{PAGE}"),
    )


def _in_thread(event: Announcement, facts: SweepFacts, rules: Rules, **said: Any) -> Message:
    """A message in the thread of the sweep's own."""
    sweep = facts.sweep
    given: dict[str, Any] = {
        "id": event.id,
        "kind": MessageKind.THREAD,
        "experiment": sweep.experiment,
        "at": moment(sweep),
        "version": version(facts),
        "revision": sweep.revision,
        "parent": about(sweep.id),
        "tags": shared_tags(facts.top),
        "continues": tuple(map(about, sweep.supersedes)),
        "event_type": event.type,
        "owner": owner_of(facts.top, rules),
    }
    return Message(**{**given, **said})
