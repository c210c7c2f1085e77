"""The layer has the models of those services and operations that functions call, and of no others; botocore takes the same
from them as from its own."""

import ast
import re
import shutil
from collections.abc import Iterator
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore
import botocore.session
import pynamodb.connection.base
import pytest
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointVariantError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.regions import EndpointResolver

import cut_models
from tests.conftest import ROOT
from trialbook.core.kinds import DESCRIBED

LAYER = ROOT / "layers" / "trialbook"
OWN = Path(botocore.__file__).parent / "data"
OPERATIONS = cut_models.operations()
UNUSED = "kms"  # a service that functions never call
# What an operation's model says beside its shapes.
OF_OPERATIONS = (
    *(
        "name",
        "wire_name",
        "http",
        "auth",
        "auth_type",
        "endpoint",
        "endpoint_discovery",
        "is_endpoint_discovery_operation",
    ),
    *("idempotent_members", "static_context_parameters", "context_parameters", "operation_context_parameters"),
    *("request_compression", "http_checksum_required", "http_checksum", "has_event_stream_input", "deprecated"),
    *("has_event_stream_output", "has_streaming_input", "has_streaming_output", "unsigned_payload"),
)
OF_SERVICES = (
    *("metadata", "service_name", "service_id", "signing_name", "api_version", "protocol", "endpoint_prefix"),
    *("signature_version", "client_context_parameters", "endpoint_discovery_required"),
)


def session(data: Path = OWN) -> botocore.session.Session:
    """A session that reads this data alone."""
    made = botocore.session.Session()
    loader = Loader([str(data)], include_default_search_paths=False)  # its own: sessions may share one
    loader.BUILTIN_DATA_PATH = str(data)  # elsewhere, models have no rules for endpoints
    made.register_component("data_loader", loader)
    return made


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Botocore's own data, cut."""
    data = tmp_path_factory.mktemp("data")
    for file in OWN.glob("*.json"):
        shutil.copy(file, data)
    for service in (*OPERATIONS, UNUSED):
        shutil.copytree(OWN / service, data / service)
    cut_models.cut_data(data)
    return data


