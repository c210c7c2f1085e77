"""Alerts: which rules a sweep or a job breaks, in numbers, and what differs from what it is compared with."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from trialbook.core.analysis.costs import cost
from trialbook.core.analysis.differences import difference
from trialbook.core.analysis.failures import alike, essence
from trialbook.core.analysis.model import Against, Cost, Difference
from trialbook.core.analysis.parameters import shown_values
from trialbook.core.analysis.verdict import distance
from trialbook.core.analysis.wording import cut, dollars, listed, plural
from trialbook.core.announcements import JOB_FINISHED, REPORT_READY, SWEEP_PROGRESSED, TUNING_JOB_FAILED, Announcement
from trialbook.core.hyper_parameters import searched
from trialbook.core.jobs import Job
from trialbook.core.message import Fact, Message, MessageKind, Mood, Table
from trialbook.core.messages import phrases
from trialbook.core.messages.facts import JobFacts, SweepFacts
from trialbook.core.messages.job import apart
from trialbook.core.messages.summary import cost_text
from trialbook.core.numbers import number_of, percent, shown, told_apart
from trialbook.core.objectives import Objective
from trialbook.core.rules.alerts import EXPERIMENT, PREVIOUS_SWEEP, AlertRule, Regression
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record

Watched = SweepFacts | JobFacts

_AGAINST = {EXPERIMENT: Against.EXPERIMENT, PREVIOUS_SWEEP: Against.PREVIOUS_SWEEP}
_COLUMNS = {EXPERIMENT: "previous best", PREVIOUS_SWEEP: "previous sweep"}
_MOST_DIFFERENCES = 15
_LONGEST_CELL = 60
_IN_SENTENCE = 120  # characters of a reason
_MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that is broken: in short, for the title; in a sentence; and the job that is compared with, if one is."""

    rule: AlertRule
    short: str
    sentence: str
    baseline: str | None = None


def alerts(event: Announcement, facts: Watched, rules: Rules, about: Message) -> tuple[Message, ...]:
    """A message for each rule that is broken. `about` is the message of the sweep or job itself: an alert carries its
    links, tags and version."""
    experiment = facts.record.experiment if isinstance(facts, JobFacts) else facts.sweep.experiment
    watching = [rule for rule in rules.alerts if rule.concerns(experiment)]
    find = _of_job if isinstance(facts, JobFacts) else _of_sweep
    found = [broken for rule in watching for broken in find(event, rule, facts)]  # type: ignore[arg-type]
    return tuple(_message(event, facts, each, about) for each in found)


def _message(event: Announcement, facts: Watched, broken: Broken, about: Message) -> Message:
    table = _table(facts, broken)
    return replace(
        about,
        id=f"{event.id}/alert/{broken.rule.name}",
        about=f"alert/{about.about.partition('/')[2]}/{broken.rule.name}",
        kind=MessageKind.ALERT,
        mood=Mood.BAD,
        title=phrases.SEPARATOR.join((about.experiment, f"alert “{cut(broken.rule.name, 60)}”", broken.short)),
        subject=f"{about.experiment}: {broken.short}, alert “{cut(broken.rule.name, 60)}”",
        verdict=broken.sentence,
        version=_version(facts, broken.rule),
        revision=0 if broken.rule.failed is not None else about.revision,
        is_final=True,
        by_request=False,
        sentences=(about.verdict, *_nothing_differs(table, broken)),
        progress=None,
        facts=(Fact("Rule", broken.rule.name), Fact("Allowed", broken.rule.limit), *_context(about)),
        table=table,
        bars=(),
        bars_label="",
        constants="",
        failures=about.failures or _reasons(facts),
        advice=(),
        picture=None,
        report=None,
        continues=(),
    )


def _version(facts: Watched, rule: AlertRule) -> int:
    """An alert is sent again when a sweep was revised, not whenever it continues. The share of failed jobs is reported
    as soon as nothing can save it; a message that can be edited has the last numbers once the sweep has finished."""
    if isinstance(facts, JobFacts):
        return facts.record.version
    return facts.sweep.revision + int(rule.failed is not None)


def _nothing_differs(table: Table | None, broken: Broken) -> tuple[str, ...]:
    is_compared = broken.baseline is not None and table is None
    return ("No recorded setting differs between them; the difference may be chance.",) if is_compared else ()


def _context(about: Message) -> Iterator[Fact]:
    """Whose it is, what it cost, what it ran on."""
    yield from (each for each in about.facts if each.label in ("Job", "Jobs", "Cost", "Machines", "Owner"))


