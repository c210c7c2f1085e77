"""Advice from the figures. Each piece of advice carries the figures it rests on."""

from collections import Counter
from collections.abc import Mapping, Sequence

from trialbook.core.analysis.conditionals import conditions_of
from trialbook.core.analysis.model import (
    FLAT,
    LEAST_TO_SUGGEST,
    Advice,
    BestTrial,
    FailureGroup,
    Gap,
    Importance,
    Lack,
    Parameter,
    Repeats,
    Shared,
    Value,
)
from trialbook.core.analysis.wording import listed, plural
from trialbook.core.endings import why_not_ranked, why_stopped
from trialbook.core.jobs import STOPPED
from trialbook.core.metric_names import has_common_scale
from trialbook.core.numbers import percent, shown
from trialbook.core.objectives import Objective, ObjectiveType
from trialbook.core.sweeps import Record

_MODEL_SAYS = 0.96  # of the variance out of sample: what it misses could be an effect of any hyperparameter
_WIDE_GAP = 0.5  # of what training data costs
_VISIBLE = 0.02  # of a share between 0 and 1: a smaller gap is none
_NOTABLE = 0.1  # of the usual size of a metric without bounds


def insensitive(
    found: Importance | None, parameters: Sequence[Parameter], trials: Sequence[Mapping[str, Value]]
) -> list[Advice]:
    """Hyperparameters that hardly matter by themselves, where the model explains enough for that to mean something, no
    combinations matter, and no other hyperparameter depends on them."""
    if found is None or found.explained < _MODEL_SAYS or found.pairs:
        return []
    parents = {each.parent for deciding in conditions_of(parameters, trials).values() for each in deciding}
    flat = [
        effect for effect in found.effects if effect.share < FLAT and not {effect.parameter, *effect.together} & parents
    ]
    if not flat:
        return []
    share, names = sum(effect.share for effect in flat), [effect.parameter for effect in flat]
    is_one = len(flat) == 1
    return [
        Advice(
            "insensitive",
            f"{listed(names)} alone {'accounts' if is_one else 'account'} for {percent(share)} of the explained "
            f"variation in {plural(found.trials, 'trial')}, and no combination that matters was seen: "
            f"{'it' if is_one else 'they'} could be fixed, which leaves more trials for the others.",
            names[0] if is_one else None,
            {"share": share, "trials": found.trials, "explained": found.explained},
        )
    ]


def combinations_matter(found: Importance | None) -> list[Advice]:
    """The pair of hyperparameters that matters together."""
    if found is None or not found.pairs:
        return []
    first = found.pairs[0]
    others = [f"{each.one} with {each.other} ({percent(each.share)})" for each in found.pairs[1:]]
    more = f"; so do {listed(others)}" if others else ""
    text = (
        f"Combinations matter: {first.one} and {first.other} together account for {percent(first.share)} of the "
        f"explained variation, which neither does alone{more}. Choose their values together."
    )
    return [Advice("combinations", text, None, {"share": first.share, "one": first.one, "other": first.other})]


def changed_together(found: Importance | None) -> list[Advice]:
    """Hyperparameters whose effects can't be told apart."""
    if found is None:
        return []
    groups = [(effect.parameter, *effect.together) for effect in found.effects if effect.together]
    return [
        Advice(
            "changed together",
            f"{listed(names)} changed together, so their effects can't be told apart: vary each by itself.",
            names[0],
            {"hyperparameters": len(names)},
        )
        for names in groups
    ]


def within_noise(found: Repeats | None, values: Sequence[float]) -> list[Advice]:
    """Which trials can't be told from the best, by repeats."""
    if found is None:
        return []
    advice = (
        f"{found.trials:,} trials are repeats of equal configurations; their standard deviation is "
        f"{shown(found.deviation)} ({found.freedom:,} degrees of freedom). "
    )
    if found.within_noise:
        advice += (
            f"{plural(found.within_noise, 'other configuration')} can't be told from the best trial's: "
            "the order among them may be chance."
        )
    elif found.configurations > 1:
        advice += "No other configuration is within that noise of the best trial's."
    by_mean = found.best_by_mean
    figures: dict[str, Value] = {
        "noise": found.deviation,
        "close": found.within_noise,
        "of": found.configurations,
        "mean": by_mean.mean,
        "low": by_mean.low,
        "high": by_mean.high,
    }
    return [Advice("within noise", advice.strip(), None, figures)]


def noise_unknown(
    found: Repeats | None, values: Sequence[float], searched: int, importance: Importance | None, sweep_id: str
) -> list[Advice]:
    """That nothing is known of chance without repeats, and how to get them. `values` are best first."""
    if found is not None or len(values) < 2 or not searched:
        return []
    text = "No configuration ran twice, so nothing is known about noise: a small difference may be chance."
    figures: dict[str, Value] = {"of": len(values)}
    if importance is not None and importance.unexplained > 0:
        close = sum(1 for value in values if abs(value - values[0]) <= importance.unexplained)
        if close > 1:
            text += (
                f" The model of the hyperparameters can't distinguish the best {close:,} of {len(values):,} trials: "
                "that may be noise, or what the model does not see."
            )
            figures |= {"close": close, "unexplained": importance.unexplained}
    code = (
        f": the command “trialbook next {sweep_id} --as loop” prints the code"
        if len(values) >= LEAST_TO_SUGGEST
        else ""
    )
    text += f" Repeat the best ones with other seeds{code}."
    return [Advice("noise unknown", text, None, figures)]


