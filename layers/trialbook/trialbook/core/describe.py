"""A Job from the fields that events' details and Describe's answers share; Describe has more of them.

Environment variables are left alone: people keep secrets in them. Event details come from SageMaker's inside: nulls
where a field is absent, "" if it is unset, enums in other casing.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from trialbook.core.errors import InvalidInput
from trialbook.core.job_names import pipeline_job
from trialbook.core.jobs import (
    BASE_MODEL,
    LEAVING,
    STOPPED,
    TERMINAL,
    ExperimentConfig,
    InputChannel,
    InstanceGroup,
    Job,
    JobKey,
    JobKind,
    Metric,
    ParameterRange,
    ParentsBest,
    TuningDefinition,
    TuningJob,
)
from trialbook.core.kinds import POLLED
from trialbook.core.times import parse_time

Detail = Mapping[str, Any]
_SERVICES = ("AutoMLJobArn", "LabelingJobArn", "MonitoringScheduleArn")  # they start jobs of their own
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
# Secondary statuses in which a job does no work: not yet, or no more.
_IDLE = frozenset(
    {
        *("Starting", "Pending", "Preparing", "Interrupted", "Restarting", "MaxRuntimeExceeded"),
        *("Stopping", "Stopped", "Failed", "Completed", "Deleting", "DeleteFailed"),
    }
)
_CHILD = re.compile(r"(?P<tuning_job>.+)-\d{3,}-[0-9a-f]{8}")


def job_from_detail(
    kind: JobKind,
    detail: Detail,
    account: str,
    region: str,
    *,
    described: bool = False,
    fallback_time: datetime | None = None,
) -> Job:
    """A job from an event's detail or a Describe answer. Raises InvalidInput for name, status or time."""
    called = kind.facts.fields
    name, status = _required(detail, called.name), _required(detail, called.status)
    sources = (called.created, called.started, called.ended, called.modified)
    times = {
        field: parse_time(detail.get(source), source) if source else None
        for field, source in zip(("created_at", "started_at", "ended_at", "last_modified_at"), sources, strict=True)
    }
    if not any(times.values()):
        times["created_at"] = times["last_modified_at"] = fallback_time
    elif times["last_modified_at"] is None:
        times["last_modified_at"] = max(moment for moment in times.values() if moment)
    if not any(times.values()):
        raise InvalidInput(called.created, detail.get(called.created), "a time, in this field or the event's")
    common = dict(
        key=JobKey(account, region, kind, name),
        status=status,
        arn=_text(detail, called.arn),
        tags=_tags(detail.get("Tags")),
        failure_reason=_text(detail, called.failure),
        experiment_config=_experiment_config(detail.get("ExperimentConfig")),
        **times,
    )
    job = _BUILDERS[kind](detail, common)
    if described and job.is_terminal:
        return replace(job, described=True)
    return job


def _training(detail: Detail, common: dict[str, Any]) -> Job:
    algorithm = _map(detail.get("AlgorithmSpecification"))
    resources = _map(detail.get("ResourceConfig"))
    tuning_job = _tuning_job(detail, common["key"].name)
    return Job(
        **common,
        secondary_status=_text(detail, "SecondaryStatus"),
        hyper_parameters={**_serverless(detail), **_texts(detail.get("HyperParameters"))},
        final_metrics=_metrics(detail.get("FinalMetricDataList")),
        metric_definitions=tuple(str(each["Name"]) for each in _maps(algorithm.get("MetricDefinitions"), "Name")),
        tuning_job=tuning_job,
        pipeline_execution=_pipeline_execution(tuning_job or common["key"].name),
        made_by=_made_by(detail),
        image=_text(algorithm, "TrainingImage"),
        algorithm=_text(algorithm, "AlgorithmName"),
        instances=_instances(resources),
        training_plan=_training_plan(resources),
        volume_gb=_whole(resources.get("VolumeSizeInGB")),
        spot=bool(detail.get("EnableManagedSpotTraining")),
        training_seconds=_whole(detail.get("TrainingTimeInSeconds")),
        billable_seconds=_whole(detail.get("BillableTimeInSeconds")),
        kept_warm_seconds=_whole(_map(detail.get("WarmPoolStatus")).get("ResourceRetainedBillableTimeInSeconds")),
        max_runtime_seconds=_max_runtime(detail),
        channels=_channels(detail.get("InputDataConfig")),
        output_path=_text(_map(detail.get("OutputDataConfig")), "S3OutputPath"),
        model_artifact=_text(_map(detail.get("ModelArtifacts")), "S3ModelArtifacts")
        or _text(detail, "OutputModelPackageArn"),
        role=_text(detail, "RoleArn"),
        mlflow_run=_text(_map(detail.get("MlflowDetails")), "MlflowRunId"),
        mlflow_server=_text(_map(detail.get("MlflowConfig")), "MlflowResourceArn"),
        billable_tokens=_whole(detail.get("BillableTokenCount")),
    )


