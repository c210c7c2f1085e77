"""Announces again the changes that the ledger's stream could not deliver.

A message in the stream's dead-letter queue names a range of the stream: shard, first and last sequence number, and the
time of the changes. The stream keeps changes for a day: until then, the changed items are read from it; later they are
found in the ledger by their own times. Each item is then marked in the table, so that the stream delivers it again and
`announce_changes` announces its current state. Consumers drop events that they have received before, by id.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from trialbook.core.errors import InvalidInput
from trialbook.core.sweeps import Record, Sweep, start_of
from trialbook.core.times import parse_time
from trialbook.ledger.ledger import Ledger
from trialbook.ledger.stream import announce_again as show_again
from trialbook.ledger.table import job_pk, sweep_keys
from trialbook.runtime import clock
from trialbook_cli.plain_output import say

Key = tuple[str, str]
_AT_ONCE, _HIDDEN = 10, 120  # messages that SQS hands out; seconds until they are seen again
_KEPT_IN_STREAM = timedelta(days=1)
_SLACK = timedelta(hours=2)  # an event may be recorded this long after its time
_GONE = ("TrimmedDataAccessException", "ResourceNotFoundException", "ExpiredIteratorException", "ValidationException")


def announce_again(ledger: Ledger, sqs: Any, url: str, messages: int, *, dry_run: bool) -> None:
    """Announces the items that the queue's messages are about, deletes the messages, and prints how many."""
    if not messages:
        say("StreamDeadLetters: empty")
        return
    if dry_run:
        say(f"StreamDeadLetters: {messages} would be announced again from the ledger")
        return
    streams = ledger.session.create_client("dynamodbstreams")
    done, marked = 0, 0
    seen: set[str] = set()
    while batch := _taken(sqs, url, seen):
        for message in batch:
            seen.add(message["MessageId"])
            found = _range_of(message["Body"])
            if found is None:
                say("StreamDeadLetters: 1 kept; it names no range of a stream")
                continue
            mark = uuid4().hex
            marked += sum(show_again(ledger.table, key, mark) for key in sorted(set(_changed(found, ledger, streams))))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            done += 1
    say(f"StreamDeadLetters: {done} handled; {marked} jobs and sweeps are announced again")


def _taken(sqs: Any, url: str, seen: set[str]) -> list[dict[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=_AT_ONCE, VisibilityTimeout=_HIDDEN, WaitTimeSeconds=1
    )
    return [each for each in answer.get("Messages", []) if each["MessageId"] not in seen]


def _range_of(body: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(body)["DDBStreamBatchInfo"]
        _ = (found["shardId"], found["startSequenceNumber"], int(found["endSequenceNumber"]), found["streamArn"])
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, Mapping) else None


def _changed(stream_range: Mapping[str, Any], ledger: Ledger, streams: Any) -> Iterator[Key]:
    last = _moment(stream_range, "approximateArrivalOfLastRecord")
    if last is not None and clock.now() - last > _KEPT_IN_STREAM:
        yield from _in_ledger(stream_range, ledger)
        return
    try:
        yield from list(_in_stream(stream_range, streams))
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
        yield from _in_ledger(stream_range, ledger)


def _in_stream(stream_range: Mapping[str, Any], streams: Any) -> Iterator[Key]:
    """The jobs and sweeps that changed, read from the stream."""
    last = int(stream_range["endSequenceNumber"])
    iterator = streams.get_shard_iterator(
        StreamArn=stream_range["streamArn"],
        ShardId=stream_range["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=stream_range["startSequenceNumber"],
    )["ShardIterator"]
    while iterator:
        answer = streams.get_records(ShardIterator=iterator)
        for each in answer["Records"]:
            if int(each["dynamodb"]["SequenceNumber"]) > last:
                return
            if each["dynamodb"].get("NewImage", {}).get("item", {}).get("S") in ("job", "sweep"):
                keys = each["dynamodb"]["Keys"]
                yield keys["pk"]["S"], keys["sk"]["S"]
        if not answer["Records"]:
            return
        iterator = answer.get("NextShardIterator")


def _in_ledger(stream_range: Mapping[str, Any], ledger: Ledger) -> Iterator[Key]:
    """The jobs and sweeps that were active when the changes were made, by their own times; reads the whole table."""
    first, last = (_moment(stream_range, f"approximateArrivalOf{each}Record") for each in ("First", "Last"))
    if first is None or last is None:
        return
    for sweep in ledger.all_sweeps():
        if _is_within(_times(sweep), first, last):
            yield sweep_keys(sweep.id)
    for record in ledger.jobs():
        if _is_within(_job_times(record), first, last):
            yield job_pk(record.key), "JOB"


def _times(sweep: Sweep) -> list[datetime]:
    times = (sweep.first_at, sweep.tuning_created_at, sweep.last_at, sweep.tuning_ended_at, sweep.closed_at)
    return [each for each in times if each is not None]


def _job_times(record: Record) -> list[datetime]:
    return [start_of(record.job), *([record.job.ended_at] if record.job.ended_at else [])]


def _is_within(times: list[datetime], first: datetime, last: datetime) -> bool:
    return bool(times) and min(times) <= last and max(times) >= first - _SLACK


def _moment(stream_range: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return parse_time(stream_range.get(name), name)
    except InvalidInput:
        return None
