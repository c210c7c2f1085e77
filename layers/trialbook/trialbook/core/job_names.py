"""A job's name: its base, which all launches of the same code share, and the pipeline that started it.

People, SDKs and services make names unique by a time, a random token or a counter. Only what cannot be anything else is
taken for one: `resnet-50`, `gpt-2`, `v1` and `fold-3` are names as they stand.
"""

from dataclasses import dataclass

from trialbook.core.patterns import late

_LONGEST = 63  # characters; SageMaker refuses longer names, so launchers cut theirs there

_YEAR, _MONTH, _DAY = r"20[1-3]\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_HOUR, _SIXTY = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
_MONTH_NAME = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_WEEKDAY = r"(?:(?i:mon|tue|wed|thu|fri|sat|sun)-)?"
_CLOCK = rf"(?:T{_HOUR}(?:-?{_SIXTY}){{1,2}}(?:-?\d{{3,6}})?Z?)?"
_END = r"(?=-|$)"

# Dates and moments of one run of digits, which may follow letters without a hyphen.
_COMPACT = (
    rf"{_YEAR}{_MONTH}{_DAY}(?:{_HOUR}{_SIXTY}(?:{_SIXTY}\d*)?)?Z?",  # 20261120, 20261120101500, …123456
    rf"{_YEAR}{_MONTH}{_DAY}{_CLOCK}",  # 20261120T101500Z
    r"1\d{9}(?:\d{3}){0,3}",  # seconds since 1970; with milli-, micro- or nanoseconds
)
# Nobody gives these to an experiment as its name, wherever they stand.
_SURE = (
    rf"{_YEAR}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12]\d|3[01]){_CLOCK}",  # 2026-11-20; the clock's numbers follow
    rf"(?:{_DAY}-{_MONTH}|{_MONTH}-{_DAY})-{_YEAR}",  # 20-11-2026, 11-20-2026
    rf"\d{{1,2}}-?{_MONTH_NAME}-?{_YEAR}|{_MONTH_NAME}-?\d{{1,2}}-?{_YEAR}|{_YEAR}-?{_MONTH_NAME}-?\d{{1,2}}",
    rf"{_WEEKDAY}{_MONTH_NAME}-+\d{{1,2}}-{_HOUR}-{_SIXTY}-{_SIXTY}-{_YEAR}",  # Fri-Nov-20-10-15-00-2026, as ctime does
    r"[0-7][0-9A-HJKMNP-TV-Z]{25}|[0-7][0-9a-hjkmnp-tv-z]{25}",  # a ULID
    r"(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}|(?=[0-9A-F]*\d)(?=\d*[A-F])[0-9A-F]{8,}",  # a token, a commit
    *_COMPACT,
)
# These could stand for something else inside a name; at its end, they are what its launcher appended.
_AT_THE_END = (
    r"[0-9a-f]{8,}|[0-9A-F]{8,}",
    # A commit as `git rev-parse --short` cuts it. Not `b64e100`, a batch size and epochs.
    r"(?![a-f]\d+[a-f]\d+(?:-|$))(?=\d+[a-f]+\d|[a-f]+\d+[a-f])[0-9a-f]{7}",
    rf"{_MONTH_NAME}{_DAY}-{_HOUR}-{_SIXTY}-{_SIXTY}",  # Nov20-10-15-00, as TensorBoard does
    rf"\d\d{_MONTH}{_DAY}-{_HOUR}{_SIXTY}(?:{_SIXTY})?",  # 261120-1015
    rf"\d\d-{_MONTH}-{_DAY}-{_HOUR}-{_SIXTY}-{_SIXTY}",  # 26-11-20-10-15-00
    rf"\d\d-{_MONTH}-{_DAY}-{_HOUR}-{_SIXTY}|{_MONTH}-{_DAY}-{_HOUR}-{_SIXTY}-{_SIXTY}",
    rf"{_DAY}-{_HOUR}-{_SIXTY}-{_SIXTY}|{_MONTH}-{_DAY}-{_HOUR}-{_SIXTY}",  # 20-10-15-00, as AWS's notebooks do
    rf"{_HOUR}-{_SIXTY}-{_SIXTY}|\d\d-{_MONTH}-{_DAY}|{_DAY}-{_MONTH}-\d\d",
)
# Behind a stamp: the clock's numbers, also as 10h15m00s or with a zone, a counter, the id of a trial, a short random
# token.
_BEHIND = (
    rf"{_HOUR}h{_SIXTY}m?(?:{_SIXTY}s?)?|(?:\d{{4}}(?:\d\d)?)?(?i:am|pm|utc|gmt)|"
    r"\d{1,9}|(?=[0-9a-f]*\d)[0-9a-f]{4,}|(?=[A-Z]*\d)[A-Z0-9]{4,8}|[a-f]{4}$"
)

_SURE_STAMP = late(rf"(?:{'|'.join(_SURE)}){_END}")
_LAST_STAMP = late(rf"(?:{'|'.join(_AT_THE_END)}){_END}")
_GLUED_STAMP = late(rf"(?:{'|'.join(_COMPACT)}){_END}")
_NEXT = late(rf"-+(?:{'|'.join(_SURE)}|{_BEHIND}){_END}")
_PART = late(r"^|(?<=-)(?!-)|(?<=[a-zA-Z])(?=\d)")

