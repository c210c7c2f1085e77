"""What parts some jobs from all others: the clearest condition, or pair of conditions, on their hyperparameters, unless
chance would part them as clearly.

A candidate is a value, a bound, or two of them together. How clearly it parts is Fisher's exact test; whether that is
more than chance is asked of all candidates together: the jobs are shuffled, and the clearest candidate is sought again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, combinations
from math import exp, inf, lgamma, log

from trialbook.core.analysis.model import Cause, Kind, Parameter, Shared, Value
from trialbook.core.analysis.shuffling import Draws
from trialbook.core.numbers import Number, number_of, shown

LIKELY_CHANCE = 0.05  # how likely chance may be for a cause to be named
_BOUNDS = 8  # of a number, on either side
_VALUES = 12  # of a hyperparameter, the most frequent ones
_MOST_PAIRS = 6_000
_SHUFFLES = 199
_SURE = 0.002  # a bound of the chance so low needs no shuffling
_ONE = ord("1")
_FEWEST_MET = 0.5  # of the jobs that meet the condition must have failed, and of the failed ones must meet it

Trials = Sequence[Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class _Condition:
    parameter: str
    relation: str
    value: Value

    def in_words(self) -> Shared:
        """Made for few of many: showing a number takes longer than all else that is asked of a condition."""
        return Shared(self.parameter, "is not set" if self.value is None else f"{self.relation} {shown(self.value)}")


def is_met(shared: Shared, trial: Mapping[str, Value]) -> bool:
    """Whether a trial meets a condition that a report holds in words."""
    value = trial.get(shared.parameter)
    relation, _, text = shared.condition.partition(" ")
    if value is None or relation == "is":
        return value is None and relation == "is"
    bound = number_of(text)
    if relation == "=" or bound is None or isinstance(value, str):
        return shown(value) == text
    return value >= bound if relation == "≥" else value <= bound


@dataclass(frozen=True, slots=True)
class _Candidate:
    conditions: tuple[_Condition, ...]
    jobs: int  # that meet them, a bit each
    meeting: int  # how many these are
    penalty: float  # log of how many candidates of its kind there are for each single condition


@dataclass(frozen=True, slots=True)
class _Candidates:
    singles: int  # how many single conditions there are
    able: tuple[_Candidate, ...]  # those that can explain enough, whichever jobs failed


def cause(parameters: Sequence[Parameter], failed: Trials, others: Trials, *, asked: int = 1) -> Cause | None:
    """What parts the failed from the others; `asked` is of how many groups of failed jobs that is asked."""
    if len(failed) < 2 or not others:
        return None
    count, number = len(failed), len(failed) + len(others)
    candidates = _candidates(parameters, [*failed, *others], count)
    score = _scorer(count, number)
    labels = (1 << count) - 1
    scored = ((score(each, labels), place) for place, each in enumerate(candidates.able))
    found, clearest = min(scored, default=(inf, 0))
    if found == inf:
        return None
    limit = LIKELY_CHANCE / asked
    # each kind of candidate has as many chances as there are single ones
    chance = min(1.0, exp(found) * 2 * candidates.singles)
    if chance > _SURE:
        chance = _chance(candidates.able, score, found, count, number, limit)
    if chance > limit:
        return None
    best = candidates.able[clearest]
    met = (best.jobs & labels).bit_count()
    conditions = tuple(each.in_words() for each in best.conditions)
    return Cause(conditions, met, best.meeting, count - met, number - best.meeting, chance)


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
    source, as_clear, places = Draws(number * 1_000 + count), 0, list(range(number))
    enough = int(limit * (_SHUFFLES + 1))
    for done in range(1, _SHUFFLES + 1):
        labels = _bits(source.sample(places, count), number)
        as_clear += any(score(each, labels) <= found + 1e-9 for each in candidates)
        if as_clear >= enough:
            return (as_clear + 1) / (done + 1) if (as_clear + 1) / (done + 1) > limit else 1.0
    return (as_clear + 1) / (_SHUFFLES + 1)


def _scorer(count: int, number: int) -> Callable[[_Candidate, int], float]:
    """The log of Fisher's one-sided chance, with the candidate's penalty; infinite for what explains too little."""

    @cache
    def tail(meeting: int, met: int) -> float:
        return _log_tail(number, count, meeting, met) if _explains_enough(met, meeting, count) else inf

    def score(candidate: _Candidate, labels: int) -> float:
        return tail(candidate.meeting, (candidate.jobs & labels).bit_count()) + candidate.penalty

    return score


def _explains_enough(met: int, meeting: int, count: int) -> bool:
    """Whether most jobs that meet a condition failed, and most that failed meet it."""
    return met >= _FEWEST_MET * meeting and met >= _FEWEST_MET * count


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


def _candidates(parameters: Sequence[Parameter], trials: Trials, count: int) -> _Candidates:
    """Single conditions, then pairs on different hyperparameters; of those that the same jobs meet, the first. `count`
    jobs failed."""
    everyone = (1 << len(trials)) - 1
    seen: dict[int, _Condition] = {}
    for parameter in parameters:
        for condition, met in _conditions(parameter, [trial.get(parameter.name) for trial in trials]):
            if 0 < met < everyone:
                seen.setdefault(met, condition)
    pairs = _pairs(seen)
    penalty = log(max(len(pairs) / max(len(seen), 1), 1))
    found = ((0.0, {met: (condition,) for met, condition in seen.items()}), (penalty, pairs))
    able = (
        _Candidate(conditions, met, meeting, own_penalty)
        for own_penalty, kind in found
        for met, conditions in kind.items()
        if _explains_enough(min(meeting := met.bit_count(), count), meeting, count)
    )
    return _Candidates(len(seen), tuple(able))


def _pairs(singles: Mapping[int, _Condition]) -> dict[int, tuple[_Condition, ...]]:
    """Two conditions together, by the jobs that meet both."""
    pairs: dict[int, tuple[_Condition, ...]] = {}
    for (met, one), (met_other, other) in combinations(singles.items(), 2):
        if one.parameter == other.parameter:
            continue
        both = met & met_other
        if both and both not in pairs and both not in singles:
            pairs[both] = (one, other)
            if len(pairs) >= _MOST_PAIRS:
                break
    return pairs


def _conditions(parameter: Parameter, column: Sequence[Value]) -> Iterable[tuple[_Condition, int]]:
    name = parameter.name
    frequent = [value for value, _ in Counter(column).most_common(_VALUES)] if _is_coarse(parameter) else [None]
    for value in sorted(frequent, key=str):
        met = (at for at, given in enumerate(column) if given == value and type(given) is type(value))
        yield _Condition(name, "=", value), _bits(met, len(column))
    if parameter.kind is not Kind.NUMBER:
        return
    by_value: dict[Number, list[int]] = {}
    for at, given in enumerate(column):
        if isinstance(given, Number):
            by_value.setdefault(given, []).append(at)
    values = sorted(by_value)
    ordered = [at for value in values for at in by_value[value]]
    ends = [0, *accumulate(len(by_value[value]) for value in values)]
    all_of_them, lower, done = _bits(ordered, len(column)), 0, 0
    for place in _places(len(values)):
        low, high = values[place - 1], values[place]
        lower |= _bits(ordered[done : ends[place]], len(column))
        done = ends[place]
        yield _Condition(name, "≥", high), all_of_them & ~lower
        yield _Condition(name, "≤", low), lower


def _is_coarse(parameter: Parameter) -> bool:
    """Whether its values come again, so that one of them can be a cause."""
    return parameter.kind is Kind.CATEGORY or bool(parameter.values) or parameter.is_integer


def _places(distinct: int) -> Iterable[int]:
    """Between which values the bounds lie: denser at both ends, where causes are."""
    if distinct <= 2 * _BOUNDS:
        return range(1, distinct)
    shares = (0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.35, 0.5, 0.65, 0.75, 0.8, 0.85, 0.9, 0.94, 0.97)
    return sorted({min(max(round(share * distinct), 1), distinct - 1) for share in shares})


def _bits(places: Iterable[int], number: int) -> int:
    """A number that has a bit at each of the places, which are below `number`."""
    digits = bytearray(b"0" * (number + 1))
    for place in places:
        digits[-1 - place] = _ONE
    return int(digits, 2)
