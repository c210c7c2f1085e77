"""SQS's move tasks, which moto does not know: they move the messages of a dead-letter queue back.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.core.responses import ActionResult
from moto.sqs.exceptions import SQSException
from moto.sqs.responses import SQSResponse

AT_ONCE = 10  # messages that move between two looks at a task


class Refused(SQSException):
    """What SQS answers where a task can't be started."""

    def __init__(self, code: str) -> None:
        super().__init__(code, "The action is not allowed for this queue.")


class MoveTasks:
    """Tasks by their queue's ARN. `refusal` is the error code for each start on a
    queue with `refused` in its name; None: tasks start. `stuck` is the number
    of messages that SQS can't deliver."""

    def __init__(self) -> None:
        self.of: dict[str, list[dict[str, Any]]] = {}
        self.refusal: str | None = None
        self.refused = ""
        self.stuck = 0

    def start(self, response: SQSResponse) -> ActionResult:
        source, to = response._get_param("SourceArn"), response._get_param("DestinationArn")
        if self.refusal and self.refused in source:
            raise Refused(self.refusal)
        tasks = self.of.setdefault(source, [])
        if tasks and tasks[0]["Status"] == "RUNNING":
            raise Refused("UnsupportedOperation")
        task = {
            "TaskHandle": f"{source}#{len(tasks)}",
            "Status": "RUNNING",
            "SourceArn": source,
            "DestinationArn": to,
            "ApproximateNumberOfMessagesMoved": 0,
            "ApproximateNumberOfMessagesToMove": len(_queue(response, source)._messages),
            "StartedTimestamp": 1795867200000,
        }
        tasks.insert(0, task)
        return ActionResult({"TaskHandle": task["TaskHandle"]})

    def list(self, response: SQSResponse) -> ActionResult:
        tasks = self.of.get(response._get_param("SourceArn"), [])
        if tasks and tasks[0]["Status"] == "RUNNING":
            self._go_on(response, tasks[0])
        return ActionResult({"Results": [dict(each) for each in tasks]})

    def _go_on(self, response: SQSResponse, task: dict[str, Any]) -> None:
        source, to = (_queue(response, task[name]) for name in ("SourceArn", "DestinationArn"))
        free = source._messages[: max(0, min(AT_ONCE, len(source._messages) - self.stuck))]
        for message in free:
            response.sqs_backend.send_message(to.name, message.body)
            source._messages.remove(message)
        task["ApproximateNumberOfMessagesMoved"] += len(free)
        if not free:
            task["Status"] = "FAILED" if source._messages else "COMPLETED"
            task["FailureReason"] = "AccessDenied" if source._messages else ""


def _queue(response: SQSResponse, arn: str) -> Any:
    return response.sqs_backend.queues[arn.rpartition(":")[2]]


@contextmanager
def move_tasks() -> Iterator[MoveTasks]:
    """moto's SQS with move tasks, for the block."""
    tasks = MoveTasks()
    added = {"start_message_move_task": tasks.start, "list_message_move_tasks": tasks.list}
    for name, answer in added.items():
        setattr(SQSResponse, name, lambda response, answer=answer: answer(response))
    try:
        yield tasks
    finally:
        for name in added:
            delattr(SQSResponse, name)
