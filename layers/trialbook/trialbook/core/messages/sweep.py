"""The message of a sweep: posted when it begins, edited as it goes, and at its end the summary."""

from datetime import UTC, datetime, timedelta

from trialbook.core.analysis.differences import difference
from trialbook.core.analysis.model import Against
from trialbook.core.analysis.people import several_people
from trialbook.core.analysis.verdict import assignments, compared
from trialbook.core.analysis.wording import duration, listed, plural
from trialbook.core.announcements import Announcement
from trialbook.core.jobs import FAILED
from trialbook.core.message import Fact, Message, MessageKind, Picture, Progress, Stored
from trialbook.core.messages import phrases
from trialbook.core.messages.facts import Report, SweepFacts, version
from trialbook.core.messages.leaders import Leaders, bars, bars_label, constants_text, leaders, table
from trialbook.core.messages.links import sweep_links
from trialbook.core.messages.owners import owner_of, shared_tags
from trialbook.core.messages.summary import (
    advice,
    failures,
    is_same_answer,
    log_of_failures,
    revised,
    summary_facts,
    verdict,
)
from trialbook.core.numbers import shown, told_apart
from trialbook.core.report_keys import PAGE, PICTURE
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Sweep, SweepKind, SweepState

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENOUGH = 3  # jobs that must have ended, at the least, before the time left is estimated


def about(sweep_id: str) -> str:
    """The key of a sweep's message."""
    return f"sweep/{sweep_id}"


def sweep_message(event: Announcement, facts: SweepFacts, rules: Rules) -> Message:
    """The sweep's message as it is to be seen now."""
    sweep, report = facts.sweep, facts.report
    found = leaders(facts)
    standing = phrases.standing(sweep)
    title = (sweep.experiment, phrases.search(sweep, found.parameters), standing)
    return Message(
        id=event.id,
        about=about(sweep.id),
        kind=MessageKind.SWEEP,
        mood=phrases.mood(sweep),
        experiment=sweep.experiment,
        title=phrases.SEPARATOR.join(title),
        subject=f"{sweep.experiment}: {standing}{_best(found)}",
        verdict=_verdict(facts, found),
        at=moment(sweep),
        version=version(facts),
        revision=sweep.revision,
        is_final=report is not None,
        sentences=_sentences(facts, found, rules.quiet_period(sweep.experiment)),
        progress=_progress(sweep),
        facts=_facts(facts, found, rules),
        table=table(found, report.analysis.groups[0].ranked if report and report.analysis.groups else None),
        bars=bars(found),
        bars_label=bars_label(found),
        constants=constants_text(found),
        failures=failures(report.analysis) if report else (),
        log=log_of_failures(report.analysis) if report else "",
        advice=advice(report.analysis) if report else (),
        picture=_picture(report),
        report=Stored(report.bucket, f"{report.folder}/{PAGE}") if report else None,
        links=sweep_links(facts),
        tags=shared_tags(facts.top),
        continues=tuple(map(about, sweep.supersedes)),
        event_type=event.type,
        metrics=_metrics(facts, found),
        changes_answer=_changes_answer(event, report),
        owner=owner_of(facts.top, rules),
    )


def _changes_answer(event: Announcement, report: Report | None) -> bool:
    """Whether the report says something else than that of the revision before. An event of the first revision always
    has news, even where it comes so late that a second one stands already: nothing was said before it."""
    revision = event.detail.get("report", {}).get("revision")
    if report is None or report.former is None or revision == 1:
        return True
    return not is_same_answer(report.former, report.analysis)


def moment(sweep: Sweep) -> datetime:
    """When the sweep came to be as it is."""
    if sweep.state is SweepState.CLOSED and sweep.closed_at is not None:
        return sweep.closed_at
    return sweep.last_at or sweep.began_at or _EPOCH


def _best(found: Leaders) -> str:
    best, second = found.best, found.runner_up
    if best is None:
        return ""
    value = told_apart(best.value, second.value if second else None)
    return f", best {found.metric} {value}{phrases.at(best.varied)}"


