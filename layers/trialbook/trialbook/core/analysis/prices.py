"""What a job costs, as an estimate: billable seconds x instances x on-demand price. What has no price stays unknown."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from trialbook.core.jobs import Job

Prices = Mapping[str, float]  # instance type -> US dollars an hour
NO_PRICES: Prices = MappingProxyType({})


def cost_of(job: Job, prices: Prices) -> float | None:
    """A job's estimated cost in US dollars; None where billable time, instances or a price are not known."""
    dollars = hourly(job, prices)
    return None if dollars is None or job.billable_seconds is None else dollars * job.billable_seconds / 3600


def hourly(job: Job, prices: Prices) -> float | None:
    """US dollars an hour for all of a job's machines; None where one has no price."""
    if not job.instances or any(group.instance_type not in prices for group in job.instances):
        return None
    return sum(prices[group.instance_type] * group.instance_count for group in job.instances)


def cost_of_all(jobs: Iterable[Job], prices: Prices) -> float | None:
    """The cost of the jobs that have one; None where none has."""
    costs = [cost for job in jobs if (cost := cost_of(job, prices)) is not None]
    return sum(costs) if costs else None
