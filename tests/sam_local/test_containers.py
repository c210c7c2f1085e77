"""Every function in a container of Lambda's own kind, built as it is deployed, against servers of this machine."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from tests.conftest import RECORDINGS, ROOT
from tests.integration.conftest import free_port
from tests.integration.test_build import SAM, runtime, sam
from tests.sam_local.world import World, world
from trialbook.core import report_keys
from trialbook.core.curves.stored import from_bytes
from trialbook.core.jobs import JobKey, JobKind
from trialbook.core.report_links import link
from trialbook_cli.laptop_cloud import read_recording

# Each test goes on from what the ones before left, so one process has to run them all: what is begun with is not handed on.
pytestmark = pytest.mark.long
JOB = "churn-xgb-2026-11-20-10-15-00-123"
SWEEP = "churn-xgb@20261120T101500.123Z"
IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


def docker_says(*arguments: str) -> str | None:
    if shutil.which("docker") is None:
        return None
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def as_containers_see_this_machine() -> str | None:
    """The address of this machine in Docker's bridge; None without an engine. A bridge that has had no container yet
    may tell its subnet alone: its first address is the gateway."""
    found = docker_says("network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}")
    if found is None:
        return None
    config = json.loads(found)[0]
    return str(config.get("Gateway") or next(ip_network(config["Subnet"]).hosts()))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    gateway = as_containers_see_this_machine()
    if gateway is None:
        pytest.skip("functions run in containers, and there is no Docker engine on this machine")
    built = sam("build", path=f"{runtime().parent}:")
    assert built.returncode == 0, built.stderr
    with world(tmp_path_factory.mktemp("world"), gateway) as running:
        yield running


def local_arguments(made: World) -> list[str]:
    pulled = ["--skip-pull-image"] if docker_says("image", "inspect", IMAGE) else []
    return ["-t", str(made.template), "--env-vars", str(made.environment), "--region", "us-east-1", *pulled]


def invoke(made: World, name: str) -> Any:
    """`sam local invoke` with the function's sample event; what the function answered."""
    logical_id = "".join(word.title() for word in name.split("_"))
    event = ROOT / "events" / "invoke" / f"{name}.json"
    done = sam("local", "invoke", logical_id, "-e", str(event), *local_arguments(made))
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    assert answer is None or "errorType" not in answer, done.stderr
    return answer


def test_record_job_puts_the_job_into_the_table(made: World) -> None:
    assert invoke(made, "record_job") == {"batchItemFailures": []}

    record = made.ledger.record(JobKey("123456789012", "us-east-1", JobKind.TRAINING, JOB))
    assert record is not None
    assert (record.job.status, record.experiment) == ("Completed", "churn-xgb")
    assert {metric.name for metric in record.job.final_metrics} >= {"validation:error"}


def test_attach_job_puts_the_component_into_its_trial(made: World) -> None:
    assert invoke(made, "attach_job") == {"batchItemFailures": []}

    assert made.sagemaker.experiments.standing()["churn-xgb"] == {JOB: [f"{JOB}-aws-training-job"]}


