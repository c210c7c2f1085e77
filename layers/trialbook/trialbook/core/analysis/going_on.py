"""Is it worth going on? What the trials so far say of the next ones."""

from collections.abc import Mapping, Sequence
from math import comb, prod, sqrt

from trialbook.core.analysis.arithmetic import median, trend
from trialbook.core.analysis.model import Advice, Parameter, Value
from trialbook.core.analysis.wording import plural
from trialbook.core.metric_names import best_possible
from trialbook.core.numbers import Number, apart, percent, shown, within
from trialbook.core.objectives import Objective, ObjectiveType
from trialbook.core.significance import rank_test

MORE = 20  # trials that are asked about
_FEWEST = 20  # ranked trials
_GETS_BETTER = 1.96  # standard deviations that the rank correlation of cost and time is below 0, as chance has in 2.5%
_CHANCE = 0.05  # that the first quarter differs from the others, either way
_IN_ORDER = 3.3  # of a hyperparameter and time, either way, as chance has in 0.1%
_MOST_TRIED = 0.5  # of all combinations of the values: a grid, or hardly anything new to draw
_DRAWN = ("Random",)
_CHOSEN = ("Bayesian", "Hyperband")


def going_on(
    values: Sequence[float],
    objective: Objective,
    strategy: str | None,
    parameters: Sequence[Parameter] = (),
    trials: Sequence[Mapping[str, Value]] = (),
) -> list[Advice]:
    """The chance of improvement by more trials; nothing of loops that go through values in order. `values` and `trials`
    are in the order in which trials ended."""
    if len(values) < _FEWEST or strategy == "Grid" or (strategy is None and _goes_through(parameters, trials)):
        return []
    is_higher = objective.type is ObjectiveType.MAXIMIZE
    costs = [-value for value in values] if is_higher else list(values)
    best = max(values) if is_higher else min(values)
    if best == best_possible(objective.metric, is_higher=is_higher):
        return [_reached(objective.metric, best, is_higher=is_higher)]
    if min(costs) == max(costs):
        return []
    if learns(costs, strategy):
        return [_chosen(costs, strategy)]
    return [_drawn(costs, is_known=strategy in _DRAWN)]


def _reached(metric: str, best: float, *, is_higher: bool) -> Advice:
    bound = "higher than" if is_higher else "lower than"
    text = f"No {metric} is {bound} {shown(best)}, so more trials can only match the best."
    return Advice("going on", text, None, {"chance": 0.0})


def learns(costs: Sequence[float], strategy: str | None) -> bool:
    """Whether a search chose later trials by earlier ones: by its strategy, or because trials got better with time.
    Costs are in the order in which trials ended."""
    return strategy in _CHOSEN or (strategy not in (*_DRAWN, "Grid") and _is_chosen(costs))


def _goes_through(parameters: Sequence[Parameter], trials: Sequence[Mapping[str, Value]]) -> bool:
    """Whether trials go through values, as nested loops do: most combinations were tried, or a number goes up or down
    with time. So do trials half of which are repeats: only chance could make more of them better."""
    columns = [[trial.get(each.name) for trial in trials] for each in parameters]
    tried = len(set(zip(*columns, strict=True))) or 1
    combinations = prod(len(set(column)) for column in columns)
    if 2 * tried <= len(trials) or (len(parameters) > 1 and tried >= _MOST_TRIED * combinations):
        return True
    return any(map(_is_in_order, columns))


def _is_in_order(column: Sequence[Value]) -> bool:
    numbers = [float(value) for value in column if isinstance(value, Number)]
    return abs(_trend(numbers)) > _IN_ORDER


def _trend(numbers: Sequence[float]) -> float:
    """The rank correlation with time, in the standard deviations of chance."""
    return (trend(numbers) or 0.0) * sqrt(max(len(numbers) - 1, 0))


def chance_of_better(trials: int, more: int = MORE) -> float:
    """How likely the best of all lies among the trials that follow, if all are drawn alike."""
    return more / (trials + more)


def expected_gain(costs: Sequence[float], more: int = MORE) -> float:
    """By how much the best of so many more is expected to lie below the best so far, gains that are none counted as
    none: as much as the same factor of trials has brought until now."""
    fewer = max(1, round(len(costs) ** 2 / (len(costs) + more)))
    return within(expected_best(sorted(costs), fewer) - min(costs))


def expected_best(ordered: Sequence[float], drawn: int) -> float:
    """The mean of the first value over all ways to draw so many; values in order, best first."""
    number = len(ordered)
    whole = comb(number, drawn)
    return sum(
        value * (comb(number - place - 1, drawn - 1) / whole)
        for place, value in enumerate(ordered[: number - drawn + 1])
    )


def _is_chosen(costs: Sequence[float]) -> bool:
    """Whether trials got better with time, as those of a search that learns do: steadily, or after the first quarter,
    which such searches often draw at random."""
    first = len(costs) // 4
    chance = rank_test(costs[:first], costs[first:])
    is_worse_first = chance is not None and chance < _CHANCE and median(costs[:first]) > median(costs[first:])
    return is_worse_first or _trend(costs) < -_GETS_BETTER


def _drawn(costs: Sequence[float], *, is_known: bool) -> Advice:
    chance, gain = chance_of_better(len(costs)), expected_gain(costs)
    condition = "" if is_known else ", if they are drawn at random as these seem to be"
    if (equal := costs.count(min(costs))) > 1:
        most = f"at most {percent(chance)}{condition}: {equal:,} of {len(costs):,} trials reached the same value"
    else:
        most = f"{percent(chance)}{condition}; on average they would improve it by about {shown(float(f'{gain:.2g}'))}"
    text = f"{MORE} more trials would beat the best with a chance of {most}. {_held_out(costs)}"
    figures: dict[str, Value] = {"more": MORE, "chance": chance, "gain": gain, "trials": len(costs)}
    return Advice("going on", text, None, figures)


def _chosen(costs: Sequence[float], strategy: str | None) -> Advice:
    name = f"{strategy} search" if strategy else "search whose trials got better with time"
    text = f"This {name} chooses where it looks, so no chance can be given for more trials. {_held_out(costs)}"
    return Advice("going on", text, None, {"more": MORE, "trials": len(costs)})


def _held_out(costs: Sequence[float]) -> str:
    """The improvement by the last trials, as a check."""
    last = min(MORE, len(costs) // 2)
    before, after = min(costs[:-last]), min(costs[-last:])
    if after < before:
        brought = f"improved the best of the {len(costs) - last:,} before them by {shown(apart(before, after))}"
    else:
        brought = f"found nothing better than the {len(costs) - last:,} before them"
    return f"The last {plural(last, 'trial')} {brought}."