def _serverless(detail: Detail) -> dict[str, str]:
    """The settings that a serverless job varies instead of an image and machines: base model, technique, adapters,
    length."""
    config = _map(detail.get("ServerlessJobConfig"))
    found = {
        BASE_MODEL: _model_name(_text(config, "BaseModelArn")),
        **{name: _text(config, name) for name in ("JobType", "CustomizationTechnique", "Peft", "SequenceLength")},
        "EvaluationType": _text(config, "EvaluationType"),
    }
    return {name: value for name, value in found.items() if value}


def _model_name(arn: str | None) -> str | None:
    """A model's name and version from its ARN: of a hub, of Bedrock, or of an account's own models."""
    if arn is None or not arn.startswith("arn:"):
        return arn
    name = arn.split(":", 5)[-1]
    package = name.removeprefix("model-package/")  # its group and version; the version alone would be any group's
    return package if package != name else name.partition("/Model/")[2] or name.rpartition("/")[2]


def _processing(detail: Detail, common: dict[str, Any]) -> Job:
    cluster = _map(_map(detail.get("ProcessingResources")).get("ClusterConfig"))
    outputs = _maps(_map(detail.get("ProcessingOutputConfig")).get("Outputs"), "OutputName")
    return Job(
        **common,
        pipeline_execution=_pipeline_execution(common["key"].name),
        made_by=_made_by(detail) or _text(detail, "TrainingJobArn"),  # Debugger's rules name their training job
        image=_text(_map(detail.get("AppSpecification")), "ImageUri"),
        instances=_instances(cluster),
        volume_gb=_whole(cluster.get("VolumeSizeInGB")),
        max_runtime_seconds=_max_runtime(detail),
        channels=tuple(
            InputChannel(str(each["InputName"]), _text(_map(each.get("S3Input")), "S3Uri"))
            for each in _maps(detail.get("ProcessingInputs"), "InputName")
        ),
        output_path=next((_text(_map(each.get("S3Output")), "S3Uri") for each in outputs), None),
        role=_text(detail, "RoleArn"),
    )


def _transform(detail: Detail, common: dict[str, Any]) -> Job:
    source = _map(detail.get("TransformInput"))
    uri = _text(_map(_map(source.get("DataSource")).get("S3DataSource")), "S3Uri")
    return Job(
        **common,
        pipeline_execution=_pipeline_execution(common["key"].name),
        made_by=_made_by(detail),
        instances=_instances(_map(detail.get("TransformResources"))),
        channels=(InputChannel("input", uri, _text(source, "ContentType")),) if uri else (),
        output_path=_text(_map(detail.get("TransformOutput")), "S3OutputPath"),
        model_artifact=_text(detail, "ModelName"),
    )


def _tuning(detail: Detail, common: dict[str, Any]) -> Job:
    return Job(**common, pipeline_execution=_pipeline_execution(common["key"].name), made_by=_made_by(detail))


