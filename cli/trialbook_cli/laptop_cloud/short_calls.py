"""Calls that stay in this process: built and read as botocore does it, without the way to a server in between.

botocore spends most of a call's time on endpoints, headers, signatures, connections and retries. Within a process they
decide nothing. What remains is what a program can notice: parameters that botocore fills in, the service's model, the
protocol's JSON, the parser with the client's settings, the client's own exceptions.
"""

# ruff: noqa: SLF001 botocore has no public way to the parts of a client.
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore import handlers
from botocore.awsrequest import HeadersDict
from botocore.parsers import JSONParser

_SERVICE = "laptop_cloud_service"
_FIRST_ERROR = 300


# Answers a client's operation, given the request's body, with an HTTP status and a body; None for a call that has to go
# its usual way.
Service = Callable[[Any, str, bytes], tuple[int, bytes] | None]


@contextmanager
def answering(services: Mapping[str, Service]) -> Iterator[None]:
    """For the block, each client of a session that is made in it knows what answers for its service. botocore keeps the
    classes of clients, so they know it by name and forget it at the end."""
    known = dict(services)

    def mark(event_name: str, class_attributes: dict[str, Any], **_: Any) -> None:
        name = event_name.rpartition(".")[2]
        if name in known:
            class_attributes[_SERVICE] = staticmethod(lambda: known.get(name))

    marking = [*handlers.BUILTIN_HANDLERS, ("creating-client-class", mark)]
    try:
        with patch.object(handlers, "BUILTIN_HANDLERS", marking):
            yield
    finally:
        known.clear()


def answered(client: Any, operation: str, parameters: Any) -> Any:
    """The answer to a client's call; None if the call has to go its usual way. Raises the client's exceptions."""
    service: Service | None = getattr(client, _SERVICE, lambda: None)()
    if service is None:
        return None
    model = client.meta.service_model.operation_model(operation)
    context = {"client_region": client.meta.region_name, "client_config": client.meta.config}
    filled_in = client._emit_api_params(api_params=parameters, operation_model=model, context=context)
    request = client._serializer.serialize_to_request(filled_in, model)
    answer = service(client, operation, request["body"])
    return None if answer is None else _read(client, model, *answer)


def _read(client: Any, model: Any, status: int, body: bytes) -> Any:
    endpoint = client._endpoint
    parser = _parser(endpoint._response_parser_factory, model.service_model.resolved_protocol)
    response = {"headers": HeadersDict(), "status_code": status, "body": body}
    parsed = parser.parse(response, model.output_shape)
    if status >= _FIRST_ERROR:
        endpoint._add_modeled_error_fields(response, parsed, model, parser)
        raise client.exceptions.from_code(parsed["Error"]["Code"])(parsed, model.name)
    parsed["ResponseMetadata"]["RetryAttempts"] = 0
    return parsed


def _parser(factory: Any, protocol: str) -> Any:
    made = factory.create_parser(protocol)
    return _JsonParser(**factory._defaults) if type(made) is JSONParser else made


class _JsonParser(JSONParser):
    """botocore's parser, which looks for each kind of value that DynamoDB has in each value. Texts and numbers, which
    most are, stay as they came."""

    def _handle_structure(self, shape: Any, value: Any) -> Any:
        if shape.name == "AttributeValue" and len(value) == 1 and ("S" in value or "N" in value):
            return dict(value)
        return super()._handle_structure(shape, value)  # type: ignore[misc]


def access_key(client: Any) -> str:
    """The key that would sign the client's requests."""
    return str(client._request_signer._credentials.access_key)
