"""The settings of a job that a search can vary: two jobs with the same settings are one training, repeated."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256

from trialbook.core.hyper_parameters import (
    Launch,
    Value,
    are_different,
    differing,
    is_internal,
    is_label,
    one_spelling,
    unquoted,
)
from trialbook.core.job_names import base_job_name
from trialbook.core.jobs import Job
from trialbook.core.names import same_name

_REPOSITORY = re.compile(r"(?:.+/)?(?P<name>[^:/@]+)(?:[:@].*)?")
_SOURCE = ("sagemaker_program", "sagemaker_submit_directory")
_NO_DATA = ("code", "model", "checkpoint", "pretrained")  # channels that many people's jobs share
# Tags that say whose a job is, without regard to case and hyphens. SageMaker Studio sets the last one by itself.
_USER_TAGS = ("owner", "user", "username", "createdby", "creator", "launchedby", "sagemakeruserprofilearn")
_INSTANCES, _IMAGE, _ENTRY_POINT, _SOURCE_CODE = "instance type", "container image", "entry point", "source code"
_BASE_NAME = "base name"
_CODE = (_SOURCE_CODE, "code data", "sm_drivers data")  # the channels are those of the SDK's ModelTrainer
_DATA = " data"  # ends the name of a channel's data; hyperparameters are options of a script, and have no spaces
_DIGITS = re.compile(r"-*\d+")
_NO_LETTER = re.compile(r"[^a-z]")


def settings_of(job: Job) -> str | None:
    """A mark that jobs share if nothing differs that could be searched: hyperparameters, image, source, data, base
    model, machine. None if none of it is known: nobody can say then that two jobs are equal.

    What is made from a job's own name or launch time makes no difference, nor does another spelling of a number.
    """
    if not (job.hyper_parameters or job.image or job.algorithm or job.channels):
        return None
    launch = Launch.of(job)
    return _hashed({**_settings_without_data(job, launch), "data": _data(job, launch)})


def _settings_without_data(job: Job, launch: Launch) -> dict[str, object]:
    return {
        "hyper_parameters": dict(_hyper_parameters(job, launch)),
        "image": [job.image, job.algorithm],
        "machine": [[each.instance_type, each.instance_count] for each in job.instances],
    }


def with_varied_settings(jobs: Sequence[Job]) -> list[Job]:
    """The jobs with the settings in which they differ besides hyperparameters, each as one more hyperparameter: `train
    data`, `instance type`. So a search over data or machines shows what it searched, and repeats nothing. A tuning job
    searches over hyperparameters only: its children stay as they are."""
    if any(job.tuning_job for job in jobs):
        return list(jobs)
    launches = [Launch.of(job) for job in jobs]
    settings = [_named_settings(job) for job in jobs]
    varied = differing([replace(each, hyper_parameters=found) for each, found in zip(launches, settings, strict=True)])
    names = [name for name in varied if name not in _CODE or _repeats(name, settings)]
    if not names and not are_different(launches):
        names = list(varied)
        if not names and len({_word_of(job) for job in jobs}) > 1:
            # `cnn-2026-…` and `mlp-2026-…` in one experiment: the names alone say what differs
            names, settings = [_BASE_NAME], [{_BASE_NAME: base_job_name(job.name)} for job in jobs]
    if not names:
        return list(jobs)
    shown = [{name: found[name] for name in names if name in found} for found in settings]
    return [
        replace(job, hyper_parameters={**more, **job.hyper_parameters}) for job, more in zip(jobs, shown, strict=True)
    ]


def _repeats(name: str, settings: Sequence[Mapping[str, str]]) -> bool:
    """Whether two jobs have the same. A new path for each job is how a launcher uploads the same code again."""
    given = [found[name] for found in settings if name in found]
    return len(set(given)) < len(given)


def _word_of(job: Job) -> str:
    """The job's base name without digits: `train-1` and `train-2` may be repeats."""
    return _DIGITS.sub("", same_name(base_job_name(job.name)))


def is_setting(name: str) -> bool:
    """Whether `with_varied_settings` made this hyperparameter: a script does not get it."""
    return name in (_BASE_NAME, _INSTANCES, _IMAGE, _ENTRY_POINT, _SOURCE_CODE) or name.endswith(_DATA)


def _named_settings(job: Job) -> dict[str, str]:
    groups = [f"{each.instance_count} x {each.instance_type}" for each in job.instances]
    program, source = (unquoted(job.hyper_parameters.get(name, "")) for name in _SOURCE)
    found = {
        _INSTANCES: " + ".join(each.removeprefix("1 x ") for each in groups),
        _IMAGE: (job.image or job.algorithm or "").rpartition("/")[2],
        _ENTRY_POINT: program,
        _SOURCE_CODE: source,
        **{f"{each.name}{_DATA}": each.data or "" for each in job.channels},
    }
    return {name: text for name, text in found.items() if text}


def has_default_name(job: Job) -> bool:
    """Whether the job has the name that SageMaker's SDK gives where its creator gives none: the image's."""
    image = _REPOSITORY.fullmatch(job.image or "")
    return image is not None and same_name(base_job_name(job.name)) == same_name(image["name"])


@dataclass(frozen=True, slots=True)
class Origin:
    """Marks of the data that a job reads, and of all its other settings."""

    data: frozenset[str]
    others: str

    def may_be_that_of(self, other: "Origin") -> bool:
        """Whether both may be one person's: they read some of the same data, or differ in nothing but data, as in a
        search over data."""
        return self.others == other.others or not self.data.isdisjoint(other.data)


def origin_of(job: Job) -> Origin:
    """What distinguishes a job from other people's under the same name."""
    launch = Launch.of(job)
    data = frozenset(":".join(each) for each in _data(job, launch) if each[0].lower() not in _NO_DATA)
    return Origin(data or frozenset({""}), _hashed(_settings_without_data(job, launch)))


def reads_of(job: Job) -> str | None:
    """A mark of all the data that a job with a default name reads; None for other jobs."""
    return _hashed(sorted(origin_of(job).data))[:8] if has_default_name(job) else None


def people_of(job: Job) -> str:
    """A mark of whose job it is, as far as its role and its tags tell."""
    return _hashed({"role": job.role, "users": dict(users_of(job))})[:8]


def users_of(job: Job) -> Mapping[str, str]:
    """The tags that say whose job it is."""
    return {name: text for name, text in job.tags.items() if _NO_LETTER.sub("", name.lower()) in _USER_TAGS}


def _data(job: Job, launch: Launch) -> list[list[str]]:
    return sorted([each.name, _marked(each.data or "", launch)] for each in job.channels)


def _hashed(facts: object) -> str:
    return sha256(json.dumps(facts, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _hyper_parameters(job: Job, launch: Launch) -> Iterator[tuple[str, str]]:
    for name, text in job.hyper_parameters.items():
        if "seed" in name.lower():  # one made from the time is a repeat on purpose
            yield name, unquoted(text)
        elif name in _SOURCE or not (is_internal(name) or is_label(name)):
            yield name, _plain(launch.value(name))


def _marked(text: str, launch: Launch) -> str:
    return _plain(Launch(launch.name, launch.at, {"": text}).value(""))


def _plain(value: Value) -> str:
    return one_spelling(str(value)) if isinstance(value, Decimal) else str(value)
