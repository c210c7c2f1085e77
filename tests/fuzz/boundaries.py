"""The boundaries where other people's data comes in, each as a function of one random source: it makes an input, hands it
over and says what became of it. What it raises beside the boundary's own errors is a finding."""

import copy
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from threading import Thread
from typing import Any, cast

import yaml
from botocore.session import Session
from typer.testing import CliRunner

from tests.conftest import ROOT
from tests.queues import RememberingQueue
from tests.stored import facts_of, put_facts
from tests.unit.analysing import swept, trial
from trialbook.adapters.cloudwatch import CloudWatch
from trialbook.adapters.cloudwatch_logs import Logs
from trialbook.adapters.eventbridge import EventBus
from trialbook.adapters.mlflow import Created, Mlflow
from trialbook.adapters.rules_document import read_rules
from trialbook.adapters.sagemaker import SageMaker, SageMakerError, Unread
from trialbook.adapters.sagemaker_metrics import SageMakerMetrics
from trialbook.adapters.ses import Ses
from trialbook.adapters.slack import Slack, Webhook
from trialbook.announce_changes import announce_changes
from trialbook.build_report import _sweep_id
from trialbook.core.announcements import Announcement, announcement_of
from trialbook.core.curves.log_end import end_of_log
from trialbook.core.curves.series import JobCurves
from trialbook.core.curves.stored import from_bytes, to_bytes
from trialbook.core.curves.thinning import all_thinned
from trialbook.core.describe import job_from_detail, metrics_with_statistics, tuning_job_from_describe
from trialbook.core.errors import InvalidInput, InvalidRules
from trialbook.core.events import parse_event
from trialbook.core.experiments import summed_up
from trialbook.core.jobs import Job, JobKey, JobKind
from trialbook.core.messages.delivery import NotSent, Sent
from trialbook.core.mlflow_server import Server
from trialbook.core.report_links import link, opened
from trialbook.ledger.ledger import Ledger
from trialbook.messages.slack import SlackText
from trialbook.runtime.aws_clients import prepared
from trialbook.runtime.sqs_batch import SqsMessage, envelope_of, process
from trialbook_book.folder import open_folder
from trialbook_cli.laptop_cloud.recording import UnreadableRecording, read_recording
from trialbook_cli.main import app

HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 1e308, -1.7e308, 10**400, -(10**400), 10**18, 5e-324),
    *(math.inf, -math.inf, math.nan, "", " ", "Infinity", "NaN", "1e999", "-1e309", "0x10", "1_0", "\ud800", "\x00"),
    *("a" * 5000, "€" * 400, "2026-13-45T00:00:00Z", "yesterday", [], {}, [None], [[]], {"": None}, [{}] * 3, [1, "a"]),
)
SAMPLES = [json.loads(path.read_text()) for path in sorted((ROOT / "events").glob("*-*.json"))]
ANSWERS = [
    json.loads(line)
    for path in sorted((ROOT / "events" / "recordings").glob("*/sagemaker.jsonl"))
    for line in path.read_text().splitlines()[:20]
]
KINDS = {"DescribeTrainingJob": JobKind.TRAINING, "DescribeProcessingJob": JobKind.PROCESSING}
Boundary = Callable[[Random], str]


def mutated(value: Any, random: Random, times: int | None = None) -> Any:
    """The value with some places of it replaced, left out or repeated."""
    made = copy.deepcopy(value)
    for _ in range(times or random.choice([1, 1, 2, 5])):
        made = _mutated_once(made, random)
    return made


def _mutated_once(value: Any, random: Random) -> Any:
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        if random.random() < 0.1:
            del value[key]
        else:
            value[key] = _mutated_once(value[key], random)
        return value
    if isinstance(value, list) and value and random.random() < 0.8:
        at = random.randrange(len(value))
        if random.random() < 0.1:
            value.append(copy.deepcopy(value[at]))
        else:
            value[at] = _mutated_once(value[at], random)
        return value
    return copy.deepcopy(random.choice(HOSTILE))