_UUID = late(r"-*(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12})-*")
_GLUED_TOKEN = late(r"[0-9a-f]{32}$")
_CUT_OFF = late(rf"-+(?:{_YEAR}(?:-\d{{0,2}}){{0,2}}|[0-9a-f]{{8}}(?:-[0-9a-f]{{0,4}}){{0,3}}(?:-[0-9a-f]*)?)$")
_CHILD = late(r"(?P<tuning_job>.+)-\d{3,}-[0-9a-f]{8}")
_AWS_BATCH = late(r"AWSBatch(?P<name>.+)[0-9a-f]{32}")
_KUBEFLOW = late(r"(?P<kind>[A-Z][A-Za-z]*Job|BatchTransform)-\d{14}-[A-Z0-9]{4}")
# SageMaker's console appends the day to the name of a job that it clones, and again to that of a clone.
_CLONED = late(rf"(?P<base>.+?)(?:-copy-{_MONTH}-{_DAY})+")
_COUNTED = late(r"(?P<base>.*(?:^|-|(?<=[a-z])(?=[A-Z]))(?i:job|run|rerun|trial|attempt|retry|repeat)|None)-*\d{1,6}")


@dataclass(frozen=True, slots=True)
class PipelineJobName:
    """The pipeline that started a job, as the job's name shows it.

    `base` is the step, or the prefix that the pipeline's author gave; `attempt` counts from 0 where the name has it.
    """

    execution: str
    base: str
    attempt: int | None = None


_PIPELINE_STEP = late(r"pipelines-(?P<execution>[a-z0-9]{12})-(?P<base>.+?)(?:-[a-zA-Z0-9]{10})?")
_PIPELINE_PREFIX = late(r"(?P<base>.+)-(?P<execution>[a-z0-9]{12})-(?P<token>[a-zA-Z0-9]{10})-(?P<attempt>\d{1,3})")
_PIPELINE_TUNING = late(r"(?P<execution>[a-z0-9]{12})-(?P<base>.{1,8})-(?P<token>[a-zA-Z0-9]{10})")


def pipeline_job(name: str) -> PipelineJobName | None:
    """The pipeline that a job's name shows; None if no pipeline named it.

    SageMaker makes `pipelines-<execution>-<step>-<token>`, for tuning jobs `<execution>-<step>-<token>` with the step
    cut, and with the SDK's use_custom_job_prefix `<prefix>-<execution>-<token>-<attempt>`.
    """
    step = _PIPELINE_STEP.fullmatch(name)
    if step:
        return PipelineJobName(step["execution"], step["base"])
    prefixed = _PIPELINE_PREFIX.fullmatch(name)
    if prefixed and _are_random(prefixed["execution"], prefixed["token"]):
        return PipelineJobName(prefixed["execution"], prefixed["base"], int(prefixed["attempt"]))
    tuning = _PIPELINE_TUNING.fullmatch(name)
    if tuning and _are_random(tuning["execution"], tuning["token"]):
        return PipelineJobName(tuning["execution"], tuning["base"])
    return None


def _are_random(execution: str, token: str) -> bool:
    """Whether it is an execution's id and a token rather than two words of twelve and ten letters."""
    is_word = token[1:].islower() and token.isalpha()
    return not is_word and any(map(str.isdigit, execution + token))


def is_from_a_queue(name: str) -> bool:
    """Whether a queue of AWS Batch named the job. The queue may try a failed one again, as another job."""
    return _AWS_BATCH.fullmatch(name) is not None


def base_job_name(name: str) -> str:
    """The name without what launchers append to make it unique; a name that is nothing else is its own base.

    The base of a base is itself. The base of a valid name is a valid name.
    """
    base = name
    while (shorter := _shortened(base)) != base:
        base = shorter
    return base


def _shortened(name: str) -> str:
    pipeline = pipeline_job(name)
    if pipeline is not None:
        return pipeline.base.strip("-") or name
    batch = _AWS_BATCH.fullmatch(name)
    if batch:
        queued = batch["name"].strip("-") or name
        return _trimmed(_without_remains(queued, is_cut=len(name) == _LONGEST), queued)
    named = _CLONED.fullmatch(name) or _CHILD.fullmatch(name) or _KUBEFLOW.fullmatch(name) or _COUNTED.fullmatch(name)
    if named:
        return named[1].strip("-") or name
    whole = _without_remains(name, is_cut=len(name) == _LONGEST)
    return _trimmed(_without_stamps(_GLUED_TOKEN.sub("", _UUID.sub("-", whole))), name)


def _trimmed(shorter: str, name: str) -> str:
    """The shorter name, unless it has no letter left that says what was launched."""
    return shorter.strip("-") if shorter != name and any(map(str.isalpha, shorter)) else name


def _without_remains(name: str, *, is_cut: bool) -> str:
    """The name without the beginning of a date or UUID that its launcher cut at the longest length."""
    return _CUT_OFF.sub("", name) if is_cut else name


def _without_stamps(name: str) -> str:
    """The name without its first stamp that leaves something."""
    for part in _PART.finditer(name):
        before = name[: part.start()].rstrip("-")
        is_glued = name[: part.start()] == before != ""
        sure = (_GLUED_STAMP if is_glued else _SURE_STAMP).match(name, part.start())
        behind = name[_end_of(name, sure.end()) :].lstrip("-") if sure else ""
        if sure and (before or behind):
            return "-".join(filter(None, (before, behind)))
        last = None if is_glued else _LAST_STAMP.match(name, part.start())
        if last and before and _end_of(name, last.end()) == len(name):
            return before
    return name


def _end_of(name: str, end: int) -> int:
    """Where what belongs to a stamp ends: what is behind it and is a stamp, a counter or a token itself."""
    while following := _NEXT.match(name, end):
        end = following.end()
    return end
