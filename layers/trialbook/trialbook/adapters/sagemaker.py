"""SageMaker's API, as far as Trialbook uses it, and those of the other services that run jobs of a kind.

Errors are told apart by code, and by text only in this module.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from trialbook.core.describe import job_from_detail, metrics_with_statistics, tuning_job_from_describe
from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import Job, JobKey, JobKind, Metric, TuningJob
from trialbook.core.kinds import SAGEMAKER, SERVICES, Service
from trialbook.core.names import same_name
from trialbook.core.times import iso
from trialbook.runtime.observability import count, logger

_THROTTLES = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})
# What botocore's parser raises for a member of another type than the service's model says.
_UNPARSED = (ResponseParserError, AttributeError, LookupError, OverflowError, TypeError, ValueError)
_SECOND = timedelta(seconds=1)
_PAGE = 100
# Bounded by changes alone, a list goes through all jobs that the account ever had, until SageMaker throttles it. So it
# is bounded by creation too: a tuning job may run for 182.5 days, a processing job for 9, a transform job for 28.
_LONGEST_RUNS = {
    JobKind.TUNING: timedelta(days=184),
    JobKind.PROCESSING: timedelta(days=40),
    JobKind.TRANSFORM: timedelta(days=40),
}
MADE_BY_TRIALBOOK = [{"Key": "trialbook:made-by", "Value": "trialbook"}]


class SageMakerError(Exception):
    """A call failed for good; `code` is SageMaker's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class NotFound(SageMakerError):
    """The job does not exist, or does not exist yet."""


class Unreadable(SageMakerError):
    """The answer is not what SageMaker answers: another one would be the same."""

    def __init__(self, message: str) -> None:
        super().__init__("UnreadableAnswer", message)


class LimitExceeded(SageMakerError):
    """A quota is reached: 300 trials in an experiment, 50 components in a trial."""


class Refused(SageMakerError):
    """The role may not call it, or the region does not have it; trying again will not help."""


class Throttled(SageMakerError):
    """Too many calls at the moment: try again later."""


class Unavailable(Throttled):
    """It can't be reached, is out of order or answers nonsense: as good as throttled, try again later."""


class _Misshapen(Unavailable):
    """The answer has members of AWS, but not in the form that the service's model says."""

    def __init__(self, error: Exception) -> None:
        self.message = f"the answer has another form than SageMaker's: {error!r}"[:500]
        super().__init__("UnreadableAnswer", self.message)


def _translated(error: ClientError) -> Exception:
    code = error.response["Error"]["Code"]
    message = error.response["Error"].get("Message", "")
    if code in _THROTTLES:
        return Throttled(code, message)
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= 500:
        return Unavailable(code, message)
    if code == "ResourceLimitExceeded":
        return LimitExceeded(code, message)
    # Describe answers a missing job with ValidationException and this text; AWS has no code for it.
    if code in ("ResourceNotFound", "ResourceNotFoundException") or _says(code, message, "not found", "could not find"):
        return NotFound(code, message)
    if code in ("AccessDeniedException", "AccessDenied", "UnknownOperationException", "UnrecognizedClientException"):
        return Refused(code, message)
    return SageMakerError(code, message)


def _says(code: str, message: str, *texts: str) -> bool:
    return code == "ValidationException" and any(text in message.lower() for text in texts)


@contextmanager
def _readable() -> Iterator[None]:
    """Raises Unreadable for an answer about a job that does not make sense."""
    try:
        yield
    except InvalidInput as error:
        raise Unreadable(str(error)) from error
    except _Misshapen as error:
        raise Unreadable(error.message) from error