# -- what a sweep breaks -------------------------------------------------------------------------------------------


def _of_sweep(event: Announcement, rule: AlertRule, facts: SweepFacts) -> Iterator[Broken]:
    """While it runs, only what can't change any more; all else when its report is there."""
    if event.type in (SWEEP_PROGRESSED, TUNING_JOB_FAILED, REPORT_READY) and rule.failed is not None:
        yield from _too_many_failed(rule, facts)
    if event.type != REPORT_READY or facts.report is None:
        return
    analysis = facts.report.analysis
    if rule.cost is not None:
        yield from _too_dear(rule, analysis.cost)
    if rule.no_metric and not analysis.groups and analysis.counts.completed:
        why = f": {analysis.lacks[0].reason}" if analysis.lacks else ""
        yield Broken(rule, "no metric found", f"None of {_completed(analysis.counts.completed)} ranks{why}.")
    if rule.regression is not None and analysis.groups:
        yield from _without_baseline(rule, rule.regression, facts)
        yield from _regressed(rule, rule.regression, _beside(rule.regression, facts), _best_is(facts))


def _completed(count: int) -> str:
    return f"the {plural(count, 'completed job')}"


def _too_many_failed(rule: AlertRule, facts: SweepFacts) -> Iterator[Broken]:
    counts, total = facts.sweep.counts, phrases.total(facts.sweep)
    if not total or rule.allows_failed(counts.failed, total):
        return
    share = percent(Fraction(counts.failed, total), rule.failed)
    so_far = f" when {counts.ended:,} had finished" if counts.ended < total else ""
    sentence = (
        f"{counts.failed:,} of {plural(total, 'job')} failed{so_far} ({share}); {rule.share} are allowed."
        f"{_alike(facts)}"
    )
    yield Broken(rule, f"{share} of the jobs failed", sentence)


def _alike(facts: SweepFacts) -> str:
    """How many failed for the commonest reason, and which; nothing if none is shared."""
    groups = _groups(facts)
    if not groups or groups[0][0] < 2:
        return ""
    count, reason = groups[0]
    who = f"All {count:,}" if count == facts.sweep.counts.failed else f"{count:,} of them"
    return f" {who} with {cut(reason.rstrip('.'), _IN_SENTENCE)}."


def _groups(facts: SweepFacts) -> list[tuple[int, str]]:
    """How many failed for which reason, the commonest first: as the report tells it, or until then as they failed."""
    if facts.report is not None:
        return [(each.count, each.reason) for each in facts.report.analysis.failures]
    return [(len(found), essence(found[0].job.failure_reason)) for found in alike(facts.failed)]


def _reasons(facts: Watched) -> tuple[str, ...]:
    if isinstance(facts, JobFacts):
        return ()
    return tuple(f"{count:,} × {reason}" for count, reason in _groups(facts)[:_MOST_REASONS])


def _too_dear(rule: AlertRule, spent: Cost) -> Iterator[Broken]:
    if rule.cost is None or spent.all.cost_usd is None or spent.all.cost_usd <= rule.cost:
        return
    short = f"cost {dollars(spent.all.cost_usd)} (estimate)"
    yield Broken(rule, short, f"It cost {cost_text(spent)}; the budget is {dollars(rule.cost)}.")


def _best_is(facts: SweepFacts) -> tuple[str, float, str]:
    """Metric, value and type of the sweep's best."""
    assert facts.report is not None
    group = facts.report.analysis.groups[0]
    return group.ranking.metric, group.best.value, group.ranking.type


def _beside(regression: Regression, facts: SweepFacts) -> Difference | None:
    """The sweep's best beside what the rule names; None if there is nothing to compare with."""
    assert facts.report is not None
    group = facts.report.analysis.groups[0]
    if regression.baseline is None:
        return next((each for each in group.differences if each.against == _AGAINST[regression.against]), None)
    objective = facts.sweep.objective
    if objective is None or objective.metric != group.ranking.metric:
        return None
    return _beside_baseline(group.best.value, objective, facts.baselines.get(regression.baseline))


def _beside_baseline(value: float, objective: Objective, baseline: Record | None) -> Difference | None:
    other = objective.value_of(baseline.job) if baseline else None
    if baseline is None or other is None:
        return None
    return difference(Against.EXPERIMENT, value, other, baseline.job.name, baseline.sweep, objective)


# -- what a job breaks ---------------------------------------------------------------------------------------------