def _customization(detail: Detail, common: dict[str, Any]) -> Job:
    """A job of Bedrock that customizes a model. Its losses are its metrics; tokens and price are unknown."""
    training = _map(_map(detail.get("statusDetails")).get("trainingDetails"))
    config = _map(detail.get("customizationConfig"))
    reinforcement = _map(_map(config.get("rftConfig")).get("hyperParameters"))
    teacher = _map(_map(config.get("distillationConfig")).get("teacherModelConfig"))
    varied = {
        BASE_MODEL: _model_name(_text(detail, "baseModelArn")),
        "TeacherModel": _model_name(_text(teacher, "teacherModelIdentifier")),
        "CustomizationTechnique": _text(detail, "customizationType"),
    }
    given = {name: text for name, text in varied.items() if text}
    validators = _maps(_map(detail.get("validationDataConfig")).get("validators"), "s3Uri")
    data = [("train", _map(detail.get("trainingDataConfig"))), *(("validation", each) for each in validators)]
    return Job(
        **{**common, "started_at": parse_time(training.get("creationTime"), "creationTime")},
        hyper_parameters={**given, **_texts(reinforcement), **_texts(detail.get("hyperParameters"))},
        final_metrics=tuple(_losses(detail)),
        channels=tuple(InputChannel(name, _text(each, "s3Uri")) for name, each in data if _text(each, "s3Uri")),
        output_path=_text(_map(detail.get("outputDataConfig")), "s3Uri"),
        model_artifact=_text(detail, "outputModelArn"),
        role=_text(detail, "roleArn"),
    )


def _of_category(detail: Detail, common: dict[str, Any]) -> Job:
    """A job of SageMaker's Jobs API: what it was given and what came of it are in a JSON document of its category. Its
    tokens are billed by use at several prices, so that their sum would have none."""
    document = _document(detail.get("JobConfigDocument"))
    settings = [each for each in document.values() if isinstance(each, Mapping)]
    outcome = _map(document.get("ServiceOutput"))
    servers = [_text(_map(each.get("MlflowConfig")), "MlflowResourceArn") for each in settings]
    models = {
        name: _model_name(next(filter(None, (_text(each, arn) for each in settings)), None))
        for name, arn in ((BASE_MODEL, "BaseModelArn"), ("ModelPackage", "InputModelPackageArn"))
    }
    given = {name: value for each in settings for name, value in _flat(_map(each.get("HyperParameters")))}
    return Job(
        **{**common, "status": _outcome(detail, common["status"]), "started_at": _began(detail)},
        secondary_status=_text(detail, "SecondaryStatus"),
        pipeline_execution=_pipeline_execution(common["key"].name),
        hyper_parameters={**{name: model for name, model in models.items() if model}, **given},
        channels=_channels(document.get("InputDataConfig")),
        output_path=_text(_map(document.get("OutputDataConfig")), "S3OutputPath"),
        model_artifact=_text(outcome, "OutputModelPackageArn"),
        role=_text(detail, "RoleArn"),
        mlflow_run=_text(_map(outcome.get("MlflowDetails")), "RunId"),
        mlflow_server=next(filter(None, servers), None),
    )


def _document(text: object) -> Detail:
    """The settings in a JSON document; empty if it is none."""
    try:
        return _map(json.loads(text)) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}


