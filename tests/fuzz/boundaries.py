"""The boundaries where other people's data comes in, each as a function of one random source: it makes an input, hands it
over and says what became of it. What it raises beside the boundary's own errors is a finding."""

import copy
import json
import math
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from typer.testing import CliRunner

from tests.conftest import ROOT
from tests.unit.analysing import swept, trial
from trialbook.adapters.rules_document import read_rules
from trialbook.adapters.slack import Slack, Webhook
from trialbook.build_report import _sweep_id
from trialbook.core.announcements import announcement_of
from trialbook.core.describe import job_from_detail, metrics_with_statistics, tuning_job_from_describe
from trialbook.core.errors import InvalidInput, InvalidRules
from trialbook.core.events import parse_event
from trialbook.core.experiments import summed_up
from trialbook.core.jobs import JobKind
from trialbook.core.messages.delivery import NotSent
from trialbook.core.report_links import link, opened
from trialbook.messages.slack import SlackText
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


def rules(random: Random) -> str:
    """Rules documents."""
    lines = [f"{_key(random, 3)}: {_yaml(random)}" for _ in range(random.choice([1, 2, 4]))]
    if random.random() < 0.3:
        lines = [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9) if at else 1}]" for at in range(8)] + lines
    try:
        read_rules("\n".join(lines)[:8192])
    except InvalidRules:
        return "refused"
    return "read"


def links(random: Random) -> str:
    """Addresses of reports, by whoever calls them."""
    now = datetime(2026, 11, 20, tzinfo=UTC)
    right = link("https://x", "reports/a/report.html", "k", "secret", datetime(2026, 12, 1, tzinfo=UTC))
    text = list(right.removeprefix("https://x"))
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
    """Answers what it is told to."""

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


def slack(random: Random) -> str:
    """What Slack answers, or whoever answers in its stead."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    whole = {"ok": True, "ts": "1.2", "channel": "C012345", "messages": [], "files": [{"id": "F1"}], "permalink": "p"}
    try:
        client, outcomes = Slack(lambda: "token", f"{address}/api/"), Counter[str]()
        for _ in range(20):
            made = mutated(whole, random) if random.random() < 0.7 else random.choice(HOSTILE)
            _Answers.body = json.dumps(made).encode() if random.random() < 0.9 else b"<html>\xff"
            _Answers.status = random.choice([200, 200, 200, 404, 429, 503])
            calls: list[Callable[[], object]] = [
                lambda: client.post("C012345", SlackText("a", ()), {}),
                lambda: client.find("C012345", {"about": "a"}, datetime(2026, 11, 20, tzinfo=UTC)),
                lambda: client.find("#name", {"about": "a"}, datetime(2026, 11, 20, tzinfo=UTC)),
                lambda: client.trouble("C012345"),
                lambda: Webhook(lambda name: address).post("/a", SlackText("a", ())),
            ]
            try:
                random.choice(calls)()
                outcomes["read"] += 1
            except NotSent:
                outcomes["refused"] += 1
        return outcomes.most_common(1)[0][0]
    finally:
        server.shutdown()
        server.server_close()


def recordings(random: Random) -> str:
    """Folders of recordings, damaged by hand."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        for name in ("events.jsonl", "sagemaker.jsonl"):
            content = (ROOT / "events" / "recordings" / "churn-min-child-weight" / name).read_bytes()[:4000]
            (folder / name).write_bytes(_damaged(content, random))
        try:
            read_recording(folder)
        except UnreadableRecording:
            return "refused"
        return "read"


def _damaged(content: bytes, random: Random) -> bytes:
    made = bytearray(content)
    for _ in range(random.choice([1, 3, 20])):
        at = random.randrange(len(made))
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
                facts = mutated(json.loads(item["facts"]["S"]), random)
                item["facts"]["S"] = json.dumps(facts)
        lines.append(json.dumps(data if random.random() < 0.7 else mutated(data, random)))
    return "\n".join([*lines, ""]).encode()


BOUNDARIES: dict[str, Boundary] = {
    each.__name__: each for each in (events, describes, rules, links, bus, slack, recordings, books)
}
