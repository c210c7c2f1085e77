"""What parts some jobs from all others: the clearest condition, or pair of conditions, on their hyperparameters, unless
chance would part them as clearly.

A candidate is a value, a bound, or two of them together. How clearly it parts is Fisher's exact test; whether that is
more than chance is asked of all candidates together: the jobs are shuffled, and the clearest candidate is sought again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import exp, inf, lgamma, log

from trialbook.core.analysis.model import Cause, Kind, Parameter, Shared, Value
from trialbook.core.analysis.shuffling import Draws
from trialbook.core.numbers import shown

LIKELY_CHANCE = 0.05  # how likely chance may be for a cause to be named
_BOUNDS = 8  # of a number, on either side
_VALUES = 12  # of a hyperparameter, the most frequent ones
_MOST_PAIRS = 6_000
_SHUFFLES = 199
_SURE = 0.002  # a bound of the chance so low needs no shuffling
_FEWEST_MET = 0.5  # of the jobs that meet the condition must have failed, and of the failed ones must meet it

Trials = Sequence[Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class _Candidate:
    conditions: tuple[Shared, ...]
    jobs: int  # that meet them, a bit each
    penalty: float  # log of how many candidates of its kind there are for each single condition


def cause(parameters: Sequence[Parameter], failed: Trials, others: Trials, *, asked: int = 1) -> Cause | None:
    """What parts the failed from the others; `asked` is of how many groups of failed jobs that is asked."""
    if len(failed) < 2 or not others:
        return None
    candidates = _candidates(parameters, [*failed, *others])
    if not candidates:
        return None
    count, number = len(failed), len(failed) + len(others)
    score = _scorer(count, number)
    labels = (1 << count) - 1
    found, clearest = min(((score(each, labels), place) for place, each in enumerate(candidates)), default=(inf, 0))
    limit = LIKELY_CHANCE / asked
    singles = sum(1 for each in candidates if len(each.conditions) == 1)
    chance = min(1.0, exp(found) * 2 * singles)  # each kind of candidate has as many chances as there are single ones
    if chance > _SURE:
        chance = _chance(candidates, score, found, count, number, limit)
    if chance > limit:
        return None
    best = candidates[clearest]
    met, meeting = (best.jobs & labels).bit_count(), best.jobs.bit_count()
    return Cause(best.conditions, met, meeting, count - met, number - meeting, chance)


def _chance(
    candidates: Sequence[_Candidate],
    score: Callable[[_Candidate, int], float],
    found: float,
    count: int,
    number: int,
    limit: float,
) -> float:
    """How often shuffled jobs are parted as clearly, by as many shuffles as it takes to know on which side of the limit
    that lies."""
    source, as_clear = Draws(number * 1_000 + count), 0
    enough = int(limit * (_SHUFFLES + 1))
    for done in range(1, _SHUFFLES + 1):
        labels = sum(1 << place for place in source.sample(number, count))
        as_clear += any(score(each, labels) <= found + 1e-9 for each in candidates)
        if as_clear >= enough:
            return (as_clear + 1) / (done + 1) if (as_clear + 1) / (done + 1) > limit else 1.0
    return (as_clear + 1) / (_SHUFFLES + 1)


def _scorer(count: int, number: int) -> Callable[[_Candidate, int], float]:
    """The log of Fisher's one-sided chance, with the candidate's penalty; infinite for what explains too little."""

    @cache
    def tail(meeting: int, met: int) -> float:
        if met < _FEWEST_MET * meeting or met < _FEWEST_MET * count:
            return inf
        return _log_tail(number, count, meeting, met)

    def score(candidate: _Candidate, labels: int) -> float:
        return tail(candidate.jobs.bit_count(), (candidate.jobs & labels).bit_count()) + candidate.penalty

    return score


def _log_tail(number: int, count: int, meeting: int, met: int) -> float:
    """The log of the chance that of `meeting` jobs at least `met` are among the `count` that failed."""
    whole = _log_choose(number, meeting)
    terms = [
        _log_choose(count, each) + _log_choose(number - count, meeting - each) - whole
        for each in range(met, min(count, meeting) + 1)
        if meeting - each <= number - count
    ]
    greatest = max(terms)
    return greatest + log(sum(exp(term - greatest) for term in terms))


def _log_choose(number: int, chosen: int) -> float:
    return lgamma(number + 1) - lgamma(chosen + 1) - lgamma(number - chosen + 1)


def _candidates(parameters: Sequence[Parameter], trials: Trials) -> list[_Candidate]:
    """Single conditions, then pairs on different hyperparameters; of those that the same jobs meet, the first."""
    everyone = (1 << len(trials)) - 1
    seen: dict[int, tuple[Shared, ...]] = {}
    for parameter in parameters:
        for condition, met in _conditions(parameter, [trial.get(parameter.name) for trial in trials]):
            if 0 < met < everyone:
                seen.setdefault(met, (condition,))
    singles = [_Candidate(conditions, met, 0.0) for met, conditions in seen.items()]
    pairs: dict[int, tuple[Shared, ...]] = {}
    for one, other in combinations(singles, 2):
        both = one.jobs & other.jobs
        if both and both not in seen and one.conditions[0].parameter != other.conditions[0].parameter:
            pairs.setdefault(both, (*one.conditions, *other.conditions))
        if len(pairs) >= _MOST_PAIRS:
            break
    penalty = log(max(len(pairs) / max(len(singles), 1), 1))
    return [*singles, *(_Candidate(conditions, met, penalty) for met, conditions in pairs.items())]


def _conditions(parameter: Parameter, column: Sequence[Value]) -> Iterable[tuple[Shared, int]]:
    name = parameter.name
    frequent = [value for value, _ in Counter(column).most_common(_VALUES)] if _is_coarse(parameter) else [None]
    for value in sorted(frequent, key=str):
        text = "is not set" if value is None else f"= {shown(value)}"
        yield Shared(name, text), _bits(given == value and type(given) is type(value) for given in column)
    if parameter.kind is not Kind.NUMBER:
        return
    numbers = [None if value is None or isinstance(value, str) else value for value in column]
    at = sorted({value for value in numbers if value is not None})
    for place in _places(len(at)):
        low, high = at[place - 1], at[place]
        yield Shared(name, f"≥ {shown(high)}"), _bits(value is not None and value >= high for value in numbers)
        yield Shared(name, f"≤ {shown(low)}"), _bits(value is not None and value <= low for value in numbers)


def _is_coarse(parameter: Parameter) -> bool:
    """Whether its values come again, so that one of them can be a cause."""
    return parameter.kind is Kind.CATEGORY or bool(parameter.values) or parameter.is_integer


def _places(distinct: int) -> Iterable[int]:
    """Between which values the bounds lie: denser at both ends, where causes are."""
    if distinct <= 2 * _BOUNDS:
        return range(1, distinct)
    shares = (0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.35, 0.5, 0.65, 0.75, 0.8, 0.85, 0.9, 0.94, 0.97)
    return sorted({min(max(round(share * distinct), 1), distinct - 1) for share in shares})


def _bits(flags: Iterable[bool]) -> int:
    return int("".join("1" if flag else "0" for flag in flags)[::-1] or "0", 2)
