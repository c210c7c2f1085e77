"""Where a sweep should search next, as points, as ranges, or as code that runs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from math import inf, prod
from pprint import pformat
from typing import Any

from trialbook.core.analysis.edges import edges
from trialbook.core.analysis.model import Analysis, NextRange, Scale, Value
from trialbook.core.analysis.next_search import NextSearch, next_search
from trialbook.core.analysis.repeats import searched
from trialbook.core.analysis.verdict import range_text
from trialbook.core.jobs import FAILED as FAILED_JOB
from trialbook.core.numbers import number_of, shown
from trialbook.core.objectives import ObjectiveSource, ObjectiveType
from trialbook.core.places import plain_name
from trialbook.core.seeds import is_seed
from trialbook.core.settings import is_setting
from trialbook.core.sweeps import SweepKind, SweepState
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.plain_output import print_json, say
from trialbook_cli.rich_output import fail
from trialbook_cli.visible_text import visible

_LONGEST_NAME, _LONGEST_TUNING_NAME = 63, 32
_MOST_VALUES = 30  # of a category, in a tuning job


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
    """The suggestion from the leading objective's trials."""
    rows = sorted((row for row in analysis.trials if row.group == 0 and row.rank), key=lambda row: row.rank or 0)
    trials = [row.hyper_parameters for row in rows]
    values = [row.value for row in rows if row.value is not None]
    group = analysis.groups[0] if analysis.groups else None
    kind = ObjectiveType(group.ranking.type) if group else ObjectiveType.MINIMIZE
    parameters = [each for each in analysis.parameters if not is_setting(each.name)]  # what a script can be given
    crowded = edges(searched(parameters), trials, group.importance) if group else []
    repeats = group.repeats if group else None
    causes = [each.cause for each in analysis.failures if each.cause is not None]
    failed = [row.hyper_parameters for row in analysis.trials if row.status == FAILED_JOB]
    found = next_search(parameters, trials, values, kind, repeats, points, crowded, failed, causes)
    return replace(found, repeats=tuple(_seeded(analysis, found.repeats)))


def _seeded(analysis: Analysis, repeats: Sequence[Mapping[str, Value]]) -> Iterator[Mapping[str, Value]]:
    """The repeats with seeds that no trial had: with an equal seed a trial says nothing of noise."""
    tried = {
        each.name: max(
            (int(v) for row in analysis.trials if (v := _whole(row.hyper_parameters.get(each.name)))),
            default=0,
        )
        for each in analysis.parameters
        if is_seed(each.name)
    }
    constant = {name: value for name, text in analysis.constants.items() if is_seed(name) and (value := _whole(text))}
    for number, point in enumerate(repeats, 1):
        yield {**point, **{name: last + number for name, last in {**tried, **constant}.items()}}


def _whole(value: Value) -> int | None:
    """A seed as a whole number; None if it is something else."""
    number = number_of(value) if isinstance(value, str) else value
    return int(number) if number is not None and number == int(number) else None


def as_json(found: NextSearch) -> dict[str, Any]:
    """Points, ranges and reasons as plain data."""
    return {
        "points": [dict(point) for point in found.points],
        "ranges": {each.parameter: _range(each) for each in found.ranges},
        "why": list(found.why),
        "repeats": [dict(point) for point in found.repeats],
    }


def _range(found: NextRange) -> dict[str, Any]:
    why = {"change": found.change.value, "why": found.why}
    if found.values:
        return {"values": list(found.values), **why}
    return {"low": found.low, "high": found.high, "scale": found.scale.value, "integer": found.is_integer, **why}


def _show(found: NextSearch, *, only_ranges: bool) -> None:
    for line in found.why:
        say(visible(line, 400))
    if not only_ranges:
        for point in found.points:
            say(visible("  " + ", ".join(f"{name} = {shown(value)}" for name, value in point.items()), 400))
    else:
        for each in found.ranges:
            say(visible(f"  {each.parameter}: {range_text(each)}", 400))


def code(analysis: Analysis, found: NextSearch, form: NextForm, *, ranges: bool) -> str:
    """Python that runs the suggestion."""
    if form is NextForm.LOOP:
        return _loop(found)
    if form is NextForm.SDK:
        return _sdk(found, ranges=ranges)
    if ranges:
        request = tuning_request(analysis, found)
        call = "boto3.client('sagemaker').create_hyper_parameter_tuning_job(**request)"
        return f"import boto3\n\nrequest = {_literal(request)}\n{call}"
    requests = training_requests(analysis, [*found.repeats, *found.points])
    return (
        f"import boto3\n\nrequests = {_literal(requests)}\nsagemaker = boto3.client('sagemaker')\n"
        "for request in requests:\n    sagemaker.create_training_job(**request)"
    )


def training_requests(analysis: Analysis, points: Sequence[Mapping[str, Value]]) -> list[dict[str, Any]]:
    """A CreateTrainingJob request for each point, after the best trial's."""
    request, given = _template(analysis)
    varied = {each.name for each in searched(analysis.parameters) if each.varies}
    kept = {name: text for name, text in given.items() if name not in varied}
    base = str(request.get("TrainingJobName", "trial")).removesuffix("-again")
    return [
        {
            **request,
            "TrainingJobName": _named(base, f"-next-{analysis.counts.jobs}-{number:03}"),
            "HyperParameters": {**kept, **{name: _text(value, given.get(name)) for name, value in point.items()}},
        }
        for number, point in enumerate(points, 1)
    ]


def _named(base: str, end: str) -> str:
    """A job's name, whose end holds the sweep's number of jobs: SageMaker takes no name twice, and a sweep that has
    grown is asked again."""
    return f"{base[: _LONGEST_NAME - len(end)].rstrip('-')}{end}"


