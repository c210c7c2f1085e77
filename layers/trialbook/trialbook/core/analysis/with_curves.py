"""An analysis with what the curves of its jobs say: how they learned, how busy their machines were, what would have
saved money."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from trialbook.core.analysis.advice import without_objective
from trialbook.core.analysis.behind import could_have_stopped
from trialbook.core.analysis.curve_model import Learning, TrialCurve
from trialbook.core.analysis.failures import diverged
from trialbook.core.analysis.learning import learning
from trialbook.core.analysis.machine_advice import machine_advice
from trialbook.core.analysis.machine_use import summed_up, uses
from trialbook.core.analysis.model import Advice, Analysis, Group, Lack, TrialRow, Value
from trialbook.core.analysis.prices import Prices
from trialbook.core.analysis.rows import Ranked
from trialbook.core.analysis.wording import listed, plural
from trialbook.core.curves.facts import best_so_far, still_gains
from trialbook.core.curves.series import Axis, JobCurves, Series
from trialbook.core.jobs import Job
from trialbook.core.numbers import percent, shown
from trialbook.core.objectives import ObjectiveType

_NAMED = 3  # jobs that diverged or overfitted


def with_curves(
    analysis: Analysis,
    ranked: Sequence[Ranked],
    jobs: Sequence[Job],
    curves: Mapping[str, JobCurves],
    prices: Prices,
) -> Analysis:
    """The analysis, with `curves` by the names of its jobs. `ranked` are the records of its groups."""
    if not curves:
        return analysis
    used = uses(jobs, curves)
    groups = tuple(
        _group(place, group, ranked[place], analysis.trials, curves) for place, group in enumerate(analysis.groups)
    )
    percentages = {each.job.name: each.percentages() for each in used}
    return replace(
        analysis,
        groups=groups,
        advice=_without_what_curves_say(analysis, groups),
        trials=tuple(replace(row, machine_use=percentages.get(row.job_name, {})) for row in analysis.trials),
        machine_use=summed_up(used),
        savings=(
            *(advice for each in ranked for advice in could_have_stopped(each.records, each.objective, curves, prices)),
            *machine_advice(used, prices),
        ),
    )


def _group(
    place: int, group: Group, ranked: Ranked, rows: Sequence[TrialRow], curves: Mapping[str, JobCurves]
) -> Group:
    """The group with its curves; the first one also has those of trials that no group ranks."""
    of_group = [(at, row.job_name) for at, row in enumerate(rows) if row.group == place]
    others = [(at, row.job_name) for at, row in enumerate(rows) if row.group is None and not place]
    found = learning(ranked.objective, group.best.value, (*of_group, *others), curves)
    if found is None:
        return group
    maximise = ranked.objective.type is ObjectiveType.MAXIMIZE
    own = curves.get(group.best.job_name)
    best = own.metrics.get(found.metric) if own else None
    advice = [
        *_diverged(found, rows),
        *_overfitted(found, rows, of_group[0][0]),
        *(_of_best(found, best, of_group[0][0], maximise=maximise) if best else ()),
    ]
    return replace(group, learning=found, advice=(*group.advice, *advice))


def _without_what_curves_say(analysis: Analysis, groups: Sequence[Group]) -> tuple[Advice, ...]:
    """The analysis's own advice, without that on diverged trials if the first group's curves name each of them."""
    found = groups[0].learning if groups else None
    if found is None:
        return analysis.advice
    named = len(_unranked(found, analysis.trials))
    said = without_objective([each for each in analysis.lacks if each == Lack(diverged(found.metric), named)])
    return tuple(each for each in analysis.advice if each not in said)


def _unranked(found: Learning, rows: Sequence[TrialRow]) -> list[TrialCurve]:
    """The curves of trials that diverged and have no value."""
    return [each for each in found.curves if each.diverged_at is not None and rows[each.trial].group is None]


def _diverged(found: Learning, rows: Sequence[TrialRow]) -> list[Advice]:
    """The trials whose curves left every good value for good."""
    lost = [each for each in found.curves if each.diverged_at is not None]
    if not lost:
        return []
    named = listed([f"{rows[each.trial].job_name} {_at(found, each.diverged_at)}" for each in lost], _NAMED)
    unranked = len(_unranked(found, rows))
    who = ("It" if len(lost) == 1 else "They") if unranked == len(lost) else f"{unranked:,} of them"
    ranks = f" {who} can't be ranked." if unranked else ""
    text = f"{plural(len(lost), 'trial')} diverged ({found.metric}): {named}.{ranks}"
    return [Advice("diverged", text, None, {"count": len(lost)})]


def _overfitted(found: Learning, rows: Sequence[TrialRow], best: int) -> list[Advice]:
    """The trials beside the best one that were better on their way than at their end."""
    turned = [each for each in found.curves if each.overfits_from is not None and each.trial != best]
    if not turned:
        return []
    named = listed([f"{rows[each.trial].job_name} {_at(found, each.overfits_from)}" for each in turned], _NAMED)
    text = (
        f"{plural(len(turned), 'trial')} overfitted: {found.metric} was best on the way and got worse, while "
        f"{found.train_metric} went on getting better. Best before the end: {named}."
    )
    return [Advice("overfitted", text, None, {"count": len(turned)})]


def _of_best(found: Learning, best: Series, place: int, *, maximise: bool) -> list[Advice]:
    """What the best trial's curve says about more or fewer steps."""
    curve = next((each for each in found.curves if each.trial == place), None)
    if curve is None:
        return []
    if curve.overfits_from is not None:
        return [_overfits(found, best, curve, maximise=maximise)]
    share = still_gains(best, maximise=maximise)
    if share is None:
        return []
    text = (
        f"The best trial was still getting better at its end: the last tenth of its curve brought {percent(share)} of "
        f"all that {found.metric} gained. More steps may bring more."
    )
    return [Advice("still gaining", text, None, {"share": share})]


def _overfits(found: Learning, best: Series, curve: TrialCurve, *, maximise: bool) -> Advice:
    value, last = best_so_far(best, maximise=maximise)[-1][1], best.points()[-1][1]
    text = (
        f"The best trial's {found.metric} was best, {shown(value)}, {_at(found, curve.overfits_from)} and "
        f"{shown(last)} at its end, while {found.train_metric} went on getting better: it overfits from there. Stop "
        "earlier, or keep the model of that step."
    )
    figures: dict[str, Value] = {"best": value, "last": last, "from": curve.overfits_from}
    return Advice("overfitting in the curve", text, None, figures)


def _at(found: Learning, x: float | None) -> str:
    return f"at step {shown(x)}" if found.axis == Axis.ITERATION else f"after {shown(x)} s"