@dataclass(frozen=True, slots=True)
class Unread:
    """An entry of a list that can't be read. Without `name`, SageMaker can't be asked about the job in another way;
    `changed_at` is None where that can't be read either."""

    key: JobKey
    changed_at: datetime | None
    reason: str

    @property
    def name(self) -> str:
        """The job's name."""
        return self.key.name

    def described(self, sagemaker: "SageMaker") -> Job:
        """The job as Describe has it. Raises Unreadable where the entry does not name it."""
        if not self.name:
            raise Unreadable(self.reason)
        return sagemaker.describe(self.key)


@dataclass(slots=True)
class Bookmark:
    """Where a list goes on that is read page by page; at its beginning without a token, as after its last page."""

    token: str | None = None


def _leave_out(entry: Unread) -> None:
    logger.warning("a job of a list can't be read", kind=entry.key.kind.value, job=entry.name, reason=entry.reason)
    count("JobsNotRead")


def _listed(
    kind: JobKind,
    entries: Iterable[Mapping[str, Any]],
    account: str,
    region: str,
    unread: Callable[[Unread], None] = _leave_out,
    *,
    described: bool = False,
) -> Iterator[Job]:
    """The jobs of a list. One that can't be read goes to `unread`, so that it is in no other's way."""
    for found in entries:
        each = found if isinstance(found, Mapping) else {}
        try:
            yield job_from_detail(kind, each, account, region, described=described)
        except InvalidInput as error:
            name, changed_at = each.get(kind.facts.fields.name), each.get(kind.facts.fields.modified)
            key = JobKey(account, region, kind, name if isinstance(name, str) else "")
            unread(Unread(key, changed_at if isinstance(changed_at, datetime) else None, str(error)))


def answer_of(operation: Callable[..., Mapping[str, Any]], **request: Any) -> Mapping[str, Any]:
    """A call's answer. Raises SageMakerError, or the class of it that says what to do; also for other services."""
    try:
        return operation(**request)
    except ClientError as error:
        raise _translated(error) from error
    except BotoCoreError as error:  # no connection, no answer in time, no answer that can be read
        raise Unavailable(type(error).__name__, str(error)) from error
    except _UNPARSED as error:
        raise _Misshapen(error) from error