def events(random: Random) -> str:
    """EventBridge's job state changes."""
    try:
        parse_event(mutated(random.choice(SAMPLES), random))
    except InvalidInput:
        return "refused"
    return "read"


def describes(random: Random) -> str:
    """SageMaker's answers to Describe."""
    answer = random.choice(ANSWERS)
    response = mutated(answer["response"], random)
    if not isinstance(response, dict):
        response = {"TrainingJobName": response}  # botocore gives a mapping, whatever came
    try:
        if answer["operation"] == "DescribeHyperParameterTuningJob":
            tuning_job_from_describe(response, "123456789012", "us-east-1")
        elif answer["operation"] == "DescribeTrialComponent":
            metrics_with_statistics((), response)
        else:
            kind = KINDS.get(answer["operation"], JobKind.TRAINING)
            job = job_from_detail(kind, response, "123456789012", "us-east-1", described=True)
            metrics_with_statistics(job.final_metrics, {"Metrics": mutated([{"MetricName": "a", "Max": 1.0}], random)})
    except InvalidInput:
        return "refused"
    return "read"


def _yaml(random: Random, depth: int = 0) -> str:
    """A node of YAML's flow style: anchors, aliases, merge keys and tags, in keys and values."""
    marks = random.choice(["", "", "", f"&a{random.randrange(6)} ", "!!str ", "!!int ", "!!set ", "!!omap ", "!x "])
    if depth > 4 or random.random() < 0.4:
        scalar = ("1", "0x1f", "1e400", ".inf", "~", "a", "'*'", "2026-13-45", "1:59:59", "<<", "=", "''", "0o7")
        return random.choice([*(marks + each for each in scalar), f"*a{random.randrange(6)}"])
    if random.random() < 0.5:
        return f"{marks}[{', '.join([_yaml(random, depth + 1)] * random.choice([1, 2, 9]))}]"
    pairs = [f"{_key(random, depth)}: {_yaml(random, depth + 1)}" for _ in range(random.choice([1, 2, 5]))]
    return f"{marks}{{{', '.join(pairs)}}}"


def _key(random: Random, depth: int) -> str:
    words = (
        "<<",
        "rules",
        "match",
        "routes",
        "experiments",
        "prices",
        "alerts",
        "quiet_hours",
        "to",
        "owners",
        "a",
        "1",
    )
    return random.choice(words) if random.random() < 0.8 else f"? {_yaml(random, depth + 1)} "


@cache
def _documents() -> tuple[str, ...]:
    """The documents that docs/configuration.md shows."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    return tuple(re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


def _valid(random: Random) -> str:
    """A valid document, or one with a value replaced, in YAML's flow style, with parts of it anchored and repeated."""
    data = yaml.safe_load(random.choice(_documents()))
    if random.random() < 0.5:
        data = mutated(data, random, 1)
    lines = (
        [f"{json.dumps(str(key))}: {json.dumps(each)}" for key, each in data.items()] if isinstance(data, dict) else []
    )
    at = random.randrange(len(lines)) if lines else 0
    for place in range(len(lines)):
        if random.random() < 0.4:
            lines[place] = lines[place].replace(": {", f": &a{place} {{", 1).replace(": [", f": &a{place} [", 1)
        if random.random() < 0.2 and place != at:
            lines[place] = lines[place].replace(": {", f": {{<<: *a{at}, ", 1)
    return "\n".join(lines)


def rules(random: Random) -> str:
    """Rules documents: of nodes at random, and valid ones that were edited."""
    text = _wild(random) if random.random() < 0.5 else _valid(random)
    try:
        read_rules(text)
    except InvalidRules:
        return "refused"
    return "read"


def _wild(random: Random) -> str:
    lines = [f"{_key(random, 3)}: {_yaml(random)}" for _ in range(random.choice([1, 2, 4]))]
    if random.random() < 0.3:
        lines = [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9) if at else 1}]" for at in range(8)] + lines
    return "\n".join(lines)[:8192]


