"""The messages that events cause, with the facts read from the ledger and the reports' bucket."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import FOLLOWS_THE_LEDGER
from tests.integration.test_replay import few
from trialbook.adapters.rules_document import read_rules
from trialbook.adapters.s3 import Bucket
from trialbook.adapters.sagemaker import SageMaker
from trialbook.adapters.secrets_manager import LinkKeys
from trialbook.core.errors import InvalidInput
from trialbook.core.message import Message, MessageKind
from trialbook.core.messages.routing import Defaults
from trialbook.core.report_links import opened
from trialbook.delivery.events_to_messages import Addresses, addresses, messages_with_destinations
from trialbook.runtime import clock
from trialbook.runtime.settings import DestinationSettings, EmailSettings, LinkSettings, SlackSettings
from trialbook.services import Services
from trialbook_cli.laptop_cloud import LaptopCloud, Recording
from trialbook_cli.replaying import running

WITHOUT = [name for name in FOLLOWS_THE_LEDGER if name != "BuildReport"]


@dataclass(frozen=True)
class Replayed:
    """A cloud at its end."""

    cloud: LaptopCloud
    events: Sequence[Mapping[str, Any]]
    services: Services
    bucket: Bucket

    def messages(self, event: Mapping[str, Any], where: Addresses | None = None, rules: str = "") -> list[Message]:
        known = read_rules(rules)
        services = replace(self.services, rules=lambda: known)
        return [
            message for message, _ in messages_with_destinations(event, services, self.bucket, where or Addresses())
        ]

    def of_type(self, name: str) -> Mapping[str, Any]:
        return next(event for event in self.events if event["detail-type"] == name)


def not_asked(account: str, region: str) -> SageMaker:
    raise AssertionError("telling asks the ledger, never SageMaker")


@contextmanager
def replayed(recording: Recording) -> Iterator[Replayed]:
    with running(recording, without=WITHOUT, parameters={"ReportLinks": "on"}) as (cloud, _):
        for event in recording.events:
            cloud.deliver(event)
        cloud.finish()
        services = Services(cloud.ledger, not_asked)
        bucket = Bucket(cloud.ledger.session, cloud.stack.references["Reports"])
        yield Replayed(cloud, cloud.announced(), services, bucket)


# -- clouds of their own: before the one that the rest of the module shares ------------------------------------------


def test_events_of_a_merged_sweep_are_about_the_one_it_merged_into() -> None:
    events = list(few(3).events)
    late = events[-1]["detail"]["TrainingJobName"]
    early = [event for event in events if event["detail"]["TrainingJobName"] != late]
    tick = {"source": "test", "time": "2026-11-20T10:40:00Z", "detail": {}}
    after = [event for event in events if event["detail"]["TrainingJobName"] == late]
    with replayed(Recording("late", [*early, tick, *after], few(3).answers)) as found:
        said = {found.messages(event)[0].about for event in found.events}
        ready = [event for event in found.events if event["detail-type"] == "Report Ready"]
        first, second = (found.messages(event)[0] for event in ready)
        gone = found.services.ledger.sweep(ready[0]["detail"]["sweep"]["sweep"])
        assert gone is not None
        back = replace(gone, superseded_by=None, version=gone.version + 1)
        found.services.ledger.write(sweeps=[(back, None)])
        parted = found.messages(ready[1])[0]

    former = ready[0]["detail"]["sweep"]["sweep"]
    assert said == {"sweep/churn-xgb@20261120T101500.123Z"}
    assert second.continues == (f"sweep/{former}",)
    assert parted.continues == ()  # what is by itself again has a message of its own
    assert (first.version, first.title) == (second.version, second.title)
    assert second.sentences[0].startswith("Revision 2: jobs arrived after the sweep closed")
    assert second.changes_answer


def test_a_single_job_has_one_message() -> None:
    with replayed(few(1)) as found:
        (event,) = found.events
        (said,) = found.messages(event)

    assert said.kind is MessageKind.JOB
    assert said.title == "churn-xgb · training job completed · validation:error 0.04019"


# -- a loop that all others share ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def loop() -> Iterator[Replayed]:
    """A loop of three, closed, with its report."""
    with replayed(few(3)) as found:
        yield found


def test_events_that_come_late_and_in_any_order_all_show_the_end(loop: Replayed) -> None:
    first = [loop.messages(event)[0] for event in reversed(loop.events)]
    alike = {replace(each, id="", event_type="", tags=None, metrics=None).title for each in first}

    assert len(first) == len(loop.events) > 4
    assert alike == {"churn-xgb · min_child_weight sweep · 3 of 3 finished"}
    assert {(each.about, each.version, each.is_final) for each in first} == {(first[0].about, first[0].version, True)}


def test_an_event_costs_one_item_one_query_with_the_jobs_it_finds_and_one_object(loop: Replayed) -> None:
    cloud = loop.cloud
    cloud._running = "Telling"
    loop.messages(loop.of_type("Report Ready"))
    cloud._running = None

    found = {operation: number for (by, _, operation), number in cloud.calls.items() if by == "Telling"}
    assert found == {"GetItem": 1, "Query": 1, "BatchGetItem": 1, "GetObject": 1}


def test_the_link_to_the_report_is_signed_and_the_same_each_time(loop: Replayed) -> None:
    secret = loop.cloud.stack.references["ReportLinkKey"]
    settings = DestinationSettings(links=LinkSettings(secret, "https://open.example/"))
    where = addresses(settings, loop.services)
    with clock.use(lambda: loop.cloud.now):
        urls = [
            link.url
            for _ in range(2)
            for link in loop.messages(loop.of_type("Report Ready"), where)[0].links
            if link.text == "Report"
        ]
    parts = urlsplit(urls[0])
    keys = LinkKeys(loop.cloud.ledger.session, secret).all()
    key = opened(parts.path, parts.query, keys, loop.cloud.now)

    assert len(urls) == 2
    assert urls[0] == urls[1]
    assert key is not None
    assert key.startswith("reports/churn-xgb@20261120T101500.123Z/report.html")


def test_no_link_outlives_sixty_days_whatever_an_event_says(loop: Replayed) -> None:
    secret = loop.cloud.stack.references["ReportLinkKey"]
    where = addresses(DestinationSettings(links=LinkSettings(secret, "https://o.example/")), loop.services)
    assert where.report_link is not None
    with clock.use(lambda: loop.cloud.now):
        address = where.report_link("reports/a/report.html", datetime(2099, 1, 1, tzinfo=UTC))
    until = datetime.fromtimestamp(int(parse_qs(urlsplit(address).query)["e"][0]), UTC)

    assert until - loop.cloud.now <= timedelta(days=60)


def test_an_events_claim_of_a_new_best_is_ignored_for_the_ledgers(loop: Replayed) -> None:
    event = loop.of_type("Best Trial Changed")
    best, *_, worst = (each.job.name for each in loop.services.ledger.ranking(event["detail"]["sweep"]["sweep"]))
    claimed = {"value": -77.25, "hyper_parameters": {"min_child_weight": "words of somebody else"}}

    def said(old: str, new: str) -> str:
        detail = event["detail"] | {"old": {"job_name": old, **claimed}, "new": {"job_name": new, **claimed}}
        return repr(loop.messages({**event, "detail": detail}))

    assert "new best validation:error 0.0" in said(worst, best)
    assert "new best" not in said(best, worst)
    for forged in (said(worst, best), said(best, worst), said(worst, "no such job"), said("no such job", best)):
        assert "77.25" not in forged
        assert "somebody else" not in forged


def test_a_job_of_a_sweep_is_never_reported_as_a_single_job(loop: Replayed) -> None:
    record = next(iter(loop.services.ledger.jobs()))
    job = {**asdict(record.key), "job_name": record.job.name, "kind": record.key.kind.value}
    event = {"detail-type": "Job Finished", "detail": {"id": "job-finished/x", "job": job}}

    assert loop.messages(event) == []


def test_without_signed_links_there_is_none(loop: Replayed) -> None:
    where = addresses(
        DestinationSettings(SlackSettings(channel="#training"), EmailSettings(("a@example.com",))), loop.services
    )

    assert where == Addresses(Defaults("#training", None, ("a@example.com",)))
    assert "Report" not in {link.text for link in loop.messages(loop.of_type("Report Ready"), where)[0].links}


def test_an_alerts_baseline_is_read_from_the_ledger(loop: Replayed) -> None:
    best = loop.messages(loop.of_type("Report Ready"))[0]
    name = "churn-xgb-2026-11-20-10-15-04-760"
    rules = f"alerts: [{{name: n, regression: {{against: {name}}}}}, {{name: gone, regression: {{against: x}}}}]"
    alerts = [
        each for each in loop.messages(loop.of_type("Report Ready"), rules=rules) if each.kind is MessageKind.ALERT
    ]

    assert best.title.endswith("3 of 3 finished")
    assert [each.title.rpartition(" · ")[2] for each in alerts] == ["cannot be checked"]  # the best equals itself


def test_a_deleted_sweep_is_not_reported_and_a_malformed_event_is_refused(loop: Replayed) -> None:
    event = loop.of_type("Report Ready")
    detail = event["detail"]
    job = {"job_name": "a", "account": "1", "region": "r", "kind": "Job"}

    assert loop.messages({**event, "detail": {**detail, "sweep": {**detail["sweep"], "sweep": "churn-xgb@gone"}}}) == []
    with pytest.raises(InvalidInput, match="detail-type is 'Sweep Ended', expected one of Sweep Started"):
        loop.messages({**event, "detail-type": "Sweep Ended"})
    with pytest.raises(InvalidInput, match=r"detail\.sweep\.sweep is None, expected a text"):
        loop.messages({**event, "detail": {**detail, "sweep": {}}})
    with pytest.raises(InvalidInput, match=r"detail\.job\.kind is 'Job', expected one of TrainingJob"):
        loop.messages({"detail-type": "Job Failed", "detail": {"id": "x", "job": job}})


def test_telling_loads_nothing_that_draws_renders_or_fits() -> None:
    asked = "import sys, trialbook.delivery.events_to_messages; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())

    assert not loaded & {
        "jinja2", "vl_convert", "slack_sdk", "yaml", "boto3",
        "trialbook.core.analysis.importance", "trialbook.core.analysis.analyse", "trialbook.core.charts.chart",
    }  # fmt: skip