def _of_job(event: Announcement, rule: AlertRule, facts: JobFacts) -> Iterator[Broken]:
    if event.type != JOB_FINISHED:
        return  # a failed job has a message that says so
    record = facts.record
    if rule.cost is not None:
        yield from _too_dear(rule, cost([record.job], record.job, facts.prices))
    if rule.no_metric and record.without_objective is not None:
        yield Broken(rule, "no metric found", f"{record.job.name} is not ranked: {record.without_objective}.")
    regression = rule.regression
    is_in_experiment = regression is not None and regression.against == EXPERIMENT
    objective = record.experiment_objective if is_in_experiment else record.objective
    value = record.experiment_value if is_in_experiment else record.value
    if regression is None or objective is None or value is None:
        return
    yield from _without_baseline(rule, regression, facts)
    if regression.baseline is None:
        found = next(iter(apart(facts)), None) if regression.against == EXPERIMENT else None
    else:
        found = _beside_baseline(value, objective, facts.baselines.get(regression.baseline))
    yield from _regressed(rule, regression, found, (objective.metric, value, objective.type))


def _without_baseline(rule: AlertRule, regression: Regression, facts: Watched) -> Iterator[Broken]:
    """A rule that names a job which is not there would else be silent forever."""
    if regression.baseline is not None and regression.baseline not in facts.baselines:
        where = "a training job that the ledger holds for this account and region"
        yield Broken(rule, "cannot be checked", f"The baseline {regression.baseline} is not {where}.")


def _regressed(
    rule: AlertRule, regression: Regression, found: Difference | None, best: tuple[str, float, str]
) -> Iterator[Broken]:
    metric, value, _ = best
    if found is None or found.is_better or found.is_equal or not regression.is_broken(found.margin, found.relative):
        return
    than = f"the baseline {found.job_name}" if regression.baseline else f"{rule.limit.partition(' than ')[2]}"
    by = percent(found.relative, regression.relative) if found.relative is not None else shown(found.margin)
    far = distance(found, regression.relative)
    sentence = (
        f"{metric} {told_apart(value, found.value)} is worse than {than} ({told_apart(found.value, value)}) by {far}; "
        f"{regression.limit} is allowed."
    )
    yield Broken(rule, f"{metric} {by} worse", sentence, found.job_name)


# -- what differs --------------------------------------------------------------------------------------------------


def _table(facts: Watched, broken: Broken) -> Table | None:
    """What differs between the job that is too bad and the one that it is compared with. Their names are too long to
    stand above columns."""
    one, other = _judged(facts), facts.baselines.get(broken.baseline or "")
    if one is None or other is None or broken.rule.regression is None:
        return None
    names = searched([one.job, other.job])
    here, there = _traits(one.job, names), _traits(other.job, names)
    rows = [(name, there.get(name, "–"), here.get(name, "–")) for name in {**there, **here}]
    apart = [(_cell(name), *map(_cell, _distinct(before, now))) for name, before, now in rows if before != now]
    if not apart:
        return None
    left = len(apart) - _MOST_DIFFERENCES
    than = _COLUMNS.get(broken.rule.regression.against, "baseline")
    more = f"{plural(left, 'more difference')} not shown; " if left > 0 else ""
    caption = f"{more}{than}: {other.job.name}; now: {one.job.name}"
    return Table(("setting", than, "now"), tuple(apart[:_MOST_DIFFERENCES]), caption=caption)


def _distinct(before: str, now: str) -> tuple[str, str]:
    """Two values as short as they can be told apart: tuning jobs draw numbers of sixteen digits."""
    one, other = number_of(before), number_of(now)
    if one is None or other is None:
        return before if one is None else shown(one), now if other is None else shown(other)
    return told_apart(one, other), told_apart(other, one)


def _cell(text: str) -> str:
    """The text, or its end: that is where images and addresses differ."""
    return text if len(text) <= _LONGEST_CELL else f"…{text[-_LONGEST_CELL:]}"


def _judged(facts: Watched) -> Record | None:
    if isinstance(facts, JobFacts):
        return facts.record
    if facts.report is None or not facts.report.analysis.groups:
        return None
    name = facts.report.analysis.groups[0].best.job_name
    return next((each for each in facts.top if each.job.name == name), None)


def _traits(job: Job, names: Iterable[str]) -> Mapping[str, str]:
    """The settings that may make one job better than another: hyperparameters, image, machines, data."""
    given = shown_values(job.hyper_parameters)
    return {
        **{name: given[name] for name in names if name in given},
        "image": job.image or job.algorithm or "–",
        "machines": listed([f"{each.instance_count} x {each.instance_type}" for each in job.instances]) or "–",
        **{f"data: {channel.name}": channel.data or "–" for channel in job.channels},
    }