def _template(analysis: Analysis) -> tuple[dict[str, Any], dict[str, str]]:
    """The best trial's request, and its hyperparameters."""
    request: dict[str, Any] = dict(analysis.recipe.request) if analysis.recipe else {}
    return request, dict(request.get("HyperParameters", {}))


def tuning_request(analysis: Analysis, found: NextSearch, jobs: int = 20) -> dict[str, Any]:
    """A CreateHyperParameterTuningJob request over the ranges, with a warm start where SageMaker allows it. What is not
    searched has the best trial's value: SageMaker wants as many hyperparameters as the parent had."""
    request, given = _template(analysis)
    ranges = [_within_limit(each, analysis) for each in found.ranges]
    names = {each.parameter for each in ranges}
    jobs = int(min(jobs, prod(map(_size, ranges))))
    group = analysis.groups[0]
    parents = {
        "WarmStartConfig": {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": plain_name(analysis.sweep.id)}],
            "WarmStartType": "IdenticalDataAndAlgorithm",
        }
    }
    return {
        "HyperParameterTuningJobName": f"{plain_name(analysis.sweep.id)[: _LONGEST_TUNING_NAME - 5].rstrip('-')}-next",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {
                "Type": ObjectiveType(group.ranking.type).value,
                "MetricName": group.ranking.metric,
            },
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": min(2, jobs)},
            "ParameterRanges": _parameter_ranges(ranges, given),
        },
        "TrainingJobDefinition": {
            **{name: value for name, value in request.items() if name not in ("TrainingJobName", "HyperParameters")},
            "StaticHyperParameters": {name: text for name, text in given.items() if name not in names},
        },
        **(parents if may_warm_start(analysis) else {}),
    }


def may_warm_start(analysis: Analysis) -> bool:
    """Whether SageMaker takes the sweep as a parent: a tuning job that is over, with the same objective for all of its
    jobs."""
    sweep = analysis.sweep
    is_over = sweep.state == SweepState.CLOSED and not analysis.counts.in_progress
    is_its_own = [each.ranking.source for each in analysis.groups] == [ObjectiveSource.TUNING_JOB]
    return sweep.kind == SweepKind.TUNING and is_over and is_its_own


def _within_limit(found: NextRange, analysis: Analysis) -> NextRange:
    """The range with no more values than a tuning job takes: those of the best trials."""
    if len(found.values) <= _MOST_VALUES:
        return found
    ranked = sorted((row for row in analysis.trials if row.group == 0 and row.rank), key=lambda row: row.rank or 0)
    best_first = dict.fromkeys(str(row.hyper_parameters.get(found.parameter)) for row in ranked)
    kept = [each for each in best_first if each in found.values][:_MOST_VALUES]
    return replace(found, values=tuple(kept))


def _size(found: NextRange) -> float:
    """How many values the range has: SageMaker refuses a tuning job of more jobs than there are combinations."""
    if found.values:
        return len(found.values)
    return int(found.high or 0) - int(found.low or 0) + 1 if found.is_integer else inf


def _parameter_ranges(ranges: Sequence[NextRange], given: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {
        "IntegerParameterRanges": [],
        "ContinuousParameterRanges": [],
        "CategoricalParameterRanges": [],
    }
    for each in ranges:
        name = each.parameter
        if each.values:
            values = [_text(value, given.get(name)) for value in each.values]
            found["CategoricalParameterRanges"].append({"Name": name, "Values": values})
            continue
        kind = "IntegerParameterRanges" if each.is_integer else "ContinuousParameterRanges"
        scaling = "Logarithmic" if each.scale is Scale.LOG else "Linear"
        bounds = {"MinValue": _text(each.low), "MaxValue": _text(each.high)}
        found[kind].append({"Name": name, **bounds, "ScalingType": scaling})
    return {kind: rows for kind, rows in found.items() if rows}


def _loop(found: NextSearch) -> str:
    points = _literal([dict(point) for point in [*found.repeats, *found.points]])
    return f"points = {points}\nfor point in points:\n    train(**point)  # your own function that starts a job"


def _sdk(found: NextSearch, *, ranges: bool) -> str:
    if not ranges:
        points = _literal([dict(point) for point in [*found.repeats, *found.points]])
        return (
            "# `estimator` and `inputs` are those of the sweep.\n"
            f"points = {points}\nfor point in points:\n"
            "    estimator.set_hyperparameters(**point)\n    estimator.fit(inputs, wait=False)"
        )
    lines = [f"    {each.parameter!r}: {_sdk_range(each)}," for each in found.ranges]
    return "\n".join(
        [
            "from sagemaker.tuner import CategoricalParameter, ContinuousParameter, IntegerParameter",
            "",
            "hyperparameter_ranges = {",
            *lines,
            "}",
        ]
    )


def _sdk_range(found: NextRange) -> str:
    if found.values:
        return f"CategoricalParameter({list(found.values)!r})"
    kind = "IntegerParameter" if found.is_integer else "ContinuousParameter"
    scaling = "Logarithmic" if found.scale is Scale.LOG else "Linear"
    return f"{kind}({found.low!r}, {found.high!r}, scaling_type={scaling!r})"


def _text(value: Value, like: str | None = None) -> str:
    """As CreateTrainingJob takes it; a text in quotes where the best trial's is, as SDK containers write it."""
    is_quoted = like is not None and len(like) > 1 and like[0] == like[-1] == '"'
    return value if isinstance(value, str) and not is_quoted else json.dumps(value)


def _literal(data: object) -> str:
    return pformat(data, sort_dicts=False, width=100)