def links(random: Random) -> str:
    """Addresses of reports, by whoever calls them."""
    now = datetime(2026, 11, 20, tzinfo=UTC)
    right = link("https://x", "reports/a/report.html", "k", "secret", datetime(2026, 12, 1, tzinfo=UTC))
    text = list(right.removeprefix("https://x"))
    if random.random() < 0.3:  # written otherwise, and the same
        path, _, query = "".join(text).partition("?")
        fields = query.split("&")
        random.shuffle(fields)
        path = "".join(f"%{ord(each):02x}" if random.random() < 0.2 and each != "/" else each for each in path)
        assert opened(path, "&".join(fields), {"k": "secret"}, now) == "reports/a/report.html"
        return "opened"
    for _ in range(random.choice([1, 2, 8])):
        text.insert(random.randrange(len(text)), random.choice([*"%&=/?.~0", "%ff", "%00", "&e=9", "\ud800", "٣"]))
    path, _, query = "".join(text).partition("?")
    found = opened(path, query, {"k": "secret"}, now)
    assert found in (None, "reports/a/report.html"), found
    return "refused" if found is None else "opened"


def bus(random: Random) -> str:
    """Events of Trialbook's own bus."""
    sweep = {"sweep": "a@1", "counts": {"jobs": 2}, "objective": {"metric": "a", "type": "Minimize", "source": "tag"}}
    whole = {"detail-type": "Sweep Finished", "detail": {"id": "a", "correlation_id": "b", "sweep": sweep}}
    envelope = mutated(whole, random)
    if not isinstance(envelope, dict):
        return "refused"
    try:
        announcement_of(envelope)
        _sweep_id(envelope)
    except InvalidInput:
        return "refused"
    return "read"


