"""One cold start, in this process alone: prints what it took as JSON. It finds nothing but the function's own path.

`child.py memory FILE` hands the function the events of a file.
`child.py function [EVENT]` imports the function and, with an event, hands it over; `child.py floor CLIENTS [CALLS]` makes
these clients with boto3, Powertools' Logger and Metrics and, with calls, makes these. AWS answers at once, in the process.
The environment variable BOTOCORE_DATA replaces the floor's models.
"""

import json
import os
import sys
import time
from contextlib import suppress
from io import BytesIO
from typing import Any


def main(kind: str, *arguments: str) -> None:
    """Measures to the moment when the handler is ready, then to the first answer."""
    if kind == "memory":
        _memory(arguments[0])
        return
    handler, clients = (_function(), {}) if kind == "function" else _floor(arguments[0].split(","))
    found = {"ready": _now()}
    given = arguments[0] if kind == "function" and arguments else arguments[1] if len(arguments) > 1 else None
    if given is not None:
        task = json.loads(given)
        calls = _answer_at_once()
        if kind == "function":
            answer = handler(task, _Context())
            assert not (isinstance(answer, dict) and answer.get("batchItemFailures")), answer
        else:
            for service, operation, request in task:
                with suppress(clients[service].exceptions.ClientError):  # there is no rules document
                    clients[service]._make_api_call(operation, request)
            handler({}, _Context())
        found |= {"answered": _now(), "calls": calls}
    sys.stdout.flush()
    print(json.dumps(found, default=str))


def _now() -> dict[str, float]:
    return {"cpu": time.process_time(), "at": time.monotonic()}


def _function() -> Any:
    import app

    return app.handler


def _memory(path: str) -> None:
    """Hands the function each event of a file, AWS's servers being elsewhere; the most memory that the process had."""
    handler = _function()
    started, again = _most_memory(), 0
    with open(path) as lines:  # noqa: PTH123 as little as possible is imported
        for line in lines:
            answer = handler(json.loads(line), _Context())
            again += len(answer.get("batchItemFailures", [])) if isinstance(answer, dict) else 0
    print(json.dumps({"started": started, "peak": _most_memory(), "again": again}))


def _most_memory() -> int:
    """KB; what getrusage tells begins with that of the process which started this one."""
    with open("/proc/self/status") as lines:  # noqa: PTH123
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def _floor(services: list[str]) -> tuple[object, dict[str, Any]]:
    import boto3
    from aws_lambda_powertools import Logger, Metrics
    from botocore.loaders import Loader

    Loader.BUILTIN_DATA_PATH = os.environ.get("BOTOCORE_DATA", Loader.BUILTIN_DATA_PATH)
    logger, metrics = Logger(), Metrics(namespace="Floor")
    clients = {service: boto3.client(service) for service in services}

    @logger.inject_lambda_context
    @metrics.log_metrics
    def handler(event: Any, context: Any) -> None:
        metrics.add_metric(name="Messages", unit="Count", value=1)

    return handler, clients


class _Context:
    function_name = invoked_function_arn = aws_request_id = "x"
    memory_limit_in_mb = 1024

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def _answer_at_once() -> list[Any]:
    """Replaces the network; gives the list of calls that are made from here on."""
    from botocore.awsrequest import AWSResponse
    from botocore.client import BaseClient
    from botocore.compat import HTTPHeaders
    from botocore.httpsession import URLLib3Session

    class Raw(BytesIO):
        def stream(self, **_: Any) -> Any:
            yield self.read()

    def send(session: Any, request: Any) -> AWSResponse:
        target = request.headers.get("X-Amz-Target", b"")
        operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        status, answer = _ANSWERS.get(operation, (200, {}))
        body = json.dumps(answer).encode()
        headers = HTTPHeaders()
        headers["Content-Type"], headers["Content-Length"] = "application/x-amz-json-1.0", str(len(body))
        return AWSResponse(request.url, status, headers, Raw(body))

    URLLib3Session.send = send
    calls: list[Any] = []
    make = BaseClient._make_api_call

    def noted(client: Any, operation: str, request: Any) -> Any:
        calls.append((client.meta.service_model.service_name, operation, request))
        return make(client, operation, request)

    BaseClient._make_api_call = noted
    return calls


_ANSWERS = {
    "GetParameter": (400, {"__type": "ParameterNotFound", "message": "there is none"}),
    "Query": (200, {"Items": [], "Count": 0, "ScannedCount": 0}),
    "BatchGetItem": (200, {"Responses": {"ledger": []}, "UnprocessedKeys": {}}),
    "PutEvents": (200, {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}] * 10}),
    "DescribeTrainingJob": (
        200,
        {
            "TrainingJobName": "churn-xgb-2026-11-20-10-15-00-123",
            "TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/churn-xgb-2026-11-20-10-15-00-123",
            "TrainingJobStatus": "Completed",
            "SecondaryStatus": "Completed",
            "CreationTime": 1795169700.1,
            "TrainingStartTime": 1795169760.1,
            "TrainingEndTime": 1795169800.1,
            "LastModifiedTime": 1795169801.1,
            "HyperParameters": {"min_child_weight": "1", "eta": "0.2"},
            "FinalMetricDataList": [{"MetricName": "validation:error", "Value": 0.04, "Timestamp": 1795169800.1}],
        },
    ),
    "GetSecretValue": (200, {"VersionId": "1", "SecretString": "x"}),
}


if __name__ == "__main__":
    main(*sys.argv[1:])
