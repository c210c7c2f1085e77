"""What went to the stream's dead letters is announced again, from the stream or from the ledger."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws

from tests.integration.test_announcements import Bus
from tests.integration.test_ledger import book
from tests.unit.samples import REGION, at, job
from trialbook.announce_changes import announce_changes
from trialbook.close_sweeps import close
from trialbook.core.times import iso
from trialbook.ledger.ledger import Ledger
from trialbook.services import Services
from trialbook_cli.announcing_again import announce_again
from trialbook_cli.laptop_cloud.cloud import create_table
from trialbook_cli.laptop_cloud.template import Stack, load_template
from trialbook_cli.project import ROOT


class World:
    """A ledger with a stream, and the queue of its dead letters."""

    def __init__(self) -> None:
        made = create_table(
            boto3.client("dynamodb", region_name=REGION),
            Stack(load_template(ROOT / "template.yaml")),
            "Ledger",
            "ledger",
        )
        self.arn = made["LatestStreamArn"]
        self.ledger = Ledger("ledger", region=REGION)
        self.sqs: Any = boto3.client("sqs", region_name=REGION)
        self.url = self.sqs.create_queue(QueueName="StreamDeadLetters")["QueueUrl"]

    def shard(self) -> str:
        streams: Any = boto3.client("dynamodbstreams", region_name=REGION)
        return str(streams.describe_stream(StreamArn=self.arn)["StreamDescription"]["Shards"][0]["ShardId"])

    def changes(self) -> list[dict[str, Any]]:
        streams: Any = boto3.client("dynamodbstreams", region_name=REGION)
        iterator = streams.get_shard_iterator(
            StreamArn=self.arn, ShardId=self.shard(), ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        return list(streams.get_records(ShardIterator=iterator)["Records"])

    def announced(self, changes: list[dict[str, Any]]) -> set[str]:
        bus = Bus()
        images = [(each["dynamodb"].get("OldImage"), each["dynamodb"].get("NewImage")) for each in changes]
        announce_changes(images, self.ledger, cast("Any", bus))
        return set(bus.taken)

    def dies(self, **more: str) -> None:
        """The whole stream up to now goes to the dead letters."""
        numbers = [each["dynamodb"]["SequenceNumber"] for each in self.changes()]
        found = {
            "shardId": self.shard(),
            "startSequenceNumber": numbers[0],
            "endSequenceNumber": numbers[-1],
            "approximateArrivalOfFirstRecord": iso(at(0)),
            "approximateArrivalOfLastRecord": iso(at(60)),
            "batchSize": len(numbers),
            "streamArn": self.arn,
        }
        body = {"requestContext": {}, "DDBStreamBatchInfo": {**found, **more}}
        self.sqs.send_message(QueueUrl=self.url, MessageBody=json.dumps(body))

    def redrive(self) -> set[str]:
        before = len(self.changes())
        announce_again(self.ledger, self.sqs, self.url, 1, dry_run=False)
        return self.announced(self.changes()[before:])


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")  # moto knows no endpoints with account ids
    with mock_aws():
        made = World()
        for number in range(3):
            seen = job(f"churn-{number}", number, 20 + number, tags={"trialbook:experiment": "churn"})
            book(made.ledger).enter(seen, None)
        failed = job("alone-1", 5, 9, status="Failed", tags={"trialbook:experiment": "alone"})
        book(made.ledger).enter(failed, None)
        services = Services(made.ledger, lambda account, region: pytest.fail("SageMaker is not needed"))
        for sweep in list(made.ledger.all_sweeps()):
            close(sweep.id, at(60), services)
        yield made


@pytest.mark.parametrize("still_in_stream", [True, False])
def test_changes_that_the_stream_gave_up_are_announced_with_the_same_ids(world: World, still_in_stream: bool) -> None:
    expected = world.announced(world.changes())
    now = iso(datetime.now(UTC))
    world.dies(**({"approximateArrivalOfLastRecord": now} if still_in_stream else {"shardId": "gone"}))
    again = world.redrive()

    lasting = ("sweep-finished", "job-failed")
    assert {each for each in again if each.startswith(lasting)} == {
        each for each in expected if each.startswith(lasting)
    }
    assert {each for each in again if each.startswith("best-trial-changed")} <= expected
    assert len([each for each in again if each.startswith("sweep-finished")]) == 1
    assert world.sqs.receive_message(QueueUrl=world.url).get("Messages", []) == []


def test_a_later_change_takes_the_mark_away(world: World) -> None:
    world.dies()
    world.redrive()
    before = len(world.changes())
    book(world.ledger).enter(job("churn-9", 30, 31, tags={"trialbook:experiment": "churn"}), None)

    marks = [each["dynamodb"]["NewImage"].get("again") for each in world.changes()[before:]]
    assert marks
    assert not any(marks)