class _Answers(BaseHTTPRequestHandler):
    """Answers as it is set to."""

    body, status = b"", 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(type(self).status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(type(self).body)))
        self.end_headers()
        self.wfile.write(type(self).body)

    do_GET = do_POST  # noqa: N815 the base class's name

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@cache
def _answering() -> str:
    """The address of a server that answers as it is set to."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def _answer_with(whole: Any, random: Random) -> None:
    made = mutated(whole, random) if random.random() < 0.7 else random.choice([*HOSTILE, whole])
    _Answers.body = json.dumps(made).encode() if random.random() < 0.9 else b"<html>\xff"
    _Answers.status = random.choice([200, 200, 200, 404, 429, 503])


def slack(random: Random) -> str:
    """What Slack answers, or whoever answers in its stead."""
    address = _answering()
    client = Slack(lambda: "token", f"{address}/api/")
    sent, since = Sent("1.2", "C012345"), datetime(2026, 11, 20, tzinfo=UTC)
    calls: list[Callable[[], object]] = [
        lambda: client.post("C012345", SlackText("a", ()), {}),
        lambda: client.update(sent, SlackText("a", ()), {}),
        lambda: client.permalink(sent),
        lambda: client.upload("a", b"a", "a", to=sent),
        lambda: client.find("C012345", {"about": "a"}, since),
        lambda: client.find("#name", {"about": "a"}, since),
        lambda: client.find_file(sent, "a", since),
        lambda: client.trouble("C012345"),
        lambda: Webhook(lambda name: address).post("/a", SlackText("a", ())),
    ]
    whole = {"ok": True, "ts": "1.2", "channel": "C012345", "messages": [], "files": [{"id": "F1"}], "permalink": "p"}
    _answer_with(whole, random)
    try:
        random.choice(calls)()
    except NotSent:
        return "refused"
    return "read"


@contextmanager
def endpoint(service: str) -> Iterator[None]:
    """Clients of the service that are created in the block call the stand-in; later ones in this process do not."""
    name = f"AWS_ENDPOINT_URL_{service}"
    before = os.environ.get(name)
    os.environ[name] = _answering()
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@cache
def _ses() -> Ses:
    session = Session()
    session.set_credentials("key", "secret")
    session.set_config_variable("region", "us-east-1")
    with endpoint("SESV2"):
        return Ses(session)


def ses(random: Random) -> str:
    """What SES answers, or whoever answers in its stead."""
    mail = EmailMessage()
    mail["To"] = "team@example.com"
    client = _ses()
    _answer_with({"MessageId": "a"}, random)
    try:
        client.send(mail)
    except NotSent:
        return "refused"
    return "read"


def batch(random: Random) -> str:
    """A batch of a queue: of ten messages one is hostile, and the nine others are handled."""
    bodies = [json.dumps(random.choice(SAMPLES)) for _ in range(10)]
    at = random.randrange(10)
    hostile = json.dumps(mutated(random.choice(SAMPLES), random))
    bodies[at] = hostile if random.random() < 0.7 else _damaged(hostile.encode(), random).decode("utf-8", "replace")
    records = [_message(str(place), body) for place, body in enumerate(bodies)]
    handled: list[str] = []

    def handle(message: SqsMessage) -> None:
        parse_event(envelope_of(message))
        handled.append(message.message_id)

    queue = RememberingQueue()
    answer = process({"Records": records}, handle, queue)
    again = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
    assert {*handled} | {str(at)} == {*map(str, range(10))}, "a neighbour is lost"
    assert again <= {str(at)}, "a neighbour comes again"
    assert (str(at) in handled) + len(queue.given_up) + len(again) == 1
    return "read" if str(at) in handled else "refused"


@cache
def _sagemaker() -> SageMaker:
    session = prepared(Session())
    session.set_credentials("key", "secret")
    with endpoint("SAGEMAKER"):
        return SageMaker(session, "us-east-1")


@cache
def _sources() -> tuple[CloudWatch, Logs, SageMakerMetrics]:
    session = prepared(Session())
    session.set_credentials("key", "secret")
    with endpoint("CLOUDWATCH"), endpoint("CLOUDWATCH_LOGS"), endpoint("SAGEMAKER_METRICS"):
        return CloudWatch(session, "us-east-1"), Logs(session, "us-east-1"), SageMakerMetrics(session, "us-east-1")


def sagemaker(random: Random) -> str:
    """What SageMaker answers over HTTP with status 200, or whoever answers in its stead: a page is no empty list."""
    client, found = _sagemaker(), random.choice(ANSWERS)
    training, tuning = (
        JobKey("123456789012", "us-east-1", kind, "churn-1") for kind in (JobKind.TRAINING, JobKind.TUNING)
    )
    moment, entry = datetime(2026, 11, 20, tzinfo=UTC), {"ProcessingJobName": "a", "ProcessingJobStatus": "Completed"}
    calls: list[tuple[Any, Callable[[], object]]] = [
        (found["response"], lambda: client.describe(training)),
        (found["response"], lambda: client.describe_tuning_job(tuning)),
        ({"Tags": [{"Key": "a", "Value": "b"}]}, lambda: client.tags("arn")),
        ({"TrainingJobSummaries": [found["response"]] * 3}, lambda: list(client.children(tuning, _let_go))),
        ({"Results": [{"TrainingJob": found["response"]}] * 3}, lambda: _changed(client, JobKind.TRAINING, moment)),
        ({"ProcessingJobSummaries": [entry] * 3}, lambda: _changed(client, JobKind.PROCESSING, moment)),
        ({"Metrics": [{"MetricName": "a", "Max": 1.0}]}, lambda: client.with_statistics((), "a")),
        ({"ExperimentArn": "a"}, lambda: client.ensure_experiment("a")),
        ({"TrialArn": "a"}, lambda: client.associate("a", "a")),
    ]
    whole, call = random.choice(calls)
    _answer_with(whole, random)
    _Answers.status = 200
    try:
        call()
    except SageMakerError:
        return "refused"
    body = _Answers.body.strip()
    assert (body[:1], body[-1:]) == (b"{", b"}"), f"{body[:100]!r} was taken for an answer"
    return "read"


def measurements(random: Random) -> str:
    """What CloudWatch, its logs and SageMaker Metrics answer with status 200 about a job, and what is kept of it."""
    cloudwatch, logs, metrics = _sources()
    begin, end = datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 11, 20, 11, tzinfo=UTC)
    series = {"Id": "m0", "Timestamps": [1795168800.0, 1795168860.0], "Values": [1.0, 2.0], "StatusCode": "Complete"}
    curve = {"Status": "Complete", "XAxisValues": [1, 2], "MetricValues": [0.5, 0.25]}
    lines = {"logStreams": [{"logStreamName": "a/algo-1-1"}], "events": [{"timestamp": 1, "message": "a"}]}
    calls: list[tuple[Any, Callable[[], object]]] = [
        ({"MetricDataResults": [series] * 2}, lambda: _kept(cloudwatch.measured("a", 1, ["b"], begin, end, end))),
        ({"MetricQueryResults": [curve] * 2}, lambda: _kept(JobCurves("a", metrics.curves("arn", ["b"])))),
        (lines, lambda: end_of_log(logs.last_lines("a"), str)),
    ]
    whole, call = random.choice(calls)
    _answer_with(whole, random)
    _Answers.status = 200
    try:
        call()
    except SageMakerError:
        return "refused"
    return "read"


def _kept(curves: JobCurves) -> None:
    assert from_bytes(to_bytes(all_thinned(curves))).job_name == "a"


@cache
def _mlflow() -> Mlflow:
    return Mlflow(Server("a", _answering()), Session())


def mlflow(random: Random) -> str:
    """What MLflow answers, or whoever answers in its stead."""
    client, run = _mlflow(), Created("r", "1")
    info = {"run_id": "r", "experiment_id": "1", "artifact_uri": "mlflow-artifacts:/1", "status": "RUNNING"}
    found = {"info": info, "data": {"tags": [{"key": "a", "value": "b"}]}}
    model = {"info": {"model_id": "m", "status": "LOGGED_MODEL_PENDING"}}
    calls: list[tuple[Any, Callable[[], object]]] = [
        ({"experiment": {"experiment_id": "1"}}, lambda: client.experiment("a")),
        ({"experiment_id": "1"}, lambda: client.create_experiment("a")),
        ({"run": found}, lambda: client.create_run("1", "a", 1, {})),
        ({"run": found}, lambda: client.run("r")),
        ({"runs": [found] * 2}, lambda: client.find_runs("1", "a", "b")),
        ({"models": [model]}, lambda: client.model_of(run)),
        ({"model": model}, lambda: client.create_model(run, "a", "s3://a")),
        ({}, lambda: client.finish_model("m")),
        ({}, lambda: client.put_artifact("mlflow-artifacts:/1", "a", b"a")),
    ]
    whole, call = random.choice(calls)
    _answer_with(whole, random)
    try:
        call()
    except NotSent:
        return "refused"
    return "read"


def _changed(client: SageMaker, kind: JobKind, moment: datetime) -> list[Job]:
    return list(client.jobs_modified(kind, "123456789012", "us-east-1", moment, moment, unread=_let_go))


def _let_go(entry: Unread) -> None:
    """It was reported: enough for here."""


def _message(identity: str, body: str) -> dict[str, Any]:
    return {
        "messageId": identity,
        "receiptHandle": identity,
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795168800000"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:q",
        "awsRegion": "us-east-1",
    }


class _RecordingBus:
    """A bus that keeps what is published."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def publish(self, announcements: Sequence[Announcement]) -> None:
        self.ids += [each.id for each in announcements]


