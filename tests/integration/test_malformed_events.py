"""What is no event goes to the dead letters at once, in every queue, and costs the messages beside it nothing."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.mlflow.stand_in import StandIn, serving
from tests.relocated import recording
from trialbook_cli import replaying
from trialbook_cli.laptop_cloud import LaptopCloud

MALFORMED: tuple[Any, ...] = (
    [],
    "text",
    {},
    {"detail-type": "Forged", "source": "trialbook", "detail": {"id": "a"}},
    {"detail-type": "Sweep Finished", "source": "trialbook", "detail": ["a"]},
    {"detail-type": "Sweep Finished", "source": "trialbook", "detail": {"id": "a", "sweep": 7}},
    {"detail-type": "SageMaker Training Job State Change", "source": "aws.sagemaker", "detail": {"TrainingJobName": 7}},
)
QUEUES = {
    "AttachQueue": "AttachJob",
    "RecordQueue": "RecordJob",
    "ReportQueue": "BuildReport",
    "CaptureQueue": "CaptureJob",
    "SlackQueue": "PostSlack",
    "EmailQueue": "PostEmail",
    "MlflowQueue": "WriteMlflow",
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[LaptopCloud]:
    with (
        serving(StandIn()) as mlflow,
        replaying.running(
            recording("churn-min-child-weight"), parameters={"MlflowUrl": mlflow.url, "CaptureJobs": "on"}
        ) as (made, _),
    ):
        yield made


def test_every_queue_with_a_function_is_tried(cloud: LaptopCloud) -> None:
    queues = {name for name, _ in cloud.stack.resources("AWS::SQS::Queue")}

    assert {name for name in queues if name.endswith("Queue")} == QUEUES.keys()


@pytest.mark.parametrize(("queue", "function"), QUEUES.items())
def test_a_malformed_event_is_a_dead_letter_at_its_first_delivery(
    queue: str, function: str, cloud: LaptopCloud
) -> None:
    before = cloud.functions[function].invocations
    for body in MALFORMED:
        cloud.put_message(queue, body)
    cloud.advance(cloud.now + timedelta(minutes=1))

    letters = cloud.dead_letters()[queue.replace("Queue", "DeadLetters")]
    assert sorted(letters) == sorted(map(json.dumps, MALFORMED))
    assert cloud.functions[function].invocations - before <= len(MALFORMED)