def overfitting(gaps: Sequence[Gap], objective: Objective, usual: float) -> list[Advice]:
    """Where the objective costs far more on validation than on training data, by an amount that counts. `usual` is the
    objective's median size over the trials."""
    for gap in gaps:
        if gap.validation_metric != objective.metric or not objective.is_better(gap.train, gap.validation):
            continue
        if _costs_far_more(gap, objective, usual):
            text = (
                f"The best trial's {gap.validation_metric} is {shown(gap.validation)}, on training data "
                f"{shown(gap.train)}: it may fit the training data too closely. More regularisation or data may help."
            )
            figures: dict[str, Value] = {"train": gap.train, "validation": gap.validation, "median_gap": gap.median}
            return [Advice("overfitting", text, None, figures)]
    return []


def _costs_far_more(gap: Gap, objective: Objective, usual: float) -> bool:
    """An accuracy of 0.99 beside 0.90 is ten errors for one; a loss of 0.0001 beside 0.0002 is nothing."""
    is_share = all(0 <= value <= 1 for value in (gap.train, gap.validation))
    if objective.type is ObjectiveType.MAXIMIZE:
        costs = (1 - gap.train, 1 - gap.validation) if max(gap.train, gap.validation) <= 1 and is_share else None
    else:
        costs = (gap.train, gap.validation)
    apart = abs(gap.validation - gap.train)
    least = _VISIBLE if is_share and has_common_scale(objective.metric) else _NOTABLE * usual
    return apart >= least and apart >= _WIDE_GAP * abs(costs[0] if costs else gap.train)


def ties(best: BestTrial) -> list[Advice]:
    """Where several trials share the best value."""
    if best.tied < 1:
        return []
    text = f"{plural(best.tied, 'other trial')} reached the same value; the earliest counts as best."
    return [Advice("tie", text, None, {"tied": best.tied})]


def failing(groups: Sequence[FailureGroup]) -> list[Advice]:
    """The condition that separates the failed jobs from all others."""
    return [
        Advice(
            "failures",
            f"{parted(group)}: leave that out of the search, or fix its cause.",
            group.cause.conditions[0].parameter,
            {
                "count": group.count,
                "failed": group.cause.failed,
                "jobs": group.cause.jobs,
                "chance": group.cause.chance,
            },
        )
        for group in groups
        if group.cause is not None
    ]


def parted(group: FailureGroup) -> str:
    """The condition that separates the failed jobs from most others, with its exceptions."""
    found = group.cause
    assert found is not None
    had = conditions(found.conditions)
    if group.only_they_share:
        return f"All {group.count:,} jobs that failed with “{group.reason}” had {had}, and no other job had"
    if not found.failed_of_others:
        return (
            f"All {group.count:,} jobs that failed with “{group.reason}” had {had}, as did "
            f"{plural(found.jobs - found.failed, 'other job')} of {found.jobs + found.others - group.count:,}"
        )
    of = "all" if found.failed == found.jobs else f"{found.failed:,} of the"
    return (
        f"{of.capitalize()} {plural(found.jobs, 'job')} with {had} failed with “{group.reason}”, "
        f"and {found.failed_of_others:,} of the {found.others:,} others"
    )


def conditions(shared: Sequence[Shared]) -> str:
    """`batch ≥ 512 and depth = 4`."""
    return listed([f"{each.parameter} {each.condition}" for each in shared])


def without_objective(lacks: Sequence[Lack]) -> list[Advice]:
    """Jobs that ended well and can't rank."""
    return [
        Advice(
            "without objective",
            f"{plural(lack.count, 'job')} can't be ranked{', each' if lack.count > 1 else ''} because {lack.reason}.",
            None,
            {"count": lack.count},
        )
        for lack in lacks
    ]


def stopped(records: Sequence[Record]) -> list[Advice]:
    """Jobs that SageMaker stopped at a limit, and why they do not rank."""
    reasons = Counter(why_not_ranked(each) for each in records if why_stopped(each.job) and not each.ranks)
    found = [
        Advice("stopped", f"{plural(count, 'job')} stopped: {reason}.", None, {"count": count})
        for reason, count in reasons.items()
    ]
    return [*found, *_stopped_by_people(records)]


def _stopped_by_people(records: Sequence[Record]) -> list[Advice]:
    """Jobs that people stopped after they had reached a value: the reader may miss them among the best."""
    had = [
        (value, each.objective)
        for each in records
        if each.job.status == STOPPED and not each.ranks and why_stopped(each.job) is None and each.objective
        if each.job.retried_as is None and (value := each.objective.value_of(each.job)) is not None
    ]
    if not had:
        return []
    best, by = had[0]
    for value, objective in had:
        best = value if objective.is_like(by) and by.is_better(value, best) else best
    text = f"{plural(len(had), 'job')} stopped by a person with a value, {by.metric} {shown(best)}"
    text += " at best" if len(had) > 1 else ""
    text += ": stopped jobs rank only with rank_stopped: true in the rules document."
    return [Advice("stopped", text, None, {"count": len(had)})]


def stopped_early(records: Sequence[Record]) -> list[Advice]:
    """Jobs that were stopped before their end and rank by their last values."""
    count = sum(1 for each in records if each.job.status == STOPPED)
    if not count:
        return []
    text = f"{count:,} of {plural(len(records), 'ranked trial')} stopped early: their last values count."
    return [Advice("stopped early", text, None, {"count": count, "of": len(records)})]