@cache
def _changes() -> tuple[Ledger, list[dict[str, Any]]]:
    """An empty book, and the images of ten failed jobs and of a sweep, as a stream tells them."""
    folder = Path(mkdtemp())
    ledger = open_folder(folder, create=True)
    jobs = [replace(trial(n, {"eta": n}, None, status="Failed"), sweep=None) for n in range(10)]
    ledger.write(jobs, [(swept([trial(20 + n, {"eta": n}, 0.1) for n in range(2)]), None)])
    items = json.loads((folder / "ledger.jsonl").read_text())["Items"]
    rmtree(folder)
    return ledger, items


def stream(random: Random) -> str:
    """The ledger's stream: of ten changes one is hostile, and the nine others are announced."""
    ledger, items = _changes()
    images = copy.deepcopy(items[:10])
    at, bus = random.randrange(10), _RecordingBus()
    if random.random() < 0.7:  # facts that were edited
        put_facts(images[at], mutated(facts_of(random.choice(items)), random))
    else:
        images[at] = mutated(images[at], random)
    pairs: list[Any] = [(None, image) for image in images]
    done = announce_changes(pairs, ledger, cast(EventBus, bus))
    names = {each["pk"]["S"].rpartition("#")[2] for place, each in enumerate(items[:10]) if place != at}
    assert done == 10 or "format" in str(images[at]), "a change holds up those behind it"
    if done == 10:
        lost = [name for name in names if not any(f"/{name}/" in each for each in bus.ids)]
        assert not lost, f"{lost} are not announced"
    return "read" if len(bus.ids) >= 10 else "left out"


