"""Conditions on jobs as people write them: `eta<0.1 and status=Failed`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isnan
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from trialbook.core.sweeps import Record
from trialbook.core.times import iso_or_none
from trialbook.errors import InvalidArgument

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": le,
    ">=": ge,
    "!=": ne,
    "==": eq,
    "=": eq,
    "<": lt,
    ">": gt,
}
_AND = re.compile(r"\s+and(?:\s+|$)", re.IGNORECASE)
_OTHERS = re.compile(r"\s(or|not|&&?|\|\|?)\s", re.IGNORECASE)  # which would be read as part of a value
_QUOTED = re.compile("'[^']*'|\"[^\"]*\"")
_TERM = re.compile(r"\s*(?P<name>[^<>=!~]+?)\s*(?P<compare><=|>=|!=|==|=|<|>|~)\s*(?P<value>[^<>=!~\s].*?)\s*")
_FACTS: Mapping[str, Callable[[Record], str | float | None]] = {
    "status": lambda record: record.job.status,
    "value": lambda record: record.value,
    "kind": lambda record: record.key.kind.value,
    "experiment": lambda record: record.experiment,
    "trial": lambda record: record.trial,
    "sweep": lambda record: record.sweep,
    "job": lambda record: record.job.name,
    "minutes": lambda record: None if record.job.duration_seconds is None else record.job.duration_seconds / 60,
    "started": lambda record: iso_or_none(record.job.started_at or record.job.created_at),
    "ended": lambda record: iso_or_none(record.job.ended_at),
    "failure": lambda record: record.job.failure_reason,
}
EXPECTED = (
    "conditions joined by `and`, each a name, one of < <= = != >= > ~ and a value, such as "
    "'eta<0.1 and status=Failed'; ~ takes * and ? as in file names; there is no `or` but in quotes"
)


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison. `name` is a hyperparameter, a metric, or one of a job's facts."""

    name: str
    compare: str
    value: str

    def holds(self, record: Record) -> bool:
        """Whether it holds for the job; what the job lacks holds for nothing but `!=`."""
        found = fact(record, self.name)
        if found is None:
            return self.compare == "!="
        if self.compare == "~":
            return fnmatchcase(str(found).casefold(), self.value.casefold())
        compare = _COMPARE[self.compare]
        left, right = _number(found), _number(self.value)
        is_number = left is not None and right is not None and not (isnan(left) and isnan(right))  # NaN = NaN here
        if is_number:
            return compare(left, right)
        return compare(str(found).casefold(), self.value.casefold())


def fact(record: Record, name: str) -> str | float | None:
    """A job's value of a name: a hyperparameter, else a metric, else one of its facts; None if it has none."""
    if name in record.job.hyper_parameters:
        return record.job.hyper_parameters[name]
    metric = record.job.metric(name)
    if metric is not None:
        return metric.text if metric.value is None else metric.value
    return _FACTS[name](record) if name in _FACTS else None


def facts() -> tuple[str, ...]:
    """The names that every job has."""
    return tuple(_FACTS)


def _number(value: str | float) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def parse_where(text: str) -> tuple[Term, ...]:
    """The terms that must all hold. Raises InvalidArgument, naming the part that can't be read."""
    terms = []
    for part in _AND.split(text.strip()):
        found = _TERM.fullmatch(part)
        if found is None or (not _QUOTED.fullmatch(found["value"]) and _OTHERS.search(part)):
            raise InvalidArgument("where", part, EXPECTED)
        terms.append(Term(found["name"], found["compare"], found["value"].strip("'\"")))
    return tuple(terms)