def called(code: str) -> set[str]:
    """Attributes and texts in a module's code: whatever could name an operation."""
    nodes = list(ast.walk(ast.parse(code)))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return attributes | {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def modules() -> dict[str, set[str]]:
    """The services whose clients a module makes, by its code."""
    codes = [path.read_text(encoding="utf-8") for path in (LAYER / "trialbook").rglob("*.py")]
    found = {code: set(re.findall(r"create_client\(\s*\"([a-z0-9-]+)\"", code)) for code in codes}
    return {code: services for code, services in found.items() if services}


def test_the_layer_keeps_the_services_whose_clients_functions_make() -> None:
    made = set().union(*modules().values()) | {kind.facts.service.name for kind in DESCRIBED}

    # pynamodb makes DynamoDB's client, and botocore that of STS for a member account's role.
    assert made | {"dynamodb", "sts"} == OPERATIONS.keys()


def test_each_operation_that_an_adapter_names_is_kept() -> None:
    missing = set()
    for code, services in modules().items():
        names = called(code)
        for service in services:
            model = session().get_service_model(service)
            named = {each for each in model.operation_names if xform_name(each) in names or each in names}
            missing |= {(service, each) for each in named - OPERATIONS[service]}

    assert missing == set()


def test_each_operation_of_pynamodb_that_changes_no_table_is_kept() -> None:
    names = {each for each in vars(pynamodb.connection.base).values() if isinstance(each, str)}
    named = names & set(session().get_service_model("dynamodb").operation_names)

    assert named - OPERATIONS["dynamodb"] == {
        *("CreateTable", "DeleteTable", "ListTables", "UpdateTable", "UpdateTimeToLive"),
    }


def test_each_operation_of_a_kind_of_job_is_kept() -> None:
    assert "DescribeTrainingJob" in OPERATIONS["sagemaker"]
    for kind in (each.facts for each in DESCRIBED):
        assert kind.describe in OPERATIONS[kind.service.name]
        assert kind.service.tags_operation in OPERATIONS[kind.service.name]
        assert kind.listing is None or kind.listing.operation in OPERATIONS[kind.service.name]


def shapes(shape: Shape | None, seen: set[str]) -> Iterator[tuple[Any, ...]]:
    """A shape and all that it reaches, as far as botocore reads them."""
    if shape is None or shape.name in seen:
        return
    seen.add(shape.name)
    members = getattr(shape, "members", {})
    parts = [*members.values(), *(getattr(shape, part) for part in ("member", "key", "value") if hasattr(shape, part))]
    metadata = {key: value for key, value in shape.metadata.items() if key != "documentation"}
    yield shape.name, shape.type_name, metadata, shape.serialization, list(members), [part.name for part in parts]
    for part in members.values():
        yield part.name, part.metadata, part.serialization
    for part in parts:
        yield from shapes(part, seen)


def facts(operation: OperationModel) -> list[Any]:
    """All of an operation's model that makes a difference."""
    seen: set[str] = set()
    reached = [operation.input_shape, operation.output_shape, *operation.error_shapes]
    return [
        *(getattr(operation, each) for each in OF_OPERATIONS),
        *(shape and shape.name for shape in reached),
        *(each for shape in reached for each in shapes(shape, seen)),
    ]


def of_service(model: ServiceModel) -> list[Any]:
    """All of a service's model that makes a difference beside its operations."""
    errors = {shape.name: list(shapes(shape, set())) for shape in model.error_shapes}
    discovery = model.endpoint_discovery_operation
    return [*(getattr(model, each) for each in OF_SERVICES), discovery and discovery.name, errors]


@pytest.mark.parametrize("service", sorted(OPERATIONS))
def test_a_cut_model_says_of_its_operations_what_the_whole_one_says(service: str, cut: Path) -> None:
    whole, made = (session(data).get_service_model(service) for data in (OWN, cut))

    assert set(made.operation_names) == OPERATIONS[service]
    assert of_service(made) == of_service(whole)
    for operation in made.operation_names:
        assert facts(made.operation_model(operation)) == facts(whole.operation_model(operation))


def test_the_endpoints_of_the_services_stay_in_each_region(cut: Path) -> None:
    whole, made = (EndpointResolver(session(data).get_data("endpoints")) for data in (OWN, cut))
    regions = [
        region
        for partition in whole.get_available_partitions()
        for region in session().get_available_regions("s3", partition)
    ]
    assert len(regions) > 30
    for service in OPERATIONS:
        prefix = session().get_service_model(service).endpoint_prefix
        for region, fips, dual in product(regions, (False, True), (False, True)):
            here, there = (endpoint(each, prefix, region, fips, dual) for each in (made, whole))
            assert here == there


def endpoint(resolver: EndpointResolver, prefix: str, region: str, fips: bool, dual: bool) -> Any:
    """What a client without rules would be given; some regions have no such endpoint."""
    try:
        return resolver.construct_endpoint(prefix, region, use_fips_endpoint=fips, use_dualstack_endpoint=dual)
    except EndpointVariantError as error:
        return str(error)


def test_a_bucket_of_another_region_is_found_by_a_call_of_botocores_own(cut: Path) -> None:
    asked: list[tuple[str, str]] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        asked.append((request.method, urlsplit(request.url).netloc))
        headers: Any = {"x-amz-bucket-region": "eu-west-1"} if request.method == "HEAD" else {}
        if headers or "eu-west-1" in request.url:
            return AWSResponse(request.url, 200, headers, Answer())
        return AWSResponse(request.url, 301, headers, Answer(b"<Error><Code>PermanentRedirect</Code></Error>"))

    opened = session(cut)
    opened.set_credentials("test", "test")
    client: Any = opened.create_client("s3", region_name="eu-north-1")
    client.meta.events.register("before-send", answer)
    client.put_object(Bucket="reports", Key="page.html", Body=b"x")

    assert asked == [
        ("PUT", "reports.s3.eu-north-1.amazonaws.com"),
        ("HEAD", "reports.s3.eu-north-1.amazonaws.com"),
        ("PUT", "reports.s3.eu-west-1.amazonaws.com"),
    ]


class Answer(BytesIO):
    """The body of an answer, as urllib3 has it."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        """All at once."""
        yield self.read()


def test_nothing_but_models_and_endpoints_of_the_services_is_left(cut: Path) -> None:
    files = {path.relative_to(cut).as_posix() for path in cut.rglob("*") if path.is_file()}

    assert {path.name for path in cut.iterdir() if path.is_dir()} == OPERATIONS.keys()
    assert {file.rpartition("/")[2] for file in files if "/" in file} == {
        "service-2.json",
        "endpoint-rule-set-1.json.gz",
    }
    assert "documentation" not in (cut / "ssm" / "2014-11-06" / "service-2.json").read_text()


def test_a_member_that_is_called_documentation_stays() -> None:
    shape = {
        "type": "structure",
        "documentation": "<p>Text.</p>",
        "members": {"documentation": {"shape": "Name", "documentation": "<p>More.</p>"}},
    }
    whole = {
        "metadata": {},
        "documentation": "<p>All.</p>",
        "operations": {"Get": {"input": {"shape": "Asked"}, "documentation": "<p>Gets.</p>"}, "Put": {}},
        "shapes": {"Asked": shape, "Name": {"type": "string"}, "Other": {"type": "string"}},
    }

    assert cut_models.cut(whole, ["Get"]) == {
        "metadata": {},
        "operations": {"Get": {"input": {"shape": "Asked"}}},
        "shapes": {
            "Asked": {"type": "structure", "members": {"documentation": {"shape": "Name"}}},
            "Name": {"type": "string"},
        },
    }
