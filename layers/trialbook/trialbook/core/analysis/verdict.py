"""The answer in words: a headline that a reader may stop at, and the sentences that follow."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from trialbook.core.analysis.model import (
    Against,
    Cost,
    Difference,
    FailureGroup,
    Group,
    NextRange,
    Repeats,
    StatusCounts,
    Value,
    WhereNext,
)
from trialbook.core.analysis.wording import dollars, duration, listed, plural
from trialbook.core.numbers import gap, percent, shown
from trialbook.core.seeds import without_seeds


def assignments(values: Mapping[str, Value], longest: int = 4) -> str:
    """`min_child_weight = 4, eta = 0.2`; what is beyond `longest` is counted."""
    return listed([f"{name} = {shown(value)}" for name, value in values.items() if value is not None], longest)


def headline(experiment: str, groups: Sequence[Group], counts: StatusCounts, failures: Sequence[FailureGroup]) -> str:
    """The first line: best value and what made it, or why there is none."""
    if groups:
        group = groups[0]
        at = assignments(_by_importance(group))
        where = f" at {at}" if at else f" by {group.best.job_name}"
        return f"{experiment}: best {group.ranking.metric} {shown(group.best.value)}{where}{_within_noise(group)}"
    if not counts.jobs:
        return f"{experiment}: finished before any job started"
    if counts.failed == counts.jobs:
        return f"{experiment}: {_all(counts.jobs)} failed{_why(failures, counts.failed)}"
    if counts.in_progress == counts.jobs:
        return f"{experiment}: {plural(counts.jobs, 'job')} running; none has finished"
    return f"{experiment}: nothing is ranked, because no job has an objective value"


def _within_noise(group: Group) -> str:
    """How many other configurations repeats can't tell from the best."""
    close = group.repeats.within_noise if group.repeats else 0
    return f", within noise of {close:,} {'other' if close == 1 else 'others'}" if close else ""


def _why(failures: Sequence[FailureGroup], failed: int) -> str:
    """The commonest reason, and how many failed for it where others failed for another."""
    if not failures:
        return ""
    first = failures[0]
    return f": {first.reason}" if first.count == failed else f", {first.count:,} of them for {first.reason}"


def _by_importance(group: Group) -> Mapping[str, Value]:
    """The best trial's varied hyperparameters, those that matter most first."""
    order = [effect.parameter for effect in group.importance.effects] if group.importance else []
    given = {name: group.best.varied[name] for name in without_seeds(group.best.varied)}
    return {name: given[name] for name in (*order, *(name for name in given if name not in order)) if name in given}


def _all(jobs: int) -> str:
    return "the only job" if jobs == 1 else f"all {jobs:,} jobs"


def sentences(groups: Sequence[Group], counts: StatusCounts, cost: Cost, people: str | None = None) -> tuple[str, ...]:
    """The sentences after the headline: differences, whether the jobs may be several people's, counts, time and
    money."""
    found = []
    for group in groups[:1]:
        found += [compared(each) for each in group.differences]
        if group.ranked == 1:
            found.append("Only this trial ranks.")
    if len(groups) > 1:
        others = [f"{g.ranking.metric} (best {shown(g.best.value)})" for g in groups[1:]]
        found.append(f"Trials with other objectives are ranked separately: {listed(others)}.")
    if people is not None:
        found.append(people)
    if counts.jobs:
        found.append(f"{counted(counts)}{_taken(cost)}.")
    return tuple(found)


def compared(difference: Difference) -> str:
    """A difference in words: `Better than the runner-up (0.040192) by 0.0006 (1.5%).`"""
    other = f"{_OTHERS[difference.against]} ({shown(difference.value)})"
    if difference.is_equal:
        return f"Equal to {other}."
    word = "Better" if difference.is_better else "Worse"
    return f"{word} than {other} by {distance(difference)}."


def distance(difference: Difference, limit: Decimal | None = None) -> str:
    """How far apart two values are: `0.0006 (1.5%)`. The share stays on its side of a limit."""
    share = f" ({percent(difference.relative, limit)})" if difference.relative is not None else ""
    return f"{gap(difference.margin, difference.value)}{share}"


_OTHERS = {
    Against.RUNNER_UP: "the runner-up",
    Against.PREVIOUS_SWEEP: "the previous sweep's best",
    Against.EXPERIMENT: "the experiment's previous best",
    Against.PARENTS: "the warm-start parents' best",
}


def counted(counts: StatusCounts) -> str:
    """`46 of 60 jobs completed, 3 failed, 11 stopped early`."""
    if not counts.jobs:
        return "no job ran"
    parts = [f"{counts.completed:,} of {plural(counts.jobs, 'job')} completed"]
    for number, word in ((counts.failed, "failed"), (counts.stopped, "stopped"), (counts.in_progress, "running")):
        if number:
            parts.append(f"{number:,} {word}")
    if counts.without_objective:
        parts.append(f"{counts.without_objective:,} without objective")
    return ", ".join(parts)


def _taken(cost: Cost) -> str:
    text = ""
    if cost.wall_seconds is not None:
        text += f", in {duration(cost.wall_seconds)}"
    if cost.all.cost_usd is not None:
        least = "at least " if cost.all.unpriced_jobs else ""
        text += f", for {least}{dollars(cost.all.cost_usd)} (estimate)"
    return text


def confidence(groups: Sequence[Group]) -> str | None:
    """How far the first group's order can be trusted, in a sentence; None where one trial ranks, or none."""
    if not groups or groups[0].ranked < 2:
        return None
    group = groups[0]
    if group.repeats is None:
        text = "Noise is unknown: no configuration ran twice"
    else:
        close = plural(group.repeats.within_noise, "other configuration") if group.repeats.within_noise else "none"
        text = f"Noise is known from {group.repeats.trials:,} repeats: {close} within it of the best"
    explained = group.importance.explained if group.importance else None
    return f"{text}{f'; the hyperparameters explain {percent(explained)} of the variation' if explained else ''}."


def best_mean(found: Repeats) -> str:
    """The best configuration by its mean: `0.1462 over 3 repeats (95%: 0.144 to 0.148), at eta = 0.1`."""
    best = found.best_by_mean
    interval = f"(95%: {shown(best.low)} to {shown(best.high)})"
    whose = "the best trial's configuration" if best.is_of_best else f"at {assignments(best.varied)}"
    return f"{shown(best.mean)} over {plural(best.trials, 'repeat')} {interval}, {whose}"


def search_next(found: WhereNext) -> str:
    """Where to search next, in a sentence for messages."""
    text = listed([f"{each.parameter} {range_text(each)} ({each.why})" for each in found.ranges])
    again = f" Before that, repeat the best {found.repeats:,} with other seeds." if found.repeats else ""
    return f"Search next: {text}. The command “{found.command}” prints points to try, or code.{again}"


def range_text(found: NextRange) -> str:
    """`0.003 to 0.05`, or the categories."""
    return listed(found.values, 8) if found.values else f"{shown(found.low)} to {shown(found.high)}"