def _flat(values: Detail, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Values and those of groups of values, `batch.size` by its whole path. Groups in groups stay JSON: the depth of
    what somebody wrote is no bound."""
    for name, value in values.items():
        if isinstance(value, Mapping) and not prefix:
            yield from _flat(value, f"{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else _as_json(value)


def _as_json(value: object) -> str:
    try:
        return json.dumps(value)
    except RecursionError:
        return "…"


def _outcome(detail: Detail, status: str) -> str:
    """How the job ended, if it is being deleted since. Its transitions tell; a list has none, so that Describe is asked
    about a job that seems to have stopped."""
    if status not in LEAVING:
        return status
    passed = [each["Status"] for each in _maps(detail.get("SecondaryStatusTransitions"), "Status")]
    return next((each for each in reversed(passed) if each in TERMINAL), STOPPED)


def _began(detail: Detail) -> datetime | None:
    """When the job began its work, as its transitions tell."""
    changes = _maps(detail.get("SecondaryStatusTransitions"), "Status")
    begun = [each.get("StartTime") for each in changes if each["Status"] not in _IDLE]
    try:
        return parse_time(begun[0], "StartTime") if begun else None
    except InvalidInput:
        return None  # one odd time must not cost the job


def _losses(detail: Detail) -> Iterable[Metric]:
    """The training loss, and a validation loss for each set of validation data; the first has the plain name."""
    training = _map(detail.get("trainingMetrics")).get("trainingLoss")
    if training is not None:
        yield Metric.of("trainingLoss", training)
    for number, each in enumerate(_maps(detail.get("validationMetrics"), "validationLoss"), 1):
        yield Metric.of("validationLoss" if number == 1 else f"validationLoss-{number}", each["validationLoss"])


_BUILDERS = {
    JobKind.TRAINING: _training,
    JobKind.PROCESSING: _processing,
    JobKind.TRANSFORM: _transform,
    JobKind.TUNING: _tuning,
    JobKind.MODEL_CUSTOMIZATION: _customization,
    **dict.fromkeys(POLLED, _of_category),
}


def tuning_job_from_describe(detail: Detail, account: str, region: str) -> TuningJob:
    """A tuning job from DescribeHyperParameterTuningJob's answer."""
    config = _map(detail.get("HyperParameterTuningJobConfig"))
    limits = _map(config.get("ResourceLimits"))
    definitions = _maps(detail.get("TrainingJobDefinitions"), None) or _maps(
        [detail.get("TrainingJobDefinition")], None
    )
    warm_start = _map(detail.get("WarmStartConfig"))
    parents = _maps(warm_start.get("ParentHyperParameterTuningJobs"), "HyperParameterTuningJobName")
    return TuningJob(
        job=job_from_detail(JobKind.TUNING, detail, account, region, described=True),
        strategy=_text(config, "Strategy"),
        definitions=tuple(_definition(each, config, detail) for each in definitions or _undefined(detail, config)),
        max_jobs=_whole(limits.get("MaxNumberOfTrainingJobs")),
        max_parallel_jobs=_whole(limits.get("MaxParallelTrainingJobs")),
        warm_start_parents=tuple(str(each["HyperParameterTuningJobName"]) for each in parents),
        parents_best=_parents_best(detail),
    )


def _parents_best(detail: Detail) -> ParentsBest | None:
    best = _map(detail.get("OverallBestTrainingJob"))
    name, tuning_job = _text(best, "TrainingJobName"), _text(best, "TuningJobName")
    if not name or not tuning_job or tuning_job == detail.get("HyperParameterTuningJobName"):
        return None
    for metric in _metrics([best.get("FinalHyperParameterTuningJobObjectiveMetric")]):
        if metric.value is not None:
            return ParentsBest(name, tuning_job, metric.name, metric.value)
    return None


def _undefined(detail: Detail, config: Detail) -> list[Detail]:
    """What stands for a definition that the answer lacks, if the rest of it names the objective or the ranges."""
    is_known = config.get("HyperParameterTuningJobObjective") or config.get("ParameterRanges") or _final(detail)
    return [{}] if is_known else []


def _final(detail: Detail) -> Detail:
    """The objective that the best job's value is of: its name, and which way is better."""
    return _map(_map(detail.get("BestTrainingJob")).get("FinalHyperParameterTuningJobObjectiveMetric"))


def _definition(definition: Detail, config: Detail, detail: Detail) -> TuningDefinition:
    named = _map(definition.get("TuningObjective")) or _map(config.get("HyperParameterTuningJobObjective"))
    is_only = len(_maps(detail.get("TrainingJobDefinitions"), None)) < 2
    objective = named or (_final(detail) if is_only else {})  # of several it may be any one's
    ranges = _map(definition.get("HyperParameterRanges")) or _map(config.get("ParameterRanges"))
    return TuningDefinition(
        name=_text(definition, "DefinitionName"),
        metric_name=_text(objective, "MetricName"),
        objective_type=_text(objective, "Type"),
        image=_text(_map(definition.get("AlgorithmSpecification")), "TrainingImage"),
        static_hyper_parameters=_texts(definition.get("StaticHyperParameters")),
        ranges=tuple(_ranges(ranges)),
    )


def _ranges(ranges: Detail) -> Iterable[ParameterRange]:
    for kind in ("Continuous", "Integer"):
        for each in _maps(ranges.get(f"{kind}ParameterRanges"), "Name"):
            low, high = (Metric.of("", each.get(bound)).value for bound in ("MinValue", "MaxValue"))
            yield ParameterRange(str(each["Name"]), kind, low, high, _text(each, "ScalingType"))
    for each in _maps(ranges.get("CategoricalParameterRanges"), "Name"):
        yield ParameterRange(str(each["Name"]), "Categorical", values=tuple(map(str, each.get("Values") or ())))


def metrics_with_statistics(metrics: tuple[Metric, ...], component: Detail) -> tuple[Metric, ...]:
    """Final metrics with Min, Max, Avg and Count from DescribeTrialComponent's answer, where SageMaker has them."""
    summaries = {str(each["MetricName"]): each for each in _maps(component.get("Metrics"), "MetricName")}
    return tuple(_with_statistics(metric, summaries.get(metric.name)) for metric in metrics)


def _with_statistics(metric: Metric, summary: Detail | None) -> Metric:
    if summary is None or metric.value is None:
        return metric
    statistics = {"minimum": summary.get("Min"), "maximum": summary.get("Max"), "average": summary.get("Avg")}
    return Metric.of(metric.name, metric.value, count=summary.get("Count"), **statistics)


def _required(detail: Detail, field: str) -> str:
    value = detail.get(field)
    if not isinstance(value, str) or not value:
        raise InvalidInput(field, value, "a text that is not empty")
    return value


def _text(detail: Detail, field: str) -> str | None:
    value = detail.get(field)
    return str(value) if value not in (None, "") else None


def _whole(value: object) -> int | None:
    try:
        return int(value)  # type: ignore[call-overload,no-any-return]
    except (TypeError, ValueError, OverflowError):
        return None


def _map(value: object) -> Detail:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object, needed: str | None) -> list[Detail]:
    """The objects of a list, those without the needed field left out: one odd entry must not cost the job."""
    entries = value if isinstance(value, list | tuple) else ()
    return [each for each in entries if isinstance(each, Mapping) and (needed is None or each.get(needed))]


