"""Failed jobs by reason, with the hyperparameter values that only they share."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from itertools import combinations
from math import comb
from operator import and_

from trialbook.core.analysis.model import FailureGroup, Kind, Lack, Parameter, Shared, Value
from trialbook.core.analysis.wording import cut
from trialbook.core.jobs import COMPLETED, FAILED, STOPPED
from trialbook.core.numbers import shown
from trialbook.core.sweeps import Record

_LONGEST = 240  # characters of a reason
_EXAMPLE = 1_200
_CHANCE = 0.05  # how likely coincidence may be for a shared value to be named
_NAMES = 50  # job names listed per group
_UNTOLD = "SageMaker gave no reason"

_NOISE = (
    (re.compile(r"s3://[^\s\"',)]+"), "s3://…"),
    (re.compile(r"\barn:aws[a-z-]*:[^\s\"',)]+"), "arn:…"),
    (re.compile(r"\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "…"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b"), "…"),
    (re.compile(r"(/[\w.+-]+){2,}"), "/…"),
    (re.compile(r"[-+]?(?<!\b[A-Za-z])(?<!\d)\d+(\.\d+)?([eE][-+]?\d+)?"), "…"),  # but not S3, p3, V100
)
_PLAIN = (re.compile(r"^\s*(framework error:|traceback \(most recent call last\):|, exit code: \d+)?\s*$", re.I),)
# SageMaker's containers quote the last lines of a script's output: `ErrorMessage "ValueError: no column"`.
_ERROR_LINE = re.compile(r'^\s*(?:ErrorMessage ")?(?P<said>[\w.]*(?:Error|Exception|Killed|Interrupt)\b.*)', re.M)


def essence(reason: str | None) -> str:
    """The line of a failure reason that says most: the last one that names an error, with its class before it."""
    text = (reason or "").strip()
    if not text:
        return _UNTOLD
    head, _, rest = text.partition(":")
    kind = f"{head}: " if re.fullmatch(r"\w+", head) and rest else ""
    errors = [line["said"].strip() for line in _ERROR_LINE.finditer(rest if kind else text)]
    telling = [line for line in errors if not line.endswith(":")] or errors
    if telling:
        return cut(kind + _without_half_of_a_pair(telling[-1]), _LONGEST)
    lines = [line.strip() for line in (rest if kind else text).splitlines()]
    said = [line for line in lines if line and not any(each.match(line) for each in _PLAIN)]
    return cut(kind + (said[0] if said else text.splitlines()[0]), _LONGEST)


def _without_half_of_a_pair(line: str) -> str:
    """Without the quote that ends a message whose beginning is not in the line."""
    return line[:-1].rstrip() if line.endswith('"') and line.count('"') % 2 else line


def normalised(reason: str | None) -> str:
    """The essence with what differs from job to job taken out: numbers, paths, ids."""
    text = essence(reason)
    for pattern, instead in _NOISE:
        text = pattern.sub(instead, text)
    return text


def failures(
    records: Sequence[Record], parameters: Sequence[Parameter], values: Mapping[str, Mapping[str, Value]]
) -> tuple[FailureGroup, ...]:
    """Groups of failed jobs as `alike` orders them; `values` are the varied hyperparameters of each job, by name."""
    fine = [values[record.job.name] for record in records if record.job.status in (COMPLETED, STOPPED)]
    return tuple(_group(found, fine, parameters, values) for found in alike(records))


def alike(records: Iterable[Record]) -> list[list[Record]]:
    """The failed records with the same normalised reason, the largest group first."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.job.status == FAILED:
            groups.setdefault(normalised(record.job.failure_reason), []).append(record)
    return [found for _, found in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))]


def _group(
    records: Sequence[Record],
    fine: Sequence[Mapping[str, Value]],
    parameters: Sequence[Parameter],
    values: Mapping[str, Mapping[str, Value]],
) -> FailureGroup:
    failed = [values[record.job.name] for record in records]
    conditions = [found for each in parameters for found in _conditions(each, failed, fine)]
    essences = {essence(record.job.failure_reason) for record in records}
    return FailureGroup(
        reason=essences.pop() if len(essences) == 1 else normalised(records[0].job.failure_reason),
        example=cut((records[0].job.failure_reason or _UNTOLD).strip(), _EXAMPLE),
        count=len(records),
        job_names=tuple(record.job.name for record in records[:_NAMES]),
        shared=tuple(shared for shared, _ in conditions if " to " not in shared.condition)[:10],
        only_they_share=_least_exclusive(conditions, len(failed), len(fine)),
    )


Condition = tuple[Shared, int]  # and which of the jobs that did not fail have it too, one bit for each


def _conditions(
    parameter: Parameter, failed: Sequence[Mapping[str, Value]], fine: Sequence[Mapping[str, Value]]
) -> list[Condition]:
    """What all failed jobs have in common in a hyperparameter: its value, or a bound where the others lie apart."""
    name = parameter.name
    had = {trial.get(name) for trial in failed}
    if len(had) == 1:
        (value,) = had
        text = "is not set" if value is None else f"= {shown(value)}"
        return [(Shared(name, text), _bits(trial.get(name) == value for trial in fine))]
    if parameter.kind is not Kind.NUMBER or None in had:
        return []
    numbers = [value for value in had if isinstance(value, int | float)]
    low, high = min(numbers), max(numbers)
    others = [None if (given := trial.get(name)) is None else float(given) for trial in fine]
    return [
        (Shared(name, f"≥ {shown(low)}"), _bits(given is not None and given >= low for given in others)),
        (Shared(name, f"≤ {shown(high)}"), _bits(given is not None and given <= high for given in others)),
    ]


def _bits(flags: Iterable[bool]) -> int:
    return int("".join("1" if flag else "0" for flag in flags) or "0", 2)


def _least_exclusive(conditions: Sequence[Condition], failed: int, fine: int) -> tuple[Shared, ...]:
    """The fewest conditions that no other job meets together, unless chance would find as much."""
    tried = 0
    for size in (1, 2, 3):
        for chosen in combinations(conditions, size):
            tried += 1
            if len({shared.parameter for shared, _ in chosen}) < size:
                continue
            if not reduce(and_, (others for _, others in chosen)):
                return tuple(shared for shared, _ in chosen) if _is_telling(tried, failed, fine) else ()
        if tried > 20_000:
            break
    return ()


def _is_telling(tried: int, failed: int, fine: int) -> bool:
    """Whether so many tries would rarely part the failed from the others by chance."""
    return failed > 1 and fine > 0 and tried / comb(failed + fine, failed) < _CHANCE


def lacks(records: Sequence[Record]) -> tuple[Lack, ...]:
    """Why jobs that ended well have no value, with counts."""
    counts = Counter(_cause(record) for record in records if record.without_objective is not None)
    return tuple(Lack(reason, count) for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _cause(record: Record) -> str:
    """Why it has no value; the same for all that diverged, whether to NaN or to infinity."""
    metric = record.job.metric(record.objective.metric) if record.objective else None
    if metric is not None and metric.has_diverged:
        return f"it diverged: its {metric.name} is no finite number"
    return record.without_objective or ""
