"""What can be followed from outside: log lines that name the event they go back to, and metrics."""

import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.conftest import ROOT
from tests.integration.test_replay import few
from trialbook.record_job import RecordOutcome
from trialbook.runtime import observability
from trialbook_cli.laptop_cloud import LaptopCloud
from trialbook_cli.replaying import running
from trialbook_cli.sagemaker_stand_in import ApiError, SageMaker

Seen = dict[tuple[str, str], list[dict[str, Any]]]


@contextmanager
def watched(jobs: int = 2) -> Iterator[tuple[LaptopCloud, SageMaker, Seen]]:
    """A cloud before the first event, and the metric records that its functions print, by function and metric."""
    with running(few(jobs)) as (cloud, sagemaker):
        seen: Seen = defaultdict(list)
        for name, function in cloud.functions.items():

            def printed(text: str, name: str = name) -> None:
                for line in text.splitlines():
                    record = json.loads(line)
                    for metric in record["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
                        seen[name, metric["Name"]].append(record)

            function.printed = printed
        yield cloud, sagemaker, seen


def play(cloud: LaptopCloud, jobs: int = 2) -> None:
    for event in few(jobs).events:
        cloud.deliver(event)
    cloud.finish()


def test_every_metric_is_documented() -> None:
    found = (ROOT / "docs" / "operations.md").read_text()
    sources = [*(ROOT / "layers" / "trialbook").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    counted = {name for path in sources for name in re.findall(r"\b(?:count|age)\(\"(\w+)\"", path.read_text())}
    counted |= {f"Events{outcome.title().replace(' ', '')}" for outcome in RecordOutcome}

    assert len(counted) > 15
    assert [name for name in sorted(counted) if f"`{name}`" not in found] == []


def total(seen: Seen, function: str, metric: str) -> float:
    return sum(sum(record[metric]) for record in seen[function, metric])


def test_jobs_and_sweeps_are_counted_where_they_are_handled() -> None:
    with watched() as (cloud, _, seen):
        play(cloud)

    assert total(seen, "RecordJob", "JobsRecorded") == 2
    assert total(seen, "AttachJob", "JobsAttached") == 2
    assert total(seen, "CloseSweeps", "SweepsClosed") == 1
    assert total(seen, "BuildReport", "ReportsBuilt") == 1
    assert {record["_aws"]["CloudWatchMetrics"][0]["Namespace"] for each in seen.values() for record in each} == {
        "Trialbook"
    }


def test_the_age_of_events_is_measured_from_when_they_were_sent() -> None:
    with watched(1) as (cloud, _, seen):
        first, *rest = few(1).events
        cloud.put_message("RecordQueue", {**rest[-1], "time": cloud.now.isoformat().replace("+00:00", "Z")})
        cloud.advance(cloud.now.replace(minute=cloud.now.minute + 5))
        cloud.put_message("RecordQueue", {**first, "time": few(1).events[0]["time"]})
        cloud.advance(cloud.now.replace(minute=cloud.now.minute + 1))

    ages = [age for record in seen["RecordJob", "EventAge"] for age in record["EventAge"]]
    assert ages[0] < 1
    assert 299 < max(ages) < 400


def test_jobs_that_are_not_attached_are_counted_by_reason() -> None:
    with watched(1) as (cloud, sagemaker, seen):

        def refuses(operation: str, request: object) -> None:
            if operation == "CreateExperiment":
                raise ApiError("AccessDeniedException", "for a test")

        sagemaker.faults = refuses
        play(cloud, 1)
        dead = cloud.dead_letters()

    (by_reason,) = {record["reason"] for record in seen["AttachJob", "JobsNotAttached"]}
    assert by_reason == "SageMaker refuses"
    assert not any(dead.values())


class Lines(logging.Handler):
    """Keeps each log line's message and the correlation id that stands on it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str | None]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append((record.getMessage(), observability.correlation_id()))


def test_the_events_id_follows_through_queue_ledger_stream_and_bus_to_the_last_hop() -> None:
    lines = Lines()
    with watched() as (cloud, _, _seen):
        observability.logger._logger.addHandler(lines)
        observability.logger.setLevel("INFO")
        try:
            play(cloud)
        finally:
            observability.logger._logger.removeHandler(lines)
        announced = cloud.announced()

    origins = {event["id"] for event in few(2).events}
    by_type = {event["detail-type"]: event["detail"]["correlation_id"] for event in announced}
    assert by_type["Sweep Started"] in origins
    assert by_type["Sweep Finished"].startswith("CloseSweeps/")  # closed by the clock, not by an event
    assert by_type["Report Ready"] == by_type["Sweep Finished"]


def test_repeated_messages_log_the_event_they_are_about() -> None:
    lines = Lines()
    with watched(1) as (cloud, sagemaker, _seen):

        def throttles(operation: str, request: object) -> None:
            if operation == "AssociateTrialComponent" and cloud.calls["AttachJob", "sagemaker", "CreateTrial"] < 1:
                raise ApiError("ThrottlingException", "for a test")

        for component in sagemaker.experiments.components.values():
            component.appears = component.appears.replace(hour=23)
        observability.logger._logger.addHandler(lines)
        observability.logger.setLevel("INFO")
        try:
            play(cloud, 1)
        finally:
            observability.logger._logger.removeHandler(lines)

    again = {origin for message, origin in lines.seen if message == "the message will be delivered again"}
    assert again
    assert again <= {event["id"] for event in few(1).events}
