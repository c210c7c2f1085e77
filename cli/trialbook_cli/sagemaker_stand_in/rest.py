"""The operations of services whose requests name them by method and path, from botocore's models."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.model import StructureShape

from trialbook_cli.sagemaker_stand_in.request_validation import operations_of

SERVICES = ("batch", "bedrock")
_LABEL = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class _Route:
    operation: str
    method: str
    path: re.Pattern[str]
    shape: StructureShape

    def request(self, found: re.Match[str], query: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The operation's request: members from the path, the query and the body."""
        given = {**body, **dict(parse_qsl(query)), **{name: unquote(text) for name, text in found.groupdict().items()}}
        members = {shape.serialization.get("name", name): (name, shape) for name, shape in self.shape.members.items()}
        known = ((members[key], value) for key, value in given.items() if key in members)
        return {name: int(value) if shape.type_name == "integer" else value for (name, shape), value in known}


@cache
def _routes() -> tuple[_Route, ...]:
    return tuple(_read())


def _read() -> Iterator[_Route]:
    for service in SERVICES:
        for model in operations_of(service):
            if model.input_shape is not None:
                path = re.compile(_LABEL.sub(r"(?P<\1>[^/]+)", model.http["requestUri"].partition("?")[0]))
                yield _Route(model.name, model.http["method"], path, model.input_shape)


def operation_of(method: str, target: str, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Operation and request; no operation if no path fits."""
    url = urlsplit(target)
    for route in _routes():
        if route.method == method and (found := route.path.fullmatch(url.path)):
            return route.operation, route.request(found, url.query, body)
    return "", {}
