"""Logs and metrics, as Powertools makes them: JSON lines and CloudWatch's embedded metric format."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
metrics = Metrics(namespace="Trialbook")


def count(name: str, amount: int = 1, **dimensions: str) -> None:
    """Adds to a metric. With dimensions, a record of its own; without, to the invocation's."""
    if not dimensions:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=amount)
        return
    from aws_lambda_powertools.metrics import single_metric

    with single_metric(name=name, unit=MetricUnit.Count, value=amount) as metric:
        for key, value in dimensions.items():
            metric.add_dimension(name=key, value=value)