def recordings(random: Random) -> str:
    """Folders of recordings, damaged by hand."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        for name in ("events.jsonl", "sagemaker.jsonl"):
            content = (ROOT / "events" / "recordings" / "churn-min-child-weight" / name).read_bytes()[:20_000]
            whole = content[: content.rfind(b"\n") + 1]
            (folder / name).write_bytes(
                _damaged(content, random) if random.random() < 0.3 else _with_mutations(whole, random)
            )
        try:
            read_recording(folder)
        except UnreadableRecording:
            return "refused"
        return "read"


def _with_mutations(content: bytes, random: Random) -> bytes:
    """Lines that still are JSON, some of them with values replaced."""
    lines = [json.loads(line) for line in content.splitlines()]
    made = [each if random.random() < 0.9 else mutated(each, random, 1) for each in lines]
    return "".join(f"{json.dumps(each)}\n" for each in made).encode()


def _damaged(content: bytes, random: Random) -> bytes:
    made = bytearray(content)
    for _ in range(random.choice([1, 3, 20])):
        at = random.randrange(len(made) or 1)
        made[at : at + random.choice([0, 1, 9])] = random.choice(
            [b"", b"\xff", b"{", b"null", b"\n", b'"', b"1e999", b"]"]
        )
    return bytes(made)


@cache
def _book() -> bytes:
    """A folder's ledger: a sweep of three trials in its experiment."""
    with TemporaryDirectory() as made:
        ledger = open_folder(Path(made), create=True)
        records = [trial(number, {"eta": number}, number / 10) for number in range(3)]
        ledger.write(records, [(swept(records), None)])
        ledger.experiments.put(summed_up("exp", [swept(records)], records[0]))
        return (Path(made) / "ledger.jsonl").read_bytes()


QUESTIONS = ("experiments", "sweeps", "trials exp", "best s", "show t-1", "compare t-0 t-1", "sweeps exp --json")


def books(random: Random) -> str:
    """Folders that hold a book, damaged by hand."""
    with TemporaryDirectory() as made:
        whole = _book()
        (Path(made) / "ledger.jsonl").write_bytes(
            _edited(whole, random) if random.random() < 0.7 else _damaged(whole, random)
        )
        asked = CliRunner().invoke(app, [*random.choice(QUESTIONS).split(), "--book", made])
    if asked.exception is not None and not isinstance(asked.exception, SystemExit):
        raise asked.exception
    return "read" if asked.exit_code == 0 else "refused"


def _edited(content: bytes, random: Random) -> bytes:
    """Lines that still are JSON, with facts replaced."""
    lines = []
    for line in content.splitlines():
        data = json.loads(line)
        items = data["Items"] if "Items" in data else [data["Item"]]
        for item in items:
            if random.random() < 0.4:
                put_facts(item, mutated(facts_of(item), random))
        lines.append(json.dumps(data if random.random() < 0.7 else mutated(data, random)))
    return "\n".join([*lines, ""]).encode()


BOUNDARIES: dict[str, Boundary] = {
    each.__name__: each
    for each in (
        *(events, describes, sagemaker, measurements, rules, links, bus, batch, stream),
        *(slack, ses, mlflow, recordings, books),
    )
}
