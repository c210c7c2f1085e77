"""botocore's models: which operations a service has, and checks of requests and answers against shapes."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from trialbook_cli.sagemaker_stand_in.errors import validation_error

_SAGEMAKER = "sagemaker"


@cache
def operation_model(name: str, service: str = _SAGEMAKER) -> OperationModel:
    """The model of an operation. Raises OperationNotFoundError."""
    found: OperationModel = _service_model(service).operation_model(name)
    return found


def operations_of(service: str) -> list[OperationModel]:
    """The models of a service's operations."""
    return [operation_model(name, service) for name in _service_model(service).operation_names]


@cache
def service_of(operation: str, others: tuple[str, ...]) -> str:
    """The service that has an operation: SageMaker, else the last of the others. AWS Batch has a ListJobs too."""
    named = (each for each in (_SAGEMAKER, *reversed(others)) if operation in _service_model(each).operation_names)
    return next(named, _SAGEMAKER)


@cache
def _service_model(service: str) -> Any:
    return botocore.session.Session().get_service_model(service)


def check_request(operation: str, request: Mapping[str, Any], service: str = _SAGEMAKER) -> None:
    """Raises ValidationException for what the service would refuse: missing members, lengths, patterns, enums."""
    shape = operation_model(operation, service).input_shape
    problems = list(_request_problems(shape, request, "")) if shape is not None else []
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise validation_error(count + "; ".join(problems))


def _request_problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        yield from _structure_problems(shape, value, path)
    elif isinstance(shape, ListShape):
        for number, each in enumerate(value, 1):
            yield from _request_problems(shape.member, each, f"{path}.{number}.member")
    elif isinstance(shape, MapShape):
        for key, each in value.items():
            yield from _request_problems(shape.value, each, f"{path}.{key}.member")
    elif shape.type_name == "string" and isinstance(value, str):
        yield from _text_problems(shape, value, path)


def _structure_problems(shape: StructureShape, value: Any, path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_member(path, name)}' failed to satisfy constraint: Member must not be null"
    for name, each in value.items():
        if name in shape.members and each is not None:
            yield from _request_problems(shape.members[name], each, _member(path, name))


def _member(path: str, name: str) -> str:
    lowered = name[:1].lower() + name[1:]
    return f"{path}.{lowered}" if path else lowered


def _text_problems(shape: Shape, value: str, path: str) -> Iterator[str]:
    start = f"Value '{value}' at '{path}' failed to satisfy constraint: Member must"
    pattern, longest = shape.metadata.get("pattern"), shape.metadata.get("max")
    enum = getattr(shape, "enum", None)
    if longest is not None and len(value) > longest:
        yield f"{start} have length less than or equal to {longest}"
    elif pattern is not None and not _pattern(pattern).fullmatch(value):
        yield f"{start} satisfy regular expression pattern: {pattern}"
    elif enum and value not in enum:
        yield f"{start} satisfy enum value set: [{', '.join(enum)}]"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.DOTALL)
    except re.error:  # a few of AWS's patterns use Java's character classes
        return re.compile(".*", re.DOTALL)


_SCALARS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float, str),
    "double": (int, float, str),
    "boolean": (bool,),
    "timestamp": (int, float, datetime),
}


def answer_problems(operation: str, answer: Mapping[str, Any], service: str = _SAGEMAKER) -> list[str]:
    """The differences between an answer and botocore's output shape."""
    shape = operation_model(operation, service).output_shape
    return list(_answer_problems(shape, answer, operation)) if shape is not None else []


def _answer_problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        if not isinstance(value, Mapping):
            yield f"{path}: no structure"
            return
        yield from (f"{path}.{name}: missing" for name in shape.required_members if name not in value)
        yield from (f"{path}.{name}: unknown" for name in value if name not in shape.members)
        for name, each in value.items():
            if name in shape.members:
                yield from _answer_problems(shape.members[name], each, f"{path}.{name}")
    elif isinstance(shape, ListShape):
        for number, each in enumerate(value):
            yield from _answer_problems(shape.member, each, f"{path}[{number}]")
    elif isinstance(shape, MapShape):
        for key, each in value.items():
            yield from _answer_problems(shape.value, each, f"{path}[{key}]")
    elif not isinstance(value, _SCALARS.get(shape.type_name, (object,))):
        yield f"{path}: {value!r} is no {shape.type_name}"
