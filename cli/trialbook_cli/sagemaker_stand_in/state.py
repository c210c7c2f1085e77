"""The stand-in's SageMaker: jobs, their tags, and one method for each operation, with requests and answers as dicts.

Jobs are kept as what Describe answers at their end; what they look like now is derived from the clock.
"""

import heapq
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property, partial
from hashlib import sha256
from itertools import count
from typing import Any

from trialbook.core.jobs import TERMINAL, JobKind
from trialbook.core.kinds import DESCRIBED, LISTED, POLLED, is_of
from trialbook.core.places import Place, Places
from trialbook_cli.sagemaker_stand_in import listing
from trialbook_cli.sagemaker_stand_in.account import Account
from trialbook_cli.sagemaker_stand_in.errors import ApiError, not_found, throttled, validation_error
from trialbook_cli.sagemaker_stand_in.experiments import Component, Experiments
from trialbook_cli.sagemaker_stand_in.kinds import at, end_of, tuning_at
from trialbook_cli.sagemaker_stand_in.launching import (
    Trainer,
    Tuner,
    final_other_job,
    final_training_job,
    quick,
    statistics_of,
)
from trialbook_cli.sagemaker_stand_in.request_validation import check_request, operation_model, service_of
from trialbook_cli.sagemaker_stand_in.rest import SERVICES
from trialbook_cli.sagemaker_stand_in.state_changes import envelope

Request = dict[str, Any]
Answer = dict[str, Any]
Fault = Callable[[str, Request], None]


class WallClock:
    """The real time."""

    def __call__(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)


