"""The title of each chart and a description: for screen readers, and for mail that loads no pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

from trialbook.core.analysis.curve_model import Learning
from trialbook.core.analysis.model import Analysis, Group, Value
from trialbook.core.analysis.parameters import FEW
from trialbook.core.analysis.verdict import counted
from trialbook.core.analysis.wording import duration, listed, often, ordinal, plural
from trialbook.core.curves.series import Axis
from trialbook.core.numbers import shown, whole_percent
from trialbook.core.seeds import without_seeds


def _best(group: Group) -> str:
    return f"best {group.ranking.metric} {shown(group.best.value)}"


def _at(values: Mapping[str, Value]) -> str:
    return listed([f"{name} {shown(values[name])}" for name in without_seeds(values)])


@dataclass(frozen=True, slots=True)
class Words:
    """A chart's title, and its finding."""

    title: str
    alt: str


def value_by_parameter(group: Group, name: str) -> Words:
    """Where along the hyperparameter the best lies, and how the values run."""
    title = f"{group.ranking.metric} by {name}"
    found = next((each for each in group.slices if each.parameter == name), None)
    text = f"{plural(group.ranked, 'trial')}: {_best(group)} at {name} {shown(group.best.varied.get(name))}."
    if found is None or len(found.bins) > FEW:
        return Words(title, text)
    values = ", ".join(f"{each.label}: {shown(each.best)}" for each in found.bins)
    return Words(title, f"{text} Best by {name} – {values}.")


def slices(group: Group) -> Words:
    """Where the best lies along each hyperparameter."""
    at = _at(group.best.varied)
    text = f"{plural(group.ranked, 'trial')} along each hyperparameter: {_best(group)} at {at}."
    return Words(f"{group.ranking.metric} along each hyperparameter", text)


def history(group: Group) -> Words:
    """When the best came and how often it was improved."""
    last = group.improvements[-1]
    ranked = plural(group.ranked, "trial")
    best = f"Best {group.ranking.metric} {shown(group.best.value)}"
    text = f"{best}, reached by the {ordinal(last.finished)} job to end; {ranked} ranked"
    times = len(group.improvements) - 1
    improved = f", the best so far improved {often(times)}" if times else ""
    return Words(f"{group.ranking.metric}, trial by trial", f"{text}{improved}.")


def learning(group: Group) -> Words:
    """How many trials have curves, which reached the best's level on their way, and which went wrong."""
    found = group.learning
    assert found is not None
    what = "iteration" if found.axis == Axis.ITERATION else "time"
    text = f"{found.metric} of {plural(found.trials, 'trial')} by {what}"
    best = found.curves[0]
    if best.passed_at is not None:
        text += (
            f"; the best was first as good as its final value, {shown(found.level)}, {_place(found, best.passed_at)}"
        )
        others = found.passed - 1
        text += f", {plural(others, 'other')} on their way" if others else ", no other ever was"
    for count, how in ((found.diverged, "diverged"), (found.overfitting, "overfitted")):
        text += f"; {count:,} {how}" if count else ""
    return Words(f"How {found.metric} was learned", f"{text}.")


def _place(found: Learning, x: float) -> str:
    return f"at iteration {shown(x)}" if found.axis == Axis.ITERATION else f"after {duration(x)}"


def importance(group: Group) -> Words:
    """Shares, greatest first."""
    assert group.importance is not None
    shares = [f"{each.parameter} {whole_percent(each.share)}" for each in group.importance.effects[:5]]
    sure = " (indicative)" if group.importance.is_indicative else ""
    text = f"Share of the explained variation of {group.ranking.metric}{sure}: {', '.join(shares)}."
    return Words(f"What {group.ranking.metric} depends on", text)


def parallel(group: Group) -> Words:
    """The values that the best trial's line passes."""
    at = _at(group.best.varied)
    trials = plural(group.ranked, "trial")
    text = f"A line for each of {trials}; the best, {shown(group.best.value)}, passes {at}."
    return Words(f"{trials} across {plural(len(group.slices), 'hyperparameter')}", text)


def contour(group: Group, one: str, other: str) -> Words:
    """Where the best lies."""
    at = _at({name: group.best.varied.get(name) for name in (one, other)})
    text = f"{plural(group.ranked, 'trial')} over {one} and {other}: {_best(group)} at {at}."
    return Words(f"{group.ranking.metric} over {one} and {other}", text)


_QUANTITIES = {
    "cost_usd": "cost (US$, estimate)",
    "billable_seconds": "billable seconds",
    "duration_seconds": "seconds",
}


def quantity(name: str) -> str:
    """The second quantity of a front: `cost (US$, estimate)`, or a metric's name."""
    return _QUANTITIES.get(name, name)


def front(group: Group) -> Words:
    """The cost of the best, and the cheapest trial that nothing beats."""
    assert group.front is not None
    first, last = group.front.trials[0], group.front.trials[-1]
    other = quantity(group.front.other)
    text = (
        f"{len(group.front.trials):,} of {plural(group.front.compared, 'trial')} are beaten by no other in both "
        f"{group.ranking.metric} and {other}: from {shown(first.value)} at {shown(first.other)} to "
        f"{shown(last.value)} at {shown(last.other)}."
    )
    return Words(f"{group.ranking.metric} against {other}", text)


def timeline(analysis: Analysis) -> Words:
    """Counts and length."""
    wall = analysis.cost.wall_seconds
    text = f"{counted(analysis.counts)}{'' if wall is None else f', within {duration(wall)}'}."
    return Words("When the jobs ran, and how they ended", text)
