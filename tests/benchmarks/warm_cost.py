"""The processor time of a warm function for each job event, without AWS's time: AWS answers at once, in the same process, and
the time of the answers is subtracted. Requests are made, signed, serialised and parsed as usual. The jobs are the children
of one tuning job; each child's first and last event go through attach_job and record_job in batches of ten, as Lambda
delivers them in a burst. Milliseconds; at 1,024 MB a function has 0.58 of a processor. Each size has its own process.
"""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.benchmarks.at_once import AtOnce
from tests.benchmarks.many_children import many_children
from tests.benchmarks.page import table
from tests.conftest import ROOT
from trialbook_cli.laptop_cloud.functions import Function
from trialbook_cli.laptop_cloud.template import load_template
from trialbook_cli.sagemaker_stand_in import Account, from_recording

TITLE = "The cost of a job event"
SIZES = (100, 1000, 10_000)
FUNCTIONS = {"record_job": "RecordJob", "attach_job": "AttachJob"}
_DELAY = timedelta(seconds=30)  # the attach queue's; by then the trial component is there
_BATCH, _WARM = 10, 20  # messages; events before the measured ones


def measure() -> str:
    """Each function and size in a process of its own."""
    rows = []
    for name in FUNCTIONS:
        for size in SIZES:
            command = [sys.executable, "-m", "tests.benchmarks.warm_cost", name, str(size)]
            rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return table(["function", "jobs", "ms an event", "the last tenth", "ms a job", "requests a job"], rows)


def one_size(name: str, children: int) -> list[object]:
    """The figures of a function and a size."""
    recording = many_children(children)
    moment = [datetime(2026, 11, 21, 9, tzinfo=UTC)]
    aws = AtOnce(from_recording(recording.answers, Account(), lambda: moment[0]))
    function = _function(name)
    events = [each for each in recording.events if "TrainingJobName" in each["detail"]]
    spent: list[float] = []
    with aws.serving():
        for start in range(0, len(events), _BATCH):
            batch = events[start : start + _BATCH]
            moment[0] = max(datetime.fromisoformat(each["time"]) for each in batch) + _DELAY
            message = messages(batch)
            gc.freeze()  # recording, table and stand-in lie in this process, where a function's own heap is small
            before, apart = time.process_time(), aws.own_time
            assert function(message) == {"batchItemFailures": []}
            spent.append(time.process_time() - before - (aws.own_time - apart))
    warm = spent[_WARM // _BATCH :]
    last = warm[-max(1, len(warm) // 10) :]
    an_event, at_last = (1000 * sum(each) / (_BATCH * len(each)) for each in (warm, last))
    return [
        name,
        children,
        round(an_event, 2),
        round(at_last, 2),
        round(2 * an_event, 2),
        round(aws.requests / children, 1),
    ]


def _function(name: str) -> Function:
    template = load_template(ROOT / "template.yaml")
    variables = {
        "LEDGER_TABLE": "ledger",
        "RULES_PARAMETER": "/trialbook/rules",
        "DEAD_LETTERS_URL": "https://sqs.example.com/dead-letters",
        "POWERTOOLS_SERVICE_NAME": name,
    }
    own: Mapping[str, Any] = {
        **template["Globals"]["Function"],
        **template["Resources"][FUNCTIONS[name]]["Properties"],
        "Handler": "app.handler",
        "Environment": {"Variables": variables},
    }
    return Function(FUNCTIONS[name], own, ROOT, Account())


def messages(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The events as SQS hands them to Lambda."""
    sample = json.loads((ROOT / "events" / "invoke" / "record_job.json").read_text())["Records"][0]
    return {"Records": [{**sample, "messageId": str(at), "body": json.dumps(each)} for at, each in enumerate(events)]}


if __name__ == "__main__":
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    print(json.dumps(one_size(sys.argv[1], int(sys.argv[2]))))
