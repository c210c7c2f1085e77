"""Cuts botocore's data in a built layer to what the functions call. The layer's Makefile runs it with the layer's path.

Botocore reads a service's whole model when it makes the service's first client. SageMaker's has 425 operations, of
which the functions call 20. A cut model has the operations named here, with all shapes that they reach and all errors,
and no documentation. What botocore takes from it for these operations is the same.
"""

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

from trialbook.core.kinds import DESCRIBED, SERVICES

CALLED: Mapping[str, frozenset[str]] = {
    "batch": frozenset({"DescribeServiceJob"}),
    "bedrock": frozenset(),
    "cloudwatch": frozenset({"GetMetricData"}),
    # What pynamodb does with items, how it looks a table up, and how botocore looks for endpoints.
    "dynamodb": frozenset(
        {
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "DescribeEndpoints",
            "DescribeTable",
            "GetItem",
            "PutItem",
            "Query",
            "Scan",
            "TransactGetItems",
            "TransactWriteItems",
            "UpdateItem",
        }
    ),
    "events": frozenset({"PutEvents"}),
    "logs": frozenset({"DescribeLogStreams", "GetLogEvents"}),
    "pricing": frozenset({"GetProducts"}),
    # HeadBucket and CreateSession are calls of botocore's own: for a bucket of another region, and an express bucket.
    "s3": frozenset({"CreateSession", "GetObject", "HeadBucket", "HeadObject", "PutObject"}),
    "sagemaker": frozenset(
        {
            "AssociateTrialComponent",
            "CreateExperiment",
            "CreateTrial",
            "DescribeTrial",
            "DescribeTrialComponent",
            "ListTrainingJobsForHyperParameterTuningJob",
            "Search",
        }
    ),
    "sagemaker-metrics": frozenset({"BatchGetMetrics"}),
    "secretsmanager": frozenset({"GetSecretValue"}),
    "sesv2": frozenset({"SendEmail"}),
    "sqs": frozenset({"ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "SendMessage"}),
    "ssm": frozenset({"GetParameter"}),
    "sts": frozenset({"AssumeRole"}),
}
_ENDPOINTS = "endpoint-rule-set-1"
Model = dict[str, Any]


def operations() -> dict[str, frozenset[str]]:
    """What the functions call, by service: the operations named above, and those of the kinds of jobs."""
    of_kinds = {service.name: {service.tags_operation} for service in SERVICES}
    for kind in (each.facts for each in DESCRIBED):
        listed = {kind.listing.operation} if kind.listing else set()
        of_kinds[kind.service.name] |= {kind.describe} | listed
    return {service: named | of_kinds.get(service, set()) for service, named in CALLED.items()}


def cut(model: Mapping[str, Any], kept: Iterable[str]) -> Model:
    """A service's model with these operations alone."""
    operations = {name: _undocumented(model["operations"][name]) for name in sorted(kept)}
    errors = (name for name, shape in model["shapes"].items() if shape.get("exception"))
    shapes: Model = {}
    wanted = [*chain.from_iterable(map(_references, operations.values())), *errors]
    while wanted:
        name = wanted.pop()
        if name not in shapes:
            shapes[name] = _undocumented_shape(model["shapes"][name])
            wanted += _references(shapes[name])
    return {**_undocumented(model), "operations": operations, "shapes": shapes}


def _references(value: Any) -> Iterator[str]:
    """The names of shapes to which an operation or a shape refers."""
    if isinstance(value, dict):
        if isinstance(value.get("shape"), str):
            yield value["shape"]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _undocumented(part: Mapping[str, Any]) -> Model:
    return {name: value for name, value in part.items() if name != "documentation"}


def _undocumented_shape(shape: Mapping[str, Any]) -> Model:
    """Its members' names are no keywords: one may be called documentation."""
    made = _undocumented(shape)
    for part in ("member", "key", "value"):
        if part in made:
            made[part] = _undocumented(made[part])
    if "members" in made:
        made["members"] = {name: _undocumented(member) for name, member in made["members"].items()}
    return made


def _cut_service(data: Path, loader: Loader, service: str, kept: Iterable[str]) -> str:
    """Leaves the service's model and its rules for endpoints; returns the name by which endpoints.json calls it."""
    version = loader.determine_latest_version(service, "service-2")
    model = cut(loader.load_service_model(service, "service-2", version), kept)
    for folder in (data / service).iterdir():
        if folder.name != version:
            shutil.rmtree(folder)
            continue
        for file in folder.iterdir():
            if file.name.partition(".")[0] != _ENDPOINTS:
                file.unlink()
        _write(folder / "service-2.json", model)
    prefix: str = model["metadata"]["endpointPrefix"]
    return prefix


def _cut_endpoints(file: Path, prefixes: Iterable[str]) -> None:
    endpoints = json.loads(file.read_text(encoding="utf-8"))
    for partition in endpoints["partitions"]:
        partition["services"] = {name: each for name, each in partition["services"].items() if name in prefixes}
    _write(file, endpoints)


def _write(file: Path, content: Model) -> None:
    file.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")


def cut_data(data: Path) -> None:
    """Cuts all of a botocore's data."""
    loader, kept = Loader(), operations()
    loader.search_paths.insert(0, str(data))
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in kept:
            shutil.rmtree(folder)
    prefixes = {_cut_service(data, loader, service, names) for service, names in kept.items()}
    _cut_endpoints(data / "endpoints.json", prefixes)


if __name__ == "__main__":
    cut_data(Path(sys.argv[1]))
