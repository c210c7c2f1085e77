"""Failed jobs by reason, with the hyperparameter values that part them from all others."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from trialbook.core.analysis.causes import cause
from trialbook.core.analysis.model import FailureGroup, Lack, Parameter, Shared, Value
from trialbook.core.analysis.wording import cut
from trialbook.core.jobs import FAILED
from trialbook.core.numbers import shown
from trialbook.core.sweeps import Record

_LONGEST = 240  # characters of a reason
_EXAMPLE = 1_200
_MOST_ASKED = 5  # groups of failed jobs whose cause is sought
_NAMES = 50  # job names listed per group
_NO_REASON = "SageMaker gave no reason"

_NOISE = (
    (re.compile(r"s3://[^\s\"',)]+"), "s3://…"),
    (re.compile(r"\barn:aws[a-z-]*:[^\s\"',)]+"), "arn:…"),
    (re.compile(r"\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "…"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b"), "…"),
    (re.compile(r"(/[\w.+-]+){2,}"), "/…"),
    (re.compile(r"[-+]?(?<!\b[A-Za-z])(?<!\d)\d+(\.\d+)?([eE][-+]?\d+)?"), "…"),  # but not S3, p3, V100
)
_PLAIN = (re.compile(r"^\s*(framework error:|traceback \(most recent call last\):|, exit code: \d+)?\s*$", re.I),)
# What SageMaker's containers put around a script's output.
_WRAPPING = re.compile(r'^\s*ExecuteUserScriptError:?\s*$\n?|^\s*ExitCode \d+\s*$\n?|^\s*"?\n?Command ".*', re.M | re.S)
_QUOTING = re.compile(r'^\s*ErrorMessage "', re.M)
# SageMaker's containers quote the last lines of a script's output: `ErrorMessage "ValueError: no column"`.
_ERROR_LINE = re.compile(r'^\s*(?:ErrorMessage ")?(?P<said>[\w.]*(?:Error|Exception|Killed|Interrupt)\b.*)', re.M)


def essence(reason: str | None) -> str:
    """The line of a failure reason that says most: the last one that names an error, with its class before it."""
    text = (reason or "").strip()
    if not text:
        return _NO_REASON
    head, _, rest = text.partition(":")
    kind = f"{head}: " if re.fullmatch(r"\w+", head) and rest else ""
    whole = rest if kind else text
    said = _QUOTING.sub("", _WRAPPING.sub("", whole))
    whole = said if said.strip(' \n"') else whole
    errors = [line["said"].strip() for line in _ERROR_LINE.finditer(whole)]
    informative = [line for line in errors if not line.endswith(":")] or errors
    if informative:
        return cut(kind + _without_half_of_a_pair(informative[-1]), _LONGEST)
    lines = [line.strip() for line in whole.splitlines()]
    telling = [line for line in lines if line and not any(each.match(line) for each in _PLAIN)]
    return cut(kind + _without_half_of_a_pair(telling[0] if telling else text.splitlines()[0]), _LONGEST)


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
    groups = alike(records)
    asked = max(sum(1 for found in groups if len(found) > 1), 1)
    return tuple(
        _group(found, _others(found, records, values), parameters, values, asked if place < _MOST_ASKED else 0)
        for place, found in enumerate(groups)
    )


def _others(
    failed: Sequence[Record], records: Sequence[Record], values: Mapping[str, Mapping[str, Value]]
) -> list[Mapping[str, Value]]:
    """The hyperparameters of all other jobs that ended, those that failed for another reason among them."""
    own = {record.job.name for record in failed}
    return [values[each.job.name] for each in records if each.job.is_terminal and each.job.name not in own]


def alike(records: Iterable[Record]) -> list[list[Record]]:
    """The failed records with the same normalised reason, the largest group first."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.job.status == FAILED:
            groups.setdefault(normalised(record.job.failure_reason), []).append(record)
    return [found for _, found in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))]


def _group(
    records: Sequence[Record],
    others: Sequence[Mapping[str, Value]],
    parameters: Sequence[Parameter],
    values: Mapping[str, Mapping[str, Value]],
    groups: int,
) -> FailureGroup:
    failed = [values[record.job.name] for record in records]
    essences = {essence(record.job.failure_reason) for record in records}
    found = cause(parameters, failed, others, asked=groups) if groups else None
    is_exact = found is not None and found.jobs == found.failed and not found.failed_of_others
    return FailureGroup(
        reason=essences.pop() if len(essences) == 1 else normalised(records[0].job.failure_reason),
        example=cut((records[0].job.failure_reason or _NO_REASON).strip(), _EXAMPLE),
        count=len(records),
        job_names=tuple(record.job.name for record in records[:_NAMES]),
        shared=tuple(shared for each in parameters if (shared := _shared(each.name, failed)))[:10],
        only_they_share=found.conditions if found and is_exact else (),
        cause=found,
    )


def _shared(name: str, failed: Sequence[Mapping[str, Value]]) -> Shared | None:
    """The value that all failed jobs have in common."""
    had = {trial.get(name) for trial in failed}
    if len(had) > 1:
        return None
    (value,) = had
    return Shared(name, "is not set" if value is None else f"= {shown(value)}")


def lacks(records: Sequence[Record]) -> tuple[Lack, ...]:
    """Why jobs that ended well have no value, with counts."""
    counts = Counter(_cause(record) for record in records if record.without_objective is not None)
    return tuple(Lack(reason, count) for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _cause(record: Record) -> str:
    """Why it has no value; the same for all that diverged, whether to NaN or to infinity."""
    metric = record.job.metric(record.objective.metric) if record.objective else None
    if metric is not None and metric.has_diverged:
        return diverged(metric.name)
    return record.without_objective or ""


def diverged(metric: str) -> str:
    """Why a job has no value if its last one was no finite number."""
    return f"it diverged: its {metric} is no finite number"