class SageMaker:
    """One account's SageMaker in one region; `elsewhere` are those of other places. `now` is its clock; `on_event` gets
    each state change as EventBridge would deliver it, when `emit_until` passes it. `faults` may raise ApiError, or
    sleep, before a call. `calls_per_second` limits each operation that it names, or all together."""

    def __init__(
        self,
        account: Account = Account(),  # noqa: B008 frozen
        *,
        now: Callable[[], datetime] | None = None,
        trainer: Trainer = quick,
        tuner: Tuner | None = None,
        component_lag: timedelta = timedelta(seconds=5),
        count_job_components: bool = False,
        calls_per_second: Mapping[str, float] | float | None = None,
        empty_pages: bool = False,
    ) -> None:
        self.account = account
        self.elsewhere: dict[Account, SageMaker] = {}
        self._set_now: datetime | None = None
        self.now = now or WallClock()
        self.trainer, self.tuner = trainer, tuner
        self.on_event: Callable[[dict[str, Any]], None] | None = None
        self.faults: Fault | None = None
        self.calls: Counter[str] = Counter()
        self.requests: list[tuple[str, Request]] = []
        self.empty_pages = empty_pages
        self._calls_per_second = calls_per_second
        self._allowances: dict[str, tuple[datetime, float]] = {}
        self._component_lag = component_lag
        self._lock = threading.RLock()
        self._ids = count(1)
        self._due: list[tuple[datetime, int, JobKind, str]] = []
        self.jobs: dict[JobKind, dict[str, Answer]] = {kind: {} for kind in DESCRIBED}
        self._names: set[tuple[JobKind, str]] = set()
        self._named_by_arn: dict[str, str] = {}
        self.service_jobs: dict[str, Answer] = {}  # of AWS Batch, by id
        self.tags: dict[str, dict[str, str]] = {}
        self.children: dict[str, list[str]] = {}
        self.statistics: dict[str, list[dict[str, Any]]] = {}
        self.experiments = Experiments(self.arn, lambda: self.now(), count_job_components)

    def arn(self, kind: str, name: str) -> str:
        """An ARN, with the name in lower case as SageMaker has it."""
        return self.account.arn("sagemaker", f"{kind}/{name.lower()}")

    def there(self, account: Account) -> "SageMaker":
        """The SageMaker that answers a call from an account to a region; of a place that has none, this one."""
        return self.elsewhere.get(account, self)

    def standing(self) -> dict[str, dict[str, list[str]]]:
        """The contents of Experiments, {experiment: {trial: [component, …]}}; for those of other places, their names
        say where, as the book's do."""
        places = [Place(each.account.id, each.account.region) for each in (self, *self.elsewhere.values())]
        names = Places(tuple(places))
        return {
            names.name(name, place): trials
            for place, each in zip(places, (self, *self.elsewhere.values()), strict=True)
            for name, trials in each.experiments.standing().items()
        }

    # -- calls --------------------------------------------------------------------------------------------------

    def call(self, operation: str, request: Request) -> Answer:
        """One API call. Raises ApiError."""
        with self._lock:
            self.calls[operation] += 1
            self.requests.append((operation, request))
            self._throttle(operation)
        if self.faults is not None:
            self.faults(operation, request)
        with self._lock:
            method = self._operations.get(operation)
            if method is None:
                raise ApiError("UnknownOperationException", f"The stand-in does not know {operation}")
            check_request(operation, request, service_of(operation, SERVICES))
            return method(request)

    @property
    def answers_always(self) -> bool:
        """Whether it neither throttles nor fails on purpose, so that its calls need no retries."""
        return self.faults is None and self._calls_per_second is None

    def _throttle(self, operation: str) -> None:
        """Takes a token from the operation's bucket, or from that of all operations. Raises ApiError."""
        limits = self._calls_per_second
        name, most = (operation, limits.get(operation)) if isinstance(limits, Mapping) else ("", limits)
        if most is None:
            return
        now = self.now()
        last, left = self._allowances.get(name, (now, most))
        left = min(max(most, 1), left + (now - last).total_seconds() * most)
        if left < 1:
            self._allowances[name] = now, left
            raise throttled()
        self._allowances[name] = now, left - 1

    @cached_property
    def _operations(self) -> Mapping[str, Callable[[Request], Answer]]:
        own: dict[str, Callable[[Request], Answer]] = {
            "AddTags": self._add_tags,
            "ListTags": self._list_tags,
            "ListTagsForResource": self._list_tags_of_bedrock,
            "DescribeServiceJob": self._describe_service_job,
            "Search": lambda request: listing.search(self, request),
            "ListTrainingJobsForHyperParameterTuningJob": lambda request: listing.list_children(self, request),
            "CreateTrainingJob": self._create_training_job,
            "CreateHyperParameterTuningJob": self._create_tuning_job,
            "CreateProcessingJob": lambda request: self._create_other(JobKind.PROCESSING, request),
            "CreateTransformJob": lambda request: self._create_other(JobKind.TRANSFORM, request),
        }
        for kind in LISTED:
            describe, of_kind = kind.facts.describe, kind.facts.listing
            assert of_kind is not None
            alike = [each for each in LISTED if each.facts.describe == describe]
            own[describe] = partial(_of_one, alike, self._describe)
            own[of_kind.operation] = partial(_of_one, alike, partial(listing.list_jobs, self))
            stop = f"Stop{describe.removeprefix('Describe').removeprefix('Get')}"
            own[stop] = partial(_of_one, alike, self._stop)
        for noun in ("Experiment", "Trial", "TrialComponent"):
            snake = {"TrialComponent": "trial_component"}.get(noun, noun.lower())
            for verb in ("Create", "Describe", "Update", "Delete"):
                own[f"{verb}{noun}"] = getattr(self.experiments, f"{verb.lower()}_{snake}")
            own[f"List{noun}s"] = getattr(self.experiments, f"list_{snake}s")
        own["AssociateTrialComponent"] = self.experiments.associate_trial_component
        own["DisassociateTrialComponent"] = self.experiments.disassociate_trial_component
        return own

    # -- jobs ---------------------------------------------------------------------------------------------------

    def view(self, kind: JobKind, name: str) -> Answer | None:
        """Describe's answer about a job now; None if there is none (yet)."""
        final = self.jobs[kind].get(name)
        if final is None:
            return None
        if kind is JobKind.TUNING:
            children = [self.jobs[JobKind.TRAINING][child] for child in self.children.get(name.lower(), ())]
            return tuning_at(final, children, self.now())
        return at(kind, final, self.now())

    def _describe(self, kind: JobKind, request: Request) -> Answer:
        found = self.view(kind, self._name(kind, request))
        if found is None:
            raise validation_error("Requested resource not found.")
        found.pop("Tags", None)
        members = _members(kind.facts.describe, kind.facts.service.name)
        if kind.facts.has_tags_in_description:
            tags = self.tags.get(found[kind.facts.fields.arn].lower(), {})
            found["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        return {key: value for key, value in found.items() if key in members}

    def add(self, kind: JobKind, final: Answer, tags: Mapping[str, str] | None = None) -> None:
        """Takes in a job by its final state, with its component and where it stands by itself."""
        name = final[kind.facts.fields.name]
        arn = final.setdefault(kind.facts.fields.arn, self.arn(kind.facts.arn, name))
        self.jobs[kind][name] = final
        self._named_by_arn[arn] = name
        self._names.add((kind, name.lower()))
        if tags is not None:
            self.tags[arn.lower()] = dict(tags)
        tuning = final.get("TuningJobArn", "").rpartition("/")[2].lower()
        if kind is JobKind.TRAINING and tuning:
            self.children.setdefault(tuning, []).append(name)
        self._add_component(kind, final, tuning)
        for moment in self.changes(kind, final):
            heapq.heappush(self._due, (moment, next(self._ids), kind, name))

    def remove(self, kind: JobKind, name: str) -> None:
        """A job is deleted, with its component; its name may be given again. Of a tuning job the children stay, which
        no list tells of any more."""
        del self.jobs[kind][name]
        self._names.discard((kind, name.lower()))
        if kind is JobKind.TUNING:
            self.children.pop(name.lower(), None)
        if kind.facts.component_suffix is not None:
            self.experiments.remove_component(name + kind.facts.component_suffix)

    def _add_component(self, kind: JobKind, final: Answer, tuning: str) -> None:
        suffix = kind.facts.component_suffix
        if suffix is None:
            return
        name, appears = final[kind.facts.fields.name], final["CreationTime"] + self._component_lag
        arn = final[kind.facts.fields.arn].lower()
        component = Component(name + suffix, appears, {}, arn, lambda: self._component_facts(kind, name))
        self.experiments.add_component(component)
        config = final.get("ExperimentConfig") or {}
        if config.get("ExperimentName") and config.get("TrialName"):
            self.experiments.ensure(config["ExperimentName"], config["TrialName"])
            self.experiments.place(component, config["TrialName"])
        elif str(config.get("TrialName")).lower() in self.experiments.trials:
            self.experiments.place(component, config["TrialName"])
        elif tuning:
            own = f"{tuning}-aws-tuning-job"
            self.experiments.ensure(own, own)
            self.experiments.place(component, own)

    def _component_facts(self, kind: JobKind, name: str) -> Answer:
        job = self.view(kind, name) or {}
        status = job.get(kind.facts.fields.status, "InProgress")
        metrics: list[dict[str, Any]] = []
        if status in TERMINAL:
            metrics = self.statistics.get(name) or [
                {
                    "MetricName": each["MetricName"],
                    **dict.fromkeys(("Min", "Max", "Last", "Avg"), each["Value"]),
                    "Count": 1,
                }
                for each in job.get("FinalMetricDataList", ())
                if isinstance(each.get("Value"), float | int)
            ]
        return {
            "Status": {"PrimaryStatus": status},
            "Parameters": {key: {"StringValue": text} for key, text in job.get("HyperParameters", {}).items()},
            "Metrics": metrics,
        }

    def _create_training_job(self, request: Request) -> Answer:
        self._must_be_new(JobKind.TRAINING, request)
        self._experiment_must_exist(request)
        self._train(request, self.now())
        return {"TrainingJobArn": self.arn("training-job", request["TrainingJobName"])}

    def _train(self, request: Request, created: datetime, **more: Any) -> Answer:
        outcome = self.trainer(request)
        name = request["TrainingJobName"]
        final = final_training_job(request, self.arn("training-job", name), created, outcome)
        self.statistics[name] = statistics_of(outcome.epochs)
        self.add(JobKind.TRAINING, {**final, **more}, _tag_map(request.get("Tags")))
        return final

    def _create_tuning_job(self, request: Request) -> Answer:
        self._must_be_new(JobKind.TUNING, request)
        if self.tuner is None:
            raise validation_error("The stand-in has no tuner")
        name, created = request["HyperParameterTuningJobName"], self.now()
        arn = self.arn("hyper-parameter-tuning-job", name)
        limits = request["HyperParameterTuningJobConfig"]["ResourceLimits"]
        free = [created + timedelta(seconds=5)] * limits["MaxParallelTrainingJobs"]
        heapq.heapify(free)
        end = created
        tags = request.get("Tags", [])
        for number, hyper_parameters in enumerate(self.tuner(request), 1):
            if number > limits["MaxNumberOfTrainingJobs"]:
                break
            start = heapq.heappop(free)
            child = self._train(
                {**_child(request, name, number, hyper_parameters), "Tags": tags}, start, TuningJobArn=arn
            )
            heapq.heappush(free, child["TrainingEndTime"] + timedelta(seconds=5))
            end = max(end, child["TrainingEndTime"])
        end += timedelta(seconds=10)
        final = {key: value for key, value in request.items() if key != "Tags"}
        final |= {"HyperParameterTuningJobArn": arn, "HyperParameterTuningJobStatus": "Completed"}
        final |= {"CreationTime": created, "HyperParameterTuningEndTime": end, "LastModifiedTime": end}
        self.add(JobKind.TUNING, final, _tag_map(tags))
        return {"HyperParameterTuningJobArn": arn}

    def _create_other(self, kind: JobKind, request: Request) -> Answer:
        self._must_be_new(kind, request)
        self._experiment_must_exist(request)
        arn = self.arn(kind.facts.arn, request[kind.facts.fields.name])
        final = final_other_job(kind, request, arn, self.now(), self.trainer(request))
        self.add(kind, final, _tag_map(request.get("Tags")))
        return {kind.facts.fields.arn: arn}

    def _must_be_new(self, kind: JobKind, request: Request) -> None:
        if (kind, request[kind.facts.fields.name].lower()) in self._names:
            raise ApiError("ResourceInUse", f"{kind.value} names must be unique within an AWS account and region.")

    def _experiment_must_exist(self, request: Request) -> None:
        config = request.get("ExperimentConfig") or {}
        if config.get("ExperimentName") and config["ExperimentName"].lower() not in self.experiments.experiments:
            raise not_found(f"Experiment '{config['ExperimentName']}' does not exist.")
        if config.get("TrialName") and config["TrialName"].lower() not in self.experiments.trials:
            raise not_found(f"Trial '{config['TrialName']}' does not exist.")

    def _name(self, kind: JobKind, request: Request) -> str:
        """The name of the job that a request is about; some services take its ARN too."""
        asked: str = request[kind.facts.asked_by]
        return self._named_by_arn.get(asked, asked)

    def _stop(self, kind: JobKind, request: Request) -> Answer:
        name = self._name(kind, request)
        view = self.view(kind, name)
        if view is None:
            raise validation_error("Requested resource not found.")
        called = kind.facts.fields
        if view[called.status] in TERMINAL:
            raise validation_error(f"The request was rejected because the job is in status {view[called.status]}.")
        final, now = self.jobs[kind][name], self.now()
        final |= {called.status: "Stopped", called.ended: now, called.modified: now}
        final.pop("FailureReason", None)
        if "SecondaryStatus" in final:
            kept = [each for each in final.get("SecondaryStatusTransitions", ()) if each["StartTime"] <= now]
            stopped = {"Status": "Stopped", "StartTime": now, "EndTime": now, "StatusMessage": "Training job stopped"}
            final |= {"SecondaryStatus": "Stopped", "SecondaryStatusTransitions": [*kept, stopped]}
        if kind is JobKind.TUNING:
            for child in self.children.get(name.lower(), ()):
                running = self.view(JobKind.TRAINING, child)
                if running is not None and running["TrainingJobStatus"] not in TERMINAL:
                    self._stop(JobKind.TRAINING, {"TrainingJobName": child})
        heapq.heappush(self._due, (now, next(self._ids), kind, name))
        return {}

    # -- tags ---------------------------------------------------------------------------------------------------

    def _add_tags(self, request: Request) -> Answer:
        tags = self.tags.setdefault(request["ResourceArn"].lower(), {})
        tags.update(_tag_map(request["Tags"]))
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _list_tags(self, request: Request) -> Answer:
        tags = self.tags.get(request["ResourceArn"].lower(), {})
        return listing.page([{"Key": key, "Value": value} for key, value in tags.items()], request, "Tags")

    def _list_tags_of_bedrock(self, request: Request) -> Answer:
        tags = self.tags.get(request["resourceARN"].lower(), {})
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def _describe_service_job(self, request: Request) -> Answer:
        """AWS Batch's answer about a service job, always the same."""
        found = self.service_jobs.get(request["jobId"])
        if found is None:
            raise ApiError("ClientException", "The service job does not exist.")
        return found

    # -- events -------------------------------------------------------------------------------------------------

    def changes(self, kind: JobKind, final: Answer) -> Iterator[datetime]:
        """When a job's state changes."""
        created = final[kind.facts.fields.created]
        yield created
        end = end_of(kind, final)
        for each in final.get("SecondaryStatusTransitions", ()):
            if each["StartTime"] > created and each["StartTime"] != end:
                yield each["StartTime"]
        if end is not None:
            yield end

    def next_polled_change(self, after: datetime) -> datetime | None:
        """When the next job changes of which no event tells."""
        changes = (
            moment
            for there in (self, *self.elsewhere.values())
            for kind in POLLED
            for final in there.jobs[kind].values()
            for moment in there.changes(kind, final)
        )
        return min((moment for moment in changes if moment > after), default=None)

    def next_change(self) -> datetime | None:
        """When the next job changes its state."""
        return self._due[0][0] if self._due else None

    def emit_until(self, moment: datetime) -> None:
        """Emits the state changes up to a moment; the clock has to stand there or later."""
        while self._due and self._due[0][0] <= moment:
            at_moment, number, kind, name = heapq.heappop(self._due)
            final = self.jobs[kind].get(name)
            if final is None or self.on_event is None or kind.facts.detail_type is None:
                continue
            then = self._view_at(kind, name, at_moment)
            if then is not None:
                tags = self.tags.get(final[kind.facts.fields.arn].lower(), {})
                self.on_event(envelope(kind, then, tags, self.account, at_moment, number))

    def _view_at(self, kind: JobKind, name: str, moment: datetime) -> Answer | None:
        final = self.jobs[kind][name]
        if kind is JobKind.TUNING:
            children = [self.jobs[JobKind.TRAINING][child] for child in self.children.get(name.lower(), ())]
            return tuning_at(final, children, moment)
        return at(kind, final, moment)


def _of_one(kinds: Sequence[JobKind], method: Callable[[JobKind, Request], Answer], request: Request) -> Answer:
    """An operation that these kinds share: the request says about which of them it is."""
    return method(next(kind for kind in kinds if is_of(kind, request)), request)


@cache
def _members(operation: str, service: str) -> frozenset[str]:
    """The members of an operation's answer: parts of the request that are no members are left out."""
    shape = operation_model(operation, service).output_shape
    return frozenset(shape.members if shape is not None else ())


def _tag_map(tags: Any) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in tags or ()}


def _child(request: Request, name: str, number: int, hyper_parameters: Mapping[str, str]) -> Request:
    """The request of a tuning job's child, as SageMaker makes it from the definition."""
    definition = request.get("TrainingJobDefinition") or request["TrainingJobDefinitions"][0]
    mark = sha256(f"{name}-{number}".encode()).hexdigest()[:8]
    copied = ("AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig")
    optional = ("StoppingCondition", "EnableManagedSpotTraining", "EnableNetworkIsolation")
    return {
        "TrainingJobName": f"{name}-{number:03d}-{mark}",
        "HyperParameters": {**definition.get("StaticHyperParameters", {}), **hyper_parameters},
        **{key: definition[key] for key in (*copied, *optional) if key in definition},
    }
