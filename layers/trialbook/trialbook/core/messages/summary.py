"""The report's figures in a finished sweep's message. Nothing is computed again."""

from trialbook.core.analysis.advice import conditions
from trialbook.core.analysis.failures import essence
from trialbook.core.analysis.model import Analysis, Cost, FailureGroup, Spending
from trialbook.core.analysis.verdict import best_mean, counted, search_next
from trialbook.core.analysis.wording import RESERVED, dollars, duration, listed, plural
from trialbook.core.message import Fact
from trialbook.core.messages.facts import Report
from trialbook.core.numbers import percent

_MOST_FAILURES = 5  # reasons
_MOST_ADVICE = 5


def verdict(analysis: Analysis) -> str:
    """The report's headline, without the experiment, which is in the title."""
    text = analysis.headline.removeprefix(f"{analysis.sweep.experiment}: ")
    if analysis.groups:
        text += f" ({analysis.groups[0].ranking.type.lower()})"
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def is_same_answer(former: Analysis, analysis: Analysis) -> bool:
    """Whether a reader of the former report would learn nothing that matters from this one."""

    def answer(one: Analysis) -> tuple[object, ...]:
        best = one.groups[0].best if one.groups else None
        return (one.headline, best and (best.job_name, best.value), one.counts)

    return answer(former) == answer(analysis)


def revised(report: Report) -> tuple[str, ...]:
    """That this takes the place of what was said before, and what changed."""
    analysis, former = report.analysis, report.former
    if analysis.sweep.revision < 2:
        return ()
    text = f"Revision {analysis.sweep.revision}: jobs arrived after the sweep closed"
    if former is None:
        return (f"{text}.",)
    if former.headline == analysis.headline:
        return (
            f"{text}; {plural(analysis.counts.jobs, 'job')} instead of {former.counts.jobs:,}, the same best trial.",
        )
    return (f"{text}. Before: {former.headline.removeprefix(f'{former.sweep.experiment}: ')}.",)


def summary_facts(analysis: Analysis) -> list[Fact]:
    """Counts, the best configuration by its mean where some were repeated, time, money and machines."""
    repeats = analysis.groups[0].repeats if analysis.groups else None
    mean = [Fact("Best mean", best_mean(repeats))] if repeats else []
    return [Fact("Jobs", counted(analysis.counts)), *mean, *spending_facts(analysis.cost)]


def spending_facts(cost: Cost) -> list[Fact]:
    """Time, money and machines; money is an estimate, and what is not known says so."""
    facts = []
    if cost.wall_seconds is not None:
        facts.append(Fact("Wall time", duration(cost.wall_seconds)))
    if (waited := waiting(cost)) is not None:
        facts.append(Fact("Waited in queue", waited))
    if cost.all.billable_seconds is not None:
        facts.append(Fact("Billable time", duration(cost.all.billable_seconds)))
    if cost.all.billable_tokens is not None:
        facts.append(Fact("Billed tokens", f"{cost.all.billable_tokens:,}"))
    facts.append(Fact("Cost", cost_text(cost)))
    if cost.kept_warm_seconds is not None:
        dear = f", {dollars(cost.kept_warm_usd)} (estimate)" if cost.kept_warm_usd is not None else ""
        facts.append(Fact("Kept warm", f"{duration(cost.kept_warm_seconds)}{dear}, not counted in the cost"))
    if cost.spot_saving is not None:
        saved = f", {dollars(cost.spot_saving_usd)} (estimate)" if cost.spot_saving_usd is not None else ""
        facts.append(Fact("Spot saving", f"{percent(cost.spot_saving)}{saved}, {plural(cost.spot_jobs, 'spot job')}"))
    if cost.instances:
        facts.append(Fact("Machines", listed(list(cost.instances))))
    return facts


def waiting(cost: Cost) -> str | None:
    """`3 h 12 min in all, at most 1 h 5 min`: how long jobs waited in a queue."""
    if cost.queued_seconds is None or cost.longest_queued_seconds is None:
        return None
    return f"{duration(cost.queued_seconds)} in all, at most {duration(cost.longest_queued_seconds)}"


def cost_text(cost: Cost) -> str:
    """`$0.42 (estimate), $0.02 of it for failed jobs`."""
    spent, failed = cost.all, cost.failures
    if spent.cost_usd is None and spent.reserved_jobs and spent.reserved_jobs == spent.unpriced_jobs:
        return RESERVED
    if spent.cost_usd is None:
        if spent.billable_tokens:
            return "unknown; the rules document can set a price for a million tokens"
        return "unknown; the rules document can set prices" if spent.billable_seconds else "unknown"
    text = f"{dollars(spent.cost_usd)} (estimate)"
    if spent.unpriced_jobs:
        text = f"at least {text}; {_unpriced(spent)}"
    partly = failed.cost_usd and failed.jobs < spent.jobs
    return f"{text}, {dollars(failed.cost_usd or 0)} of it for failed jobs" if partly else text


def _unpriced(spent: Spending) -> str:
    """`2 jobs reserved: not billed by the hour, 1 job without a price`."""
    reserved, others = spent.reserved_jobs, spent.unpriced_jobs - spent.reserved_jobs
    parts = [f"{plural(reserved, 'job')} {RESERVED}"] if reserved else []
    return ", ".join([*parts, f"{plural(others, 'job')} without a price"] if others else parts)


def failures(analysis: Analysis) -> tuple[str, ...]:
    """Failed jobs by reason, with what only they share: `3 × AlgorithmError: …; all with max_depth = 0`."""
    groups = analysis.failures
    texts = [failure(each) for each in groups[:_MOST_FAILURES]]
    if len(groups) > _MOST_FAILURES:
        left = sum(each.count for each in groups[_MOST_FAILURES:])
        texts.append(f"{plural(left, 'job')} failed for {plural(len(groups) - _MOST_FAILURES, 'other reason')}")
    return tuple(texts)


def log_of_failures(analysis: Analysis) -> str:
    """The end of the log of the first reason that has one."""
    return next((group.log for group in analysis.failures if group.log), "")


def failure(group: FailureGroup) -> str:
    """A reason, how often, and what parts these jobs from the others."""
    text = f"{group.count:,} × {essence(group.example)}"
    if group.cause is None and not group.only_they_share:
        return text
    text = text.rstrip(". ")
    if group.only_they_share:
        which = "both" if group.count == 2 else f"all {group.count:,}"
        return f"{text} – {which} had {conditions(group.only_they_share)}, and no other job had"
    assert group.cause is not None
    found = group.cause
    return (
        f"{text} – {found.failed:,} of the {plural(found.jobs, 'job')} with {conditions(found.conditions)} failed so, "
        f"and {found.failed_of_others:,} of the {found.others:,} others"
    )


def advice(analysis: Analysis) -> tuple[str, ...]:
    """What to do next, where to search first. What only failed jobs share is with the failures."""
    group = analysis.groups[0] if analysis.groups else None
    where = (search_next(group.where_next),) if group and group.where_next else ()
    own = group.advice if group else ()
    others = (each.text for each in (*analysis.advice, *own, *analysis.savings) if each.kind != "failures")
    return (*where, *others)[:_MOST_ADVICE]
