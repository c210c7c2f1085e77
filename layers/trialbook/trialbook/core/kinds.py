"""The kinds of jobs: one declaration for each, with all that tells it from the others.

Adapters, reconcile, recordings, messages and the stand-in read these declarations. What is left for a kind of its own
is the builder in `core/describe.py`, which knows the fields that only this kind has.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Service:
    """A service of AWS: its name in botocore and in IAM, and how it spells what services have in common."""

    name: str
    is_camel_case: bool = False
    tags_operation: str = "ListTags"
    tagged: str = "ResourceArn"

    def spelled(self, member: str) -> str:
        """A member such as NextToken in the service's spelling."""
        return member[:1].lower() + member[1:] if self.is_camel_case else member


SAGEMAKER = Service("sagemaker")
BEDROCK = Service("bedrock", is_camel_case=True, tags_operation="ListTagsForResource", tagged="resourceARN")
SERVICES = (SAGEMAKER, BEDROCK)


@dataclass(frozen=True, slots=True)
class Fields:
    """The names that events and answers give to the facts of every job. `started` is empty if they
    do not tell it, `event_status` is set if events call the status otherwise."""

    name: str
    status: str
    arn: str
    started: str
    ended: str
    created: str = "CreationTime"
    modified: str = "LastModifiedTime"
    failure: str = "FailureReason"
    event_status: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """The operation that lists jobs. With a `longest_run` it selects by creation alone, so that it is asked for jobs
    that may have run that long."""

    operation: str
    member: str
    longest_run: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """The properties that distinguish a kind from the others.

    `word` is its name for people, `page` its page in the console. `describe` is the operation that answers about the
    job that `asked_by` names; requests and answers about the kind also have the members `constant`, which tell it from
    others with the same operations. `arn`: the part of its ARN before the name. `is_trial`: it searches, ranks and
    belongs to sweeps. `has_tags_in_events`: otherwise they are asked for; `has_tags_in_description`: Describe tells
    them. `is_optional`: a stack records it only if a parameter says so. `is_polled`: no event reports it, so
    that poll_jobs lists it each minute. `component_suffix`: how SageMaker names its trial component, if it has one.
    """

    word: str
    fields: Fields
    page: str
    describe: str = ""
    asked_by: str = ""
    constant: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    arn: str = ""
    service: Service = SAGEMAKER
    listing: Listing | None = None
    detail_type: str | None = None
    component_suffix: str | None = None
    log_group: str | None = None
    is_trial: bool = False
    has_tags_in_events: bool = True
    has_tags_in_description: bool = False
    is_optional: bool = False
    is_polled: bool = False


def _page(name: str) -> str:
    return "sagemaker/home?region={region}#/" + name + "/{name}"


def _job(stem: str, page: str) -> Kind:
    """A kind whose operations and fields SageMaker names alike."""
    fields = Fields(f"{stem}JobName", f"{stem}JobStatus", f"{stem}JobArn", f"{stem}StartTime", f"{stem}EndTime")
    return Kind(
        word=f"{stem.lower()} job",
        fields=fields,
        page=_page(page),
        describe=f"Describe{stem}Job",
        asked_by=fields.name,
        arn=f"{stem.lower()}-job",
        listing=Listing(f"List{stem}Jobs", f"{stem}JobSummaries"),
        detail_type=f"SageMaker {stem} Job State Change",
        component_suffix=f"-aws-{stem.lower()}-job",
        log_group=f"{stem}Jobs",
    )


def _of_category(category: str, word: str) -> Kind:
    """A kind of SageMaker's Jobs API, whose operations are the same for all categories."""
    return Kind(
        word=word,
        fields=Fields("JobName", "JobStatus", "JobArn", started="", ended="EndTime"),
        page="sagemaker/home?region={region}#/studio-landing",  # only Studio shows them
        describe="DescribeJob",
        asked_by="JobName",
        constant=MappingProxyType({"JobCategory": category}),
        arn=f"job/{category.lower()}",
        listing=Listing("ListJobs", "JobSummaries"),
        log_group=f"Job/{category}",
        has_tags_in_description=True,
        is_optional=True,
        is_polled=True,
    )