def _texts(value: object) -> Mapping[str, str]:
    return MappingProxyType({str(key): "" if text is None else str(text) for key, text in _map(value).items()})


def _tags(value: object) -> Mapping[str, str]:
    """Tags: a map in events, a list of Key and Value in answers."""
    if isinstance(value, list):
        return MappingProxyType({str(each["Key"]): str(each.get("Value") or "") for each in _maps(value, "Key")})
    return _texts(value)


def _made_by(detail: Detail) -> str | None:
    """The ARN of the service's job that started this one."""
    return next((arn for field in _SERVICES if (arn := _text(detail, field))), None)


def _metrics(value: object) -> tuple[Metric, ...]:
    """Each metric once: where a list names one several times, its latest value; without times, the one listed last."""
    latest: dict[str, Detail] = {}
    for each in _maps(value, "MetricName"):
        name = str(each["MetricName"])
        if name not in latest or _reported_at(each) >= _reported_at(latest[name]):
            latest[name] = each
    return tuple(Metric.of(name, each.get("Value")) for name, each in latest.items())


def _reported_at(metric: Detail) -> datetime:
    try:
        return parse_time(metric.get("Timestamp"), "Timestamp") or _LONG_AGO
    except InvalidInput:
        return _LONG_AGO  # one odd time must not cost the job