def _verdict(facts: SweepFacts, found: Leaders) -> str:
    sweep = facts.sweep
    if facts.report is not None:
        return verdict(facts.report.analysis)
    if sweep.tuning_status == FAILED and not found.trials:
        return _tuning_failed(sweep)
    if found.best is not None and found.objective is not None:
        word = "Best" if sweep.state is SweepState.CLOSED else "Best so far"
        by = found.objective.type.lower()
        where = assignments(found.best.varied)
        return f"{word} {found.metric} {shown(found.best.value)}{f' at {where}' if where else ''} ({by})."
    if sweep.counts.ended:
        return "No finished job has a value to rank by."
    return f"{plural(sweep.counts.jobs, 'job')} launched; none has finished."


def _tuning_failed(sweep: Sweep) -> str:
    return f"The tuning job failed: {sweep.tuning_failure or 'SageMaker gave no reason'}"


def _sentences(facts: SweepFacts, found: Leaders, quiet: timedelta) -> tuple[str, ...]:
    sweep, report = facts.sweep, facts.report
    failed = [_tuning_failed(sweep)] if sweep.tuning_status == FAILED and (found.trials or report) else []
    if report is not None:  # the last sentence of its own repeats what stands in the facts
        return (*revised(report), *failed, *report.analysis.sentences[:-1])
    sentences = failed
    if found.best and found.runner_up and found.objective:
        pair = (found.best.value, found.runner_up.value)
        beside = difference(Against.RUNNER_UP, *pair, found.runner_up.job_name, None, found.objective)
        sentences.append(compared(beside))
    people = several_people(sweep, [each.job for each in facts.top])
    if people is not None:
        sentences.append(people)
    if sweep.state is SweepState.CLOSED:
        sentences.append("The report is being built.")
    elif sweep.state is SweepState.REVISED:
        sentences.append("Reopened: a job arrived after the sweep closed.")
    elif sweep.kind is not SweepKind.TUNING and sweep.counts.ended and not sweep.counts.in_progress:
        sentences.append(f"The sweep closes when no job has run for {duration(quiet.total_seconds())}.")
    return tuple(sentences)


def _progress(sweep: Sweep) -> Progress:
    counts, of = sweep.counts, phrases.total(sweep)
    return Progress(counts.ended, of, counts.in_progress, _seconds_left(sweep, of))


def _seconds_left(sweep: Sweep, of: int | None) -> float | None:
    """At the pace so far. None where that says nothing: the number of jobs is unknown, few have ended, or more run at
    once than have ended."""
    counts = sweep.counts
    began, last = sweep.began_at, sweep.last_at
    is_over = sweep.state is SweepState.CLOSED or not counts.in_progress
    if of is None or is_over or began is None or last is None or counts.ended < max(_ENOUGH, counts.in_progress):
        return None
    return (last - began).total_seconds() / counts.ended * (of - counts.ended)


def _facts(facts: SweepFacts, found: Leaders, rules: Rules) -> tuple[Fact, ...]:
    sweep = facts.sweep
    lines = []
    objective = found.objective or sweep.objective
    if objective is not None:
        lines.append(Fact("Objective", f"{objective.label} ({objective.source.value}){_others(facts)}"))
    elif sweep.counts.ended:
        lines.append(Fact("Objective", "none: set the tag trialbook:objective, or name one in the rules document"))
    if facts.report is not None:
        lines += summary_facts(facts.report.analysis)
    owner = owner_of(facts.top, rules)
    if owner is not None:
        lines.append(Fact("Owner", owner))
    return tuple(lines)


def _others(facts: SweepFacts) -> str:
    """The other objectives that rank trials."""
    groups = facts.report.analysis.groups[1:] if facts.report else ()
    return f"; other trials rank by {listed([each.ranking.metric for each in groups])}" if groups else ""


def _picture(report: Report | None) -> Picture | None:
    if report is None:
        return None
    return Picture(Stored(report.bucket, f"{report.folder}/{PICTURE}"), report.alt_text)


def _metrics(facts: SweepFacts, found: Leaders) -> dict[str, float]:
    """The best trial's metrics; for the objective its value by the statistic that ranks."""
    if found.best is None:
        return {}
    record = next((each for each in facts.top if each.job.name == found.best.job_name), None)
    final = record.job.final_metrics if record else ()
    return {each.name: each.value for each in final if each.value is not None} | {found.metric: found.best.value}
