"""What could be searched over in a job: two jobs with the same settings are one training, repeated."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256

from trialbook.core.hyper_parameters import Launch, Value, is_internal, is_label, one_spelling, unquoted
from trialbook.core.job_names import base_job_name
from trialbook.core.jobs import Job
from trialbook.core.names import same_name

_REPOSITORY = re.compile(r"(?:.+/)?(?P<name>[^:/@]+)(?:[:@].*)?")
_SOURCE = ("sagemaker_program", "sagemaker_submit_directory")


def settings_of(job: Job) -> str | None:
    """A mark that jobs share if nothing differs that could be searched: hyperparameters, image, source, data, base
    model, machine. None if none of it is known: nobody can say then that two jobs are equal.

    What is made from a job's own name or launch time makes no difference, nor does another spelling of a number.
    """
    if not (job.hyper_parameters or job.image or job.algorithm or job.channels):
        return None
    launch = Launch.of(job)
    facts = {
        "hyper_parameters": dict(_hyper_parameters(job, launch)),
        "image": [job.image, job.algorithm],
        "data": _data(job, launch),
        "machine": [[each.instance_type, each.instance_count] for each in job.instances],
    }
    return _hashed(facts)


def has_default_name(job: Job) -> bool:
    """Whether the job has the name that SageMaker's SDK gives where its creator gives none: the image's."""
    image = _REPOSITORY.fullmatch(job.image or "")
    return image is not None and same_name(base_job_name(job.name)) == same_name(image["name"])


def origin_of(job: Job) -> str:
    """A mark of whose job it probably is: of its role and its data."""
    return _hashed({"role": job.role, "data": _data(job, Launch.of(job))})[:8]


def _data(job: Job, launch: Launch) -> list[list[str]]:
    return sorted([each.name, _marked(each.s3_uri or "", launch)] for each in job.channels)


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
