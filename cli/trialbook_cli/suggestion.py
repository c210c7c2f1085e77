"""Where a sweep should search next, as points, as ranges, or as code that runs."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pprint import pformat
from typing import Any

from trialbook.core.analysis.model import Analysis, Scale, Value
from trialbook.core.analysis.next_search import NextSearch, Range, next_search
from trialbook.core.numbers import shown
from trialbook.core.objectives import ObjectiveType
from trialbook.core.sweeps import SweepKind
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.plain_output import print_json, say
from trialbook_cli.rich_output import fail
from trialbook_cli.visible_text import visible

_LONGEST_NAME, _LONGEST_TUNING_NAME = 63, 32


class NextForm(StrEnum):
    """The form of the answer."""

    TEXT = "text"
    BOTO3 = "boto3"
    SDK = "sdk"
    LOOP = "loop"
    JSON = "json"


def show(analysis: Analysis, points: int, form: NextForm, *, ranges: bool) -> int:
    """Prints the suggestion; exit code 1 if the trials allow none."""
    found = suggested(analysis, points)
    if form is NextForm.JSON:
        print_json(as_json(found))
        return OK if found.points else FAILED
    if not found.points:
        return fail(f"{analysis.sweep.id}: {' '.join(found.why)}", FAILED)
    if form is NextForm.TEXT:
        _show(found, only_ranges=ranges)
        return OK
    for line in found.why:
        say(f"# {visible(line, 400)}")
    say(code(analysis, found, form, ranges=ranges))
    return OK


def suggested(analysis: Analysis, points: int) -> NextSearch:
    """What the leading objective's trials suggest."""
    rows = sorted((row for row in analysis.trials if row.group == 0 and row.rank), key=lambda row: row.rank or 0)
    values = [row.value for row in rows if row.value is not None]
    kind = ObjectiveType(analysis.groups[0].ranking.type) if analysis.groups else ObjectiveType.MINIMIZE
    repeats = analysis.groups[0].repeats if analysis.groups else None
    return next_search(analysis.parameters, [row.hyper_parameters for row in rows], values, kind, repeats, points)


def as_json(found: NextSearch) -> dict[str, Any]:
    """Points, ranges and reasons as plain data."""
    return {
        "points": [dict(point) for point in found.points],
        "ranges": {name: _range(each) for name, each in found.ranges.items()},
        "why": list(found.why),
        "repeats": [dict(point) for point in found.repeats],
    }


def _range(found: Range) -> dict[str, Any]:
    if found.values:
        return {"values": list(found.values)}
    return {"low": found.low, "high": found.high, "scale": found.scale.value, "integer": found.is_integer}


def _show(found: NextSearch, *, only_ranges: bool) -> None:
    for line in found.why:
        say(visible(line, 400))
    if not only_ranges:
        for point in found.points:
            say(visible("  " + ", ".join(f"{name} = {shown(value)}" for name, value in point.items()), 400))
    else:
        for name, each in found.ranges.items():
            told = ", ".join(each.values) if each.values else f"{shown(each.low)} to {shown(each.high)}"
            say(visible(f"  {name}: {told}", 400))


def code(analysis: Analysis, found: NextSearch, form: NextForm, *, ranges: bool) -> str:
    """Python that runs the suggestion."""
    if form is NextForm.LOOP:
        return _loop(found)
    if form is NextForm.SDK:
        return _sdk(found, ranges=ranges)
    if ranges:
        request = tuning_request(analysis, found)
        call = "boto3.client('sagemaker').create_hyper_parameter_tuning_job(**request)"
        return f"import boto3\n\nrequest = {_told(request)}\n{call}"
    requests = training_requests(analysis, [*found.repeats, *found.points])
    return (
        f"import boto3\n\nrequests = {_told(requests)}\nsagemaker = boto3.client('sagemaker')\n"
        "for request in requests:\n    sagemaker.create_training_job(**request)"
    )


