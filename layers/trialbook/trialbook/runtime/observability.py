"""Logs and metrics by Powertools: JSON lines and CloudWatch's embedded metric format.

Each log line carries as `correlation_id` the id of the event that led to it, through every hop: queue, ledger, stream,
Trialbook's own bus and the functions behind it.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "Trialbook"
# Outside of Lambda standard output belongs to answers, which may be JSON.
logger = Logger(stream=None if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else sys.stderr)
metrics = Metrics(namespace=NAMESPACE)
_OF_STACK = {"stack": stack} if (stack := os.environ.get("STACK")) else {}
metrics.set_default_dimensions(**_OF_STACK)
_measures = ContextVar("measures", default=True)


@contextmanager
def quiet() -> Iterator[None]:
    """For the command line, whose output a person reads: no metrics, and only errors in the log."""
    level, token = logger.log_level, _measures.set(False)
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)
        _measures.reset(token)


def count(name: str, amount: int = 1, **dimensions: str) -> None:
    """Adds to a metric: with dimensions, as a record of its own; without, to the invocation's record."""
    if not _measures.get():
        return
    if not dimensions:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=amount)
        return
    from aws_lambda_powertools.metrics import single_metric

    with single_metric(name=name, unit=MetricUnit.Count, value=amount, namespace=NAMESPACE) as metric:
        for key, value in {"service": metrics.service or "", **_OF_STACK, **dimensions}.items():
            metric.add_dimension(name=key, value=value)


def age(name: str, since: datetime, now: datetime) -> None:
    """Adds the seconds since a moment to a metric; never negative, because clocks differ."""
    if _measures.get():
        seconds = max(0.0, (now - since).total_seconds())
        metrics.add_metric(name=name, unit=MetricUnit.Seconds, value=seconds)


def correlation_id() -> str | None:
    """The id of the event that the running work goes back to."""
    return logger.get_correlation_id()


def correlate(envelope: Mapping[str, Any]) -> None:
    """Sets the correlation id of later log lines: the event's own correlation id, or else the event's id."""
    detail = envelope.get("detail")
    origin = detail.get("correlation_id") if isinstance(detail, Mapping) else None
    logger.set_correlation_id(origin or envelope.get("id"))