class JobKind(StrEnum):
    """A kind of job, by its name in the service's API."""

    TRAINING = "TrainingJob"
    PROCESSING = "ProcessingJob"
    TRANSFORM = "TransformJob"
    TUNING = "HyperParameterTuningJob"
    PIPELINE_EXECUTION = "PipelineExecution"
    MODEL_CUSTOMIZATION = "ModelCustomizationJob"
    AGENT_RFT = "AgentRFT"
    AGENT_RFT_EVALUATION = "AgentRFTEvaluation"
    SYNTHETIC_DATA = "SyntheticDataGeneration"
    DATA_QUALITY = "DataQualityEvaluation"
    DATA_TRANSFORMATION = "DataTransformation"

    @property
    def facts(self) -> Kind:
        """Its declaration."""
        return _KINDS[self]

    @property
    def is_trial(self) -> bool:
        """Whether it searches, ranks and belongs to sweeps."""
        return _KINDS[self].is_trial

    @property
    def is_execution(self) -> bool:
        """Whether it is no job, but a pipeline's execution, which starts jobs."""
        return self is JobKind.PIPELINE_EXECUTION

    @property
    def is_single(self) -> bool:
        """Whether it is work that belongs to no sweep, so that its end is announced at once."""
        return bool(_KINDS[self].describe) and not self.is_trial and self is not JobKind.TUNING


_KINDS: Mapping[JobKind, Kind] = {
    JobKind.TRAINING: replace(_job("Training", "jobs"), is_trial=True),
    JobKind.PROCESSING: _job("Processing", "processing-jobs"),
    JobKind.TRANSFORM: _job("Transform", "transform-jobs"),
    JobKind.TUNING: replace(
        _job("HyperParameterTuning", "hyper-tuning-jobs"),
        word="tuning job",
        fields=Fields(
            "HyperParameterTuningJobName",
            "HyperParameterTuningJobStatus",
            "HyperParameterTuningJobArn",
            started="",
            ended="HyperParameterTuningEndTime",
        ),
        arn="hyper-parameter-tuning-job",
        detail_type="SageMaker HyperParameter Tuning Job State Change",
        component_suffix=None,
        log_group="TrainingJobs",  # its children's
    ),
    # Known from its events alone, which core/events.py reads.
    JobKind.PIPELINE_EXECUTION: Kind(
        word="pipeline execution",
        fields=Fields("", "", "", "executionStartTime", "executionEndTime"),
        page=_page("pipelines"),
    ),
    JobKind.MODEL_CUSTOMIZATION: Kind(
        word="model customization job",
        fields=Fields(
            "jobName",
            "status",
            "jobArn",
            started="",
            ended="endTime",
            created="creationTime",
            modified="lastModifiedTime",
            failure="failureMessage",
            event_status="jobStatus",
        ),
        page="bedrock/home?region={region}#/custom-models",
        describe="GetModelCustomizationJob",
        asked_by="jobIdentifier",
        arn="model-customization-job",
        service=BEDROCK,
        listing=Listing("ListModelCustomizationJobs", "ModelCustomizationJobSummaries", timedelta(days=14)),
        detail_type="Model Customization Job State Change",
        is_trial=True,
        has_tags_in_events=False,
        is_optional=True,
    ),
    JobKind.AGENT_RFT: replace(_of_category("AgentRFT", "agent fine-tuning job"), is_trial=True),
    JobKind.AGENT_RFT_EVALUATION: _of_category("AgentRFTEvaluation", "agent evaluation job"),
    JobKind.SYNTHETIC_DATA: _of_category("SyntheticDataGeneration", "synthetic data job"),
    JobKind.DATA_QUALITY: _of_category("DataQualityEvaluation", "data quality job"),
    JobKind.DATA_TRANSFORMATION: _of_category("DataTransformation", "data transformation job"),
}

DESCRIBED = tuple(kind for kind in JobKind if kind.facts.describe)
KIND_OF_EVENT: Mapping[str, JobKind] = {
    kind.facts.detail_type: kind for kind in JobKind if kind.facts.detail_type is not None
}
# Tuning jobs first, so that their children find their objective.
LISTED = tuple(sorted((kind for kind in DESCRIBED if kind.facts.listing), key=lambda kind: kind is not JobKind.TUNING))
POLLED = tuple(kind for kind in LISTED if kind.facts.is_polled)
RUNS_OF = frozenset(kind for kind in JobKind if kind.is_trial or kind.is_single)  # in MLflow


def described_kind(operation: str, members: Mapping[str, object]) -> JobKind | None:
    """The kind about which an operation answers when it is asked with these members; None if there is none."""
    return next((kind for kind in DESCRIBED if kind.facts.describe == operation and is_of(kind, members)), None)


def is_of(kind: JobKind, members: Mapping[str, object]) -> bool:
    """Whether a request or an answer has the kind's own members."""
    return all(members.get(name) == value for name, value in kind.facts.constant.items())


def kinds_of(optional: Collection[str]) -> tuple[JobKind, ...]:
    """The kinds that a service lists, of optional ones only those that are named."""
    return tuple(kind for kind in LISTED if not kind.facts.is_optional or kind.value in optional)