@pytest.fixture(scope="module")
def served(made: World) -> Iterator[Any]:
    """A Lambda client of `sam local start-lambda`, whose containers stay warm."""
    port = free_port()
    command = [
        str(SAM),
        "local",
        "start-lambda",
        "--port",
        str(port),
        "--warm-containers",
        "LAZY",
        *local_arguments(made),
    ]
    server = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0"},
    )
    config = Config(read_timeout=120, retries={"total_max_attempts": 1})
    try:
        wait_for(server, port)
        yield boto3.client("lambda", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1", config=config)
    finally:
        server.terminate()
        server.wait()


def wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    import socket

    for _ in range(300):
        assert server.poll() is None, "sam local start-lambda ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("sam local start-lambda does not listen after 30 seconds")


def messages(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The events as SQS hands them to Lambda."""
    sample = json.loads((ROOT / "events" / "invoke" / "record_job.json").read_text())["Records"][0]
    records = [{**sample, "messageId": str(at), "body": json.dumps(event)} for at, event in enumerate(events)]
    return {"Records": records}


def call(client: Any, function: str, event: dict[str, Any]) -> Any:
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read())
    assert payload is None or "errorType" not in payload, payload
    return payload


def test_a_warm_function_records_the_whole_loop_and_close_sweeps_closes_it(made: World, served: Any) -> None:
    found = read_recording(RECORDINGS / "churn-min-child-weight").events
    events = [event for event in found if "TrainingJobName" in event["detail"]]
    for start in range(0, len(events), 10):
        assert call(served, "RecordJob", messages(events[start : start + 10])) == {"batchItemFailures": []}

    assert call(served, "CloseSweeps", sample("close_sweeps"))["closed"] == [SWEEP]
    sweep = made.ledger.sweep(SWEEP)
    assert sweep is not None
    assert (sweep.counts.completed, sweep.state.value) == (5, "closed")


def test_build_report_writes_the_closed_sweeps_report_and_announces_it(made: World, served: Any) -> None:
    made.announced()
    assert invoke(made, "build_report") == {"batchItemFailures": []}

    keys = {each["Key"] for each in made.client("s3").list_objects_v2(Bucket="reports")["Contents"]}
    endings = {key.rpartition("/")[2] for key in keys}
    assert {"report.html", "chart.png", "report.json"} <= endings
    assert [event["detail-type"] for event in made.announced()] == ["Report Ready"]


def test_post_slack_posts_the_closed_sweep_to_the_channel(made: World, served: Any) -> None:
    """Without a thread, which follows the report's own event."""
    invoke(made, "post_slack")

    (posted,) = made.slack.top_level()
    assert posted.text.startswith("✅ churn-xgb: 5 of 5 finished, best validation:error")
    assert made.slack.refused == []


def sample(name: str) -> Any:
    return json.loads((ROOT / "events" / "invoke" / f"{name}.json").read_text())


def test_announce_changes_publishes_what_the_stream_shows(made: World, served: Any) -> None:
    made.announced()
    assert call(served, "AnnounceChanges", sample("announce_changes")) == {"batchItemFailures": []}

    assert [event["detail-type"] for event in made.announced()] == ["Sweep Finished"]


def test_post_email_sends_the_report_once(made: World, served: Any) -> None:
    assert call(served, "PostEmail", sample("post_email")) == {"batchItemFailures": []}
    assert call(served, "PostEmail", sample("post_email")) == {"batchItemFailures": []}

    (mail,) = made.mails()
    assert "Subject: churn-xgb: 5 of 5 finished, best validation:error" in mail


def test_post_best_trials_reports_the_closed_sweep(made: World, served: Any) -> None:
    made.announced()
    sweep = made.ledger.sweep(SWEEP)
    assert sweep is not None
    assert sweep.closed_at is not None
    monday = (sweep.closed_at + timedelta(days=2)).strftime("%Y-%m-%dT08:00:00Z")  # it was closed by the real clock
    assert call(served, "PostBestTrials", {**sample("post_best_trials"), "time": monday})["announced"] is not None

    assert [event["detail-type"] for event in made.announced()] == ["Best Trials"]


def test_reconcile_finds_nothing_left_to_repair(made: World, served: Any) -> None:
    done = call(served, "Reconcile", sample("reconcile"))

    assert (done["recorded"], done["unfinished"]) == (0, False)


def test_poll_jobs_lists_each_kind_once_and_finds_none(made: World, served: Any) -> None:
    done = call(served, "PollJobs", sample("poll_jobs"))

    assert (done["recorded"], done["unfinished"]) == (0, False)


def test_open_report_refuses_the_sample_and_follows_a_link_of_todays(made: World, served: Any) -> None:
    key = made.client("secretsmanager").get_secret_value(SecretId="report-links")
    expires = datetime.now(UTC) + timedelta(days=1)
    good = urlsplit(link("https://x", "reports/index.html", key["VersionId"], key["SecretString"], expires))
    request = {**sample("open_report"), "rawPath": good.path, "rawQueryString": good.query}

    assert call(served, "OpenReport", sample("open_report"))["statusCode"] == 403
    answer = call(served, "OpenReport", request)
    assert (answer["statusCode"], "X-Amz-Signature" in answer["headers"]["Location"]) == (302, True)


def test_capture_job_keeps_the_curves_of_a_job_that_ended(made: World, served: Any) -> None:
    recorded = read_recording(RECORDINGS / "churn-min-child-weight").events
    ended = [each for each in recorded if each["detail"].get("TrainingJobStatus") == "Completed"]
    event = next(each for each in ended if each["detail"]["TrainingJobName"] == JOB)
    batch = messages([event])
    first = call(served, "CaptureJob", batch)  # the last minute is not measured yet
    batch["Records"][0]["attributes"]["ApproximateReceiveCount"] = "2"
    second = call(served, "CaptureJob", batch)

    assert first == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert second == {"batchItemFailures": []}
    key = f"{report_keys.of_job(JobKey('123456789012', 'us-east-1', JobKind.TRAINING, JOB))}/{report_keys.CURVES}"
    kept = made.client("s3").get_object(Bucket="reports", Key=key)["Body"].read()
    assert from_bytes(kept).metrics["validation:error"].values == (0.05, 0.04)


def test_write_mlflow_waits_for_a_server_that_does_not_answer(made: World, served: Any) -> None:
    """What it writes is tested against a real server in tests/mlflow."""
    answer = call(served, "WriteMlflow", sample("write_mlflow"))

    (record,) = sample("write_mlflow")["Records"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}


def test_every_function_has_a_test_here() -> None:
    text = Path(__file__).read_text()
    assert [name for name in FUNCTIONS if f"def test_{name}_" not in text and f"{name}_closes" not in text] == []
