"""Which hyperparameters vary, and how their values compare."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from math import inf, log

from trialbook.core.analysis.arithmetic import place_between
from trialbook.core.analysis.model import Kind, Parameter, Scale, Value
from trialbook.core.hyper_parameters import Launch, is_internal, is_same, one_spelling, own, searched, unquoted
from trialbook.core.jobs import Job, ParameterRange, TuningDefinition
from trialbook.core.numbers import Number, is_whole, number_of
from trialbook.core.settings import with_varied_settings
from trialbook.core.sweeps import Record

_LONGEST_VALUE = 200  # characters; SageMaker allows 2,500, which no chart or table can use
_BEGIN, _END, _MARK = 120, 60, 6  # characters of a longer value that are kept, and of a mark of the whole
FEW = 8  # distinct values that are named one by one
_WIDE = 8  # a factor between least and greatest from which a log scale is worth it


def shown_value(text: str) -> str:
    """A value without the JSON quotes that SDK containers add, cut to a sensible length unless it is a whole number.
    Different values stay different: a mark of the whole stands for what is cut out."""
    inner = unquoted(text)
    if len(inner) <= _LONGEST_VALUE or is_whole(inner):
        return inner
    mark = sha256(inner.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]
    return f"{inner[:_BEGIN]}…{inner[-_END:]} #{mark}"


def shown_values(hyper_parameters: Mapping[str, str]) -> dict[str, str]:
    """A job's hyperparameters for display, those of SDK and tuning job left out, in order of their names."""
    return {name: shown_value(text) for name, text in sorted(hyper_parameters.items()) if not is_internal(name)}


def displayed_values(job: Job) -> dict[str, str]:
    """A single job's hyperparameters for display, without what is its own only, such as the path of its model."""
    left_out = own(Launch.of(job))
    return {name: text for name, text in shown_values(job.hyper_parameters).items() if name not in left_out}


def constants(jobs: Sequence[Job]) -> dict[str, str]:
    """The hyperparameters that all jobs have with the same value, as the first of them spells it."""
    launches = [Launch.of(job) for job in jobs]
    given = shown_values(jobs[0].hyper_parameters) if jobs else {}
    return {name: text for name, text in given.items() if is_same(name, launches)}


def with_settings(records: Sequence[Record]) -> list[Record]:
    """The records with the settings in which their jobs differ, such as data and machine, among hyperparameters."""
    jobs = with_varied_settings([record.job for record in records])
    return [
        record if job is record.job else replace(record, job=job) for record, job in zip(records, jobs, strict=True)
    ]


def varied(jobs: Sequence[Job], definitions: Iterable[TuningDefinition]) -> tuple[Parameter, ...]:
    """The hyperparameters that were searched over."""
    ranges = _ranges(definitions)
    return tuple(
        _parameter(name, _values(name, jobs), len(jobs), ranges.get(name)) for name in searched(jobs, tuned=ranges)
    )


def _values(name: str, jobs: Iterable[Job]) -> Counter[str]:
    """How often each value occurs; numbers that are only spelled differently are one."""
    texts = (job.hyper_parameters.get(name) for job in jobs)
    return Counter(one_spelling(shown_value(text)) for text in texts if text is not None)


def _ranges(definitions: Iterable[TuningDefinition]) -> dict[str, ParameterRange]:
    """Range by name; where definitions differ, the one that spans both."""
    found: dict[str, ParameterRange] = {}
    for definition in definitions:
        for each in definition.ranges:
            found[each.name] = _spanning(found.get(each.name), each)
    return found


def _spanning(one: ParameterRange | None, other: ParameterRange) -> ParameterRange:
    if one is None or None in (one.minimum, one.maximum, other.minimum, other.maximum):
        return other
    low = min(one.minimum or 0.0, other.minimum or 0.0)
    high = max(one.maximum or 0.0, other.maximum or 0.0)
    return ParameterRange(other.name, other.kind, low, high, other.scaling, other.values)


def _parameter(name: str, values: Counter[str], jobs: int, given: ParameterRange | None) -> Parameter:
    missing = jobs - values.total()
    numbers = [number for text in values if (number := number_of(text)) is not None]
    is_category = given is not None and given.kind == "Categorical"
    if len(numbers) < len(values) or not numbers or is_category:
        order = tuple(sorted(values, key=lambda text: (-values[text], text)))  # not by rank: that would tell the best
        if numbers and len(numbers) == len(values):
            order = tuple(sorted(values, key=lambda text: (number_of(text) or 0, text)))
        return Parameter(name, Kind.CATEGORY, Scale.LINEAR, len(values), missing, False, False, None, None, (), order)
    distinct = tuple(sorted(set(numbers)))
    has_range = given is not None and given.minimum is not None and given.maximum is not None
    low, high = (given.minimum, given.maximum) if given and has_range else (min(numbers), max(numbers))
    return Parameter(
        name=name,
        kind=Kind.NUMBER,
        scale=_scale(numbers, given),
        distinct=len(distinct),
        missing=missing,
        has_range=has_range,
        is_integer=all(number == int(number) for number in numbers),
        lowest=low,
        highest=high,
        values=distinct if len(distinct) <= FEW else (),
        categories=(),
    )


def _scale(numbers: Sequence[Number], given: ParameterRange | None) -> Scale:
    """That of the declared range, else the one on which the values lie more evenly."""
    least, greatest = min(numbers), max(numbers)
    if least <= 0:
        return Scale.LINEAR
    if given is not None and given.scaling in ("Logarithmic", "Linear"):
        return Scale.LOG if given.scaling == "Logarithmic" else Scale.LINEAR
    is_wide = len(set(numbers)) >= 3 and _WIDE <= greatest / least < inf
    return Scale.LOG if is_wide and _unevenness(numbers, log) < _unevenness(numbers, float) else Scale.LINEAR


def _unevenness(numbers: Sequence[Number], scaled: Callable[[float], float]) -> float:
    """How far the values lie from even steps between the least and the greatest, on a scale: 0 for even ones."""
    at = sorted({scaled(float(each)) for each in numbers})
    steps = len(at) - 1
    return max(abs(place_between(at[0], at[-1], each) - place / steps) for place, each in enumerate(at))


def typed(parameter: Parameter, hyper_parameters: Mapping[str, str]) -> Value:
    """A job's value of the hyperparameter: a number, a text, or None where the job lacks it."""
    text = hyper_parameters.get(parameter.name)
    return text if text is None else one_spelling(text) if parameter.kind is Kind.CATEGORY else number_of(text)


def typed_alike(parameters: Sequence[Parameter], shown: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Value]]:
    """Each job's values of the hyperparameters that were found to vary among these jobs. Where one is a number, all its
    texts are known to be, and need not be checked again."""
    readers = [(each.name, one_spelling if each.kind is Kind.CATEGORY else _read) for each in parameters]
    return {
        job: {name: None if (text := values.get(name)) is None else read(text) for name, read in readers}
        for job, values in shown.items()
    }


def _read(text: str) -> Number:
    number = float(text)
    return int(text) if number.is_integer() and is_whole(text.strip()) else number