def _experiment_config(value: object) -> ExperimentConfig | None:
    config = _map(value)
    experiment, trial = _text(config, "ExperimentName"), _text(config, "TrialName")
    return ExperimentConfig(experiment, trial) if experiment or trial else None


def _instances(resources: Detail) -> tuple[InstanceGroup, ...]:
    """The machines that the job ran on. A list of preferences names none before SageMaker has selected one."""
    groups = _maps(resources.get("InstanceGroups"), "InstanceType") or _maps([resources], "InstanceType")
    if selected := _text(resources, "SelectedInstanceType"):
        counts = [each.get("InstanceCount") for each in (*_chosen(resources), resources)]
        count = next((each for each in (resources.get("SelectedInstanceCount"), *counts) if each is not None), None)
        groups = [{"InstanceType": selected, "InstanceCount": count}]
    return tuple(InstanceGroup(str(each["InstanceType"]), _count(each.get("InstanceCount"))) for each in groups)


def _count(value: object) -> int:
    """How many machines: SageMaker's own default is one. A group may have none."""
    count = _whole(value)
    return 1 if count is None else count


def _chosen(resources: Detail) -> list[Detail]:
    """The preference that SageMaker selected; empty before it has."""
    selected = _text(resources, "SelectedInstanceType")
    preferences = _maps(resources.get("InstancePreferences"), "InstanceType")
    return [each for each in preferences if selected and each["InstanceType"] == selected]


def _training_plan(resources: Detail) -> str | None:
    """The plan whose reserved machines the job ran on: the job's, or that of the preference that was selected."""
    listed = [each["TrainingPlanArns"] for each in _chosen(resources) if isinstance(each.get("TrainingPlanArns"), list)]
    return _text(resources, "TrainingPlanArn") or next((str(plan) for plans in listed for plan in plans), None)


def _max_runtime(detail: Detail) -> int | None:
    condition = _map(detail.get("StoppingCondition"))
    # With spot instances the wait for capacity comes on top; MaxWaitTimeInSeconds covers both.
    return _whole(condition.get("MaxWaitTimeInSeconds")) or _whole(condition.get("MaxRuntimeInSeconds"))


def _channels(value: object) -> tuple[InputChannel, ...]:
    return tuple(
        InputChannel(
            str(each["ChannelName"]),
            _text(_map(_map(each.get("DataSource")).get("S3DataSource")), "S3Uri"),
            _text(each, "ContentType"),
            _source(_map(each.get("DataSource"))),
        )
        for each in _maps(value, "ChannelName")
    )


def _source(source: Detail) -> str | None:
    """The data that are not in S3: a dataset of SageMaker, or a path in a file system."""
    files = _map(source.get("FileSystemDataSource"))
    at = (_text(files, "FileSystemId"), _text(files, "DirectoryPath"))
    return _text(_map(source.get("DatasetSource")), "DatasetArn") or ":".join(filter(None, at)) or None


def _tuning_job(detail: Detail, name: str) -> str | None:
    """The tuning job of a child. The ARN says that there is one but lower-cases its name; the child's own name,
    `<tuning job>-001-0f0444b1`, keeps the spelling, and counts where both agree."""
    arn = _text(detail, "TuningJobArn")
    if arn is None:
        return None
    lowered = arn.rpartition("/")[2]
    child = _CHILD.fullmatch(name)
    if child and child["tuning_job"].lower() == lowered.lower():
        return child["tuning_job"]
    return lowered


def _pipeline_execution(name: str) -> str | None:
    """The execution whose step started the job, as far as the job's name tells it."""
    started = pipeline_job(name)
    return started.execution if started else None
