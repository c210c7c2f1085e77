"""What doctor says of the account's limits. The answers are checked against botocore's shapes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.session import Session
from botocore.stub import Stubber

from tests.conftest import ROOT
from trialbook_cli.checkup.deployment import Deployment, Level
from trialbook_cli.checkup.stack_checks import _ALL_AT_ONCE, concurrency
from trialbook_cli.laptop_cloud.template import load_template

FUNCTIONS = {
    name: each["Properties"]
    for name, each in load_template(ROOT / "template.yaml")["Resources"].items()
    if each["Type"] == "AWS::Serverless::Function"
}
MEMORY_OF_NEW_ACCOUNTS = 3008  # MB


def deployment(client: Any) -> Deployment:
    unused: Any = None
    return Deployment(unused, unused, "trialbook", datetime.now(UTC), unused, _clients={"lambda": client})


def lambda_client() -> Any:
    return Session().create_client("lambda", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


@pytest.mark.parametrize(("allowed", "level"), [(10, Level.NOTE), (25, Level.OK), (1000, Level.OK)])
def test_an_account_that_runs_few_functions_at_once_is_noted(allowed: int, level: Level) -> None:
    client = lambda_client()
    with Stubber(client) as stub:
        stub.add_response("get_account_settings", {"AccountLimit": {"ConcurrentExecutions": allowed}})
        (found,) = concurrency(deployment(client))

    assert found.level is level
    assert f"{allowed:,}" in found.what
    assert ("L-B99A9384" in found.todo) is (level is Level.NOTE)


def test_doctor_says_if_the_limit_cannot_be_read() -> None:
    client = lambda_client()
    with Stubber(client) as stub:
        stub.add_client_error("get_account_settings", "AccessDeniedException")
        (found,) = concurrency(deployment(client))

    assert found.level is Level.NOTE
    assert "not checked" in found.what


def test_no_function_needs_more_memory_than_a_new_account_allows() -> None:
    assert max(each.get("MemorySize", 128) for each in FUNCTIONS.values()) <= MEMORY_OF_NEW_ACCOUNTS


def test_the_functions_need_no_more_at_once_than_doctor_says() -> None:
    events = [event["Properties"] for each in FUNCTIONS.values() for event in each.get("Events", {}).values()]
    at_once = [each.get("ScalingConfig", {}).get("MaximumConcurrency", 1) for each in events]

    assert sum(at_once) <= _ALL_AT_ONCE
