"""close_sweeps on a tuning job whose children are all in the ledger (AWS's DynamoDB Local): the run that lists all
children, compares them with the ledger and closes the sweep. It has 300 s; a run that reaches the limit continues in the
next minute."""

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta

from botocore.session import Session

from tests.benchmarks.many_children import TUNING_JOB, many_children
from tests.benchmarks.page import table
from tests.integration.conftest import opened, running_dynamodb_local
from tests.unit.samples import record
from trialbook.adapters.sagemaker import SageMaker
from trialbook.close_sweeps import close_sweeps
from trialbook.core.closing import due
from trialbook.core.describe import job_from_detail
from trialbook.core.jobs import JobKind
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import put
from trialbook.ledger.ledger import Ledger
from trialbook.record_job import record_job
from trialbook.services import Services
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.sagemaker_stand_in import Account, from_recording, serve

TITLE = "Closing a large sweep"
SIZES = (1000, 10_000)


def measure() -> str:
    """Each size in a process of its own."""
    rows = []
    for size in SIZES:
        command = [sys.executable, "-m", "tests.benchmarks.close", str(size)]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return table(["children", "seconds", "peak MB, recording and stand-in included"], rows)


def one_size(children: int) -> tuple[int, float, int]:
    """Fills a ledger and closes the sweep."""
    recording = many_children(children)
    end = datetime.fromisoformat(recording.events[-1]["time"]) + timedelta(minutes=5)
    sagemaker = from_recording(recording.answers, Account(), lambda: end)
    with running_dynamodb_local() as url, opened(url) as ledger, serve(sagemaker) as endpoint:
        os.environ["AWS_ENDPOINT_URL_SAGEMAKER"] = endpoint
        client = SageMaker(Session(), "us-east-1")
        services = Services(ledger, lambda account, region: client)
        record_job(recording.events[-1], services)
        fill(ledger, recording, children)
        began = time.perf_counter()
        done = close_sweeps(end, services)
        seconds = time.perf_counter() - began
    assert done.closed == (TUNING_JOB,), done
    return children, round(seconds, 1), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def fill(ledger: Ledger, recording: Recording, children: int) -> None:
    """The first children of a tuning job that is known already, as record_job would have left them."""
    sweep = ledger.sweep(TUNING_JOB)
    assert sweep is not None
    describes = [answer["response"] for answer in recording.answers[:children]]
    for start in range(0, children, 8):
        jobs = [
            job_from_detail(JobKind.TRAINING, each, "123456789012", "us-east-1", described=True)
            for each in describes[start : start + 8]
        ]
        records = [replace(record(each, definitions=sweep.definitions), sweep=TUNING_JOB) for each in jobs]
        for each in records:
            sweep = put(sweep, None, each)
        sweep = replace(sweep, version=sweep.version + 1)
        ledger.write(records, [due(sweep, Rules())])


if __name__ == "__main__":
    print(json.dumps(one_size(int(sys.argv[1]))))