def entries_of(answer: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """The entries of a list in an answer. What is no entry is left empty, so that the others keep their places."""
    found = answer.get(name)
    return [each if isinstance(each, Mapping) else {} for each in found] if isinstance(found, list | tuple) else []


class SageMaker:
    """Calls of one region. `session` is a botocore session, shared with the ledger's connection if there is one.
    Other services' clients are made when they are needed; all with `config`, if it is given."""

    def __init__(self, session: Session, region: str | None = None, config: Config | None = None) -> None:
        self._session, self._region, self._config = session, region, config
        self._client: Any = session.create_client("sagemaker", region_name=region, config=config)
        self._clients: dict[Service, Any] = {SAGEMAKER: self._client}

    def _operation(self, service: Service, name: str) -> Callable[..., Mapping[str, Any]]:
        if service not in self._clients:
            self._clients[service] = self._session.create_client(
                service.name, region_name=self._region, config=self._config
            )
        operation: Callable[..., Mapping[str, Any]] = getattr(self._clients[service], xform_name(name))
        return operation

    def _call(self, operation: Callable[..., Mapping[str, Any]], **request: Any) -> Mapping[str, Any]:
        return answer_of(operation, **request)

    # -- jobs ---------------------------------------------------------------------------------------------------

    def describe(self, key: JobKey) -> Job:
        """A job as Describe has it, without tags. Raises NotFound for a deleted job, and Unreadable."""
        with _readable():
            return job_from_detail(key.kind, self._about(key), key.account, key.region, described=True)

    def describe_tuning_job(self, key: JobKey) -> TuningJob:
        """A tuning job with its objective, ranges and limits."""
        with _readable():
            return tuning_job_from_describe(self._about(key), key.account, key.region)

    def _about(self, key: JobKey) -> Mapping[str, Any]:
        """An answer about a job, which names it. One that names none is nobody's answer: another one may be better."""
        kind = key.kind.facts
        answer = self._call(self._operation(kind.service, kind.describe), **{kind.asked_by: key.name}, **kind.constant)
        if kind.fields.name not in answer:
            raise Unavailable("NotAnAnswer", f"{kind.fields.name} is missing")
        return answer

    def with_statistics(self, metrics: tuple[Metric, ...], component: str) -> tuple[Metric, ...]:
        """Final metrics with their minimum, maximum, average and count, as far as the trial component has them."""
        answer = self._call(self._client.describe_trial_component, TrialComponentName=component)
        return metrics_with_statistics(metrics, answer)

    def tags(self, arn: str) -> Mapping[str, str]:
        """The tags of a job, which Describe does not tell."""
        service = next((each for each in SERVICES if f":{each.name}:" in arn), SAGEMAKER)
        operation = self._operation(service, service.tags_operation)
        key, value = service.spelled("Key"), service.spelled("Value")
        try:
            request: dict[str, Any] = {service.tagged: arn}
            return {each[key]: each[value] for each in self._pages(operation, "Tags", service, **request)}
        except (KeyError, TypeError) as error:
            raise _Misshapen(error) from error

    def children(self, tuning_job: JobKey, unread: Callable[[Unread], None] = _leave_out) -> Iterator[Job]:
        """The training jobs of a tuning job, as far as the list tells of them, a hundred a call; `unread` gets the
        entries that can't be read."""
        found = self._pages(
            self._client.list_training_jobs_for_hyper_parameter_tuning_job,
            "TrainingJobSummaries",
            SAGEMAKER,
            HyperParameterTuningJobName=tuning_job.name,
            MaxResults=_PAGE,
        )
        for each in found:
            for job in _listed(JobKind.TRAINING, [each], tuning_job.account, tuning_job.region, unread):
                hyper_parameters = dict(each.get("TunedHyperParameters") or {})
                yield replace(job, tuning_job=tuning_job.name, hyper_parameters=hyper_parameters)

    def jobs_modified(
        self,
        kind: JobKind,
        account: str,
        region: str,
        since: datetime,
        until: datetime,
        name_contains: str = "",
        unread: Callable[[Unread], None] = _leave_out,
        bookmark: "Bookmark | None" = None,
    ) -> Iterator[Job]:
        """The jobs of a kind that changed within the interval, longest ago first, a hundred a call; `unread` gets the
        entries that can't be read. With a `bookmark`, one page of the list: in order of creation and without an end, so
        that the pages to come lack no job because another one changes meanwhile.

        Training jobs come from Search as Describe would tell them, with tags; the others as their lists tell them.
        """
        if kind is JobKind.TRAINING:
            yield from self._search_training_jobs(account, region, since, until, name_contains, unread)
            return
        service, listing = kind.facts.service, kind.facts.listing
        assert listing is not None
        # The bounds exclude their moments, which a watermark or another job may have to the second.
        since, until = since - _SECOND, until + _SECOND
        if listing.longest_run is None:
            bounds = {"LastModifiedTimeAfter": since, "LastModifiedTimeBefore": until}
            if kind in _LONGEST_RUNS:
                bounds["CreationTimeAfter"] = since - _LONGEST_RUNS[kind]
        else:
            bounds = {"CreationTimeAfter": since - listing.longest_run, "CreationTimeBefore": until}
        named = {"NameContains": name_contains} if name_contains else {}
        if bookmark is not None:
            del bounds["LastModifiedTimeBefore"]
            named |= {"SortBy": "CreationTime", "SortOrder": "Ascending"}
        members = {"MaxResults": _PAGE, **bounds, **named, **kind.facts.constant}
        request = {service.spelled(name): each for name, each in members.items()}
        operation = self._operation(service, listing.operation)
        found = self._pages(operation, listing.member, service, bookmark, **request)
        jobs = _listed(kind, found, account, region, unread)
        # Lists sort by creation, name or status only, so that their order is of no use to go on from.
        for job in sorted(jobs, key=lambda job: job.last_modified_at or since):
            if bookmark or listing.longest_run is None or since <= (job.last_modified_at or since) <= until:
                yield job

    def _search_training_jobs(
        self,
        account: str,
        region: str,
        since: datetime,
        until: datetime,
        name_contains: str,
        unread: Callable[[Unread], None],
    ) -> Iterator[Job]:
        bounds = (("GreaterThanOrEqualTo", since), ("LessThanOrEqualTo", until))
        filters = [{"Name": "LastModifiedTime", "Operator": operator, "Value": iso(at)} for operator, at in bounds]
        if name_contains:
            filters.append({"Name": "TrainingJobName", "Operator": "Contains", "Value": name_contains})
        found = self._pages(
            self._client.search,
            "Results",
            SAGEMAKER,
            Resource="TrainingJob",
            SearchExpression={"Filters": filters},
            SortBy="LastModifiedTime",
            SortOrder="Ascending",
            MaxResults=_PAGE,
        )
        described = (each["TrainingJob"] if each else each for each in found if not each or "TrainingJob" in each)
        for job in _listed(JobKind.TRAINING, described, account, region, unread, described=True):
            # Search leaves out what makes a job serverless, its tokens and its run in MLflow: Describe has them.
            is_serverless = not (job.image or job.algorithm or job.instances)
            yield replace(job, described=False) if is_serverless else job

    def _pages(
        self,
        operation: Callable[..., Mapping[str, Any]],
        member: str,
        service: Service,
        bookmark: "Bookmark | None" = None,
        **request: Any,
    ) -> Iterator[Any]:
        """The entries of all pages, or of the one at a bookmark. A page may be empty and still have a successor."""
        member, following = service.spelled(member), service.spelled("NextToken")
        token = {following: bookmark.token} if bookmark and bookmark.token else {}
        while True:
            answer = self._call(operation, **request, **token)
            if bookmark is not None:
                bookmark.token = answer.get(following) or None
            yield from answer.get(member, ())
            if bookmark is not None or not answer.get(following):
                return
            token = {following: answer[following]}

    # -- experiments --------------------------------------------------------------------------------------------

    def ensure_experiment(self, name: str) -> None:
        """Creates the experiment; that it exists already is as good."""
        self._create(self._client.create_experiment, ExperimentName=name)

    def ensure_trial(self, name: str, experiment: str) -> bool:
        """Creates the trial in its experiment; that it exists there already is as good. Raises LimitExceeded.

        False where the name is taken by a trial of another experiment: SageMaker keeps trial names apart per account,
        not per experiment.
        """
        if self._create(self._client.create_trial, TrialName=name, ExperimentName=experiment):
            return True
        answer = self._call(self._client.describe_trial, TrialName=name)
        return same_name(str(answer.get("ExperimentName"))) == same_name(experiment)

    def experiment_of(self, trial: str) -> str | None:
        """The experiment of a trial. Raises NotFound, Refused."""
        answer = self._call(self._client.describe_trial, TrialName=trial)
        return answer.get("ExperimentName") or None

    def _create(self, operation: Callable[..., Mapping[str, Any]], **request: Any) -> bool:
        """Whether it was created now, rather than there already."""
        try:
            self._call(operation, **request, Tags=MADE_BY_TRIALBOOK)
        except SageMakerError as error:
            if not _says(error.code, str(error), "already exists", "must be unique"):
                raise
            return False
        return True

    def associate(self, component: str, trial: str) -> None:
        """Puts a trial component into a trial; that it is there already is as good. Raises LimitExceeded, and
        NotFound while the component (or the trial) is not there."""
        try:
            self._call(self._client.associate_trial_component, TrialComponentName=component, TrialName=trial)
        except SageMakerError as error:
            if not _says(error.code, str(error), "already associated", "already exists"):
                raise