def training_requests(analysis: Analysis, points: Sequence[Mapping[str, Value]]) -> list[dict[str, Any]]:
    """A CreateTrainingJob request for each point, after the best trial's."""
    request = dict(analysis.recipe.request) if analysis.recipe else {}
    given: dict[str, str] = dict(request.get("HyperParameters", {}))  # type: ignore[call-overload]
    varied = {each.name for each in analysis.parameters}
    kept = {name: text for name, text in given.items() if name not in varied}
    base = str(request.get("TrainingJobName", "trial")).removesuffix("-again")
    return [
        {
            **request,
            "TrainingJobName": f"{base[: _LONGEST_NAME - 9].rstrip('-')}-next-{number:03}",
            "HyperParameters": {**kept, **{name: _text(value) for name, value in point.items()}},
        }
        for number, point in enumerate(points, 1)
    ]


def tuning_request(analysis: Analysis, found: NextSearch, jobs: int = 20) -> dict[str, Any]:
    """A CreateHyperParameterTuningJob request over the ranges; with a warm start if the sweep is a tuning job that
    finished, the only kind of parent that SageMaker takes."""
    (training,) = training_requests(analysis, [{}])
    training.pop("TrainingJobName")
    algorithm = training["AlgorithmSpecification"]
    group = analysis.groups[0]
    kind = ObjectiveType(group.ranking.type).value
    static = {name: text for name, text in training.pop("HyperParameters").items() if name not in found.ranges}
    parents = {
        "WarmStartConfig": {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": analysis.sweep.id}],
            "WarmStartType": "IdenticalDataAndAlgorithm",
        }
    }
    may_warm_start = analysis.sweep.kind == SweepKind.TUNING and analysis.counts.in_progress == 0
    return {
        "HyperParameterTuningJobName": f"{analysis.sweep.id[: _LONGEST_TUNING_NAME - 5].rstrip('-')}-next",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": kind, "MetricName": group.ranking.metric},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": _parameter_ranges(found.ranges),
        },
        "TrainingJobDefinition": {
            **{name: value for name, value in training.items() if name != "AlgorithmSpecification"},
            "AlgorithmSpecification": algorithm,
            "StaticHyperParameters": static,
        },
        **(parents if may_warm_start else {}),
    }


def _parameter_ranges(ranges: Mapping[str, Range]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {
        "IntegerParameterRanges": [],
        "ContinuousParameterRanges": [],
        "CategoricalParameterRanges": [],
    }
    for name, each in ranges.items():
        if each.values:
            found["CategoricalParameterRanges"].append({"Name": name, "Values": list(each.values)})
            continue
        kind = "IntegerParameterRanges" if each.is_integer else "ContinuousParameterRanges"
        scaling = "Logarithmic" if each.scale is Scale.LOG else "Linear"
        bounds = {"MinValue": _text(each.low), "MaxValue": _text(each.high)}
        found[kind].append({"Name": name, **bounds, "ScalingType": scaling})
    return {kind: rows for kind, rows in found.items() if rows}


def _loop(found: NextSearch) -> str:
    points = _told([dict(point) for point in [*found.repeats, *found.points]])
    return f"points = {points}\nfor point in points:\n    train(**point)  # your own function that starts a job"


def _sdk(found: NextSearch, *, ranges: bool) -> str:
    if not ranges:
        points = _told([dict(point) for point in [*found.repeats, *found.points]])
        return (
            "# `estimator` and `inputs` are those of the sweep.\n"
            f"points = {points}\nfor point in points:\n"
            "    estimator.set_hyperparameters(**point)\n    estimator.fit(inputs, wait=False)"
        )
    lines = [f"    {name!r}: {_sdk_range(each)}," for name, each in found.ranges.items()]
    return "\n".join(
        [
            "from sagemaker.tuner import CategoricalParameter, ContinuousParameter, IntegerParameter",
            "",
            "hyperparameter_ranges = {",
            *lines,
            "}",
        ]
    )


def _sdk_range(found: Range) -> str:
    if found.values:
        return f"CategoricalParameter({list(found.values)!r})"
    kind = "IntegerParameter" if found.is_integer else "ContinuousParameter"
    scaling = "Logarithmic" if found.scale is Scale.LOG else "Linear"
    return f"{kind}({found.low!r}, {found.high!r}, scaling_type={scaling!r})"


def _text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _told(data: object) -> str:
    return pformat(data, sort_dicts=False, width=100)
