"""Time and money, as estimates: billable seconds x instances x on-demand price. What has no price stays unknown."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from trialbook.core.analysis.model import Cost, Spending
from trialbook.core.jobs import FAILED, Job
from trialbook.core.sweeps import start_of

Prices = Mapping[str, float]  # instance type -> US dollars an hour
NO_PRICES: Prices = MappingProxyType({})


def cost_of(job: Job, prices: Prices) -> float | None:
    """A job's estimated cost in US dollars; None where billable time, instances or a price are not known."""
    hourly = _hourly(job, prices)
    return None if hourly is None or job.billable_seconds is None else hourly * job.billable_seconds / 3600


def _hourly(job: Job, prices: Prices) -> float | None:
    if not job.instances or any(group.instance_type not in prices for group in job.instances):
        return None
    return sum(prices[group.instance_type] * group.instance_count for group in job.instances)


def spending(jobs: Sequence[Job], prices: Prices) -> Spending:
    """What jobs took together."""
    costs = [cost for job in jobs if (cost := cost_of(job, prices)) is not None]
    seconds = [job.duration_seconds for job in jobs if job.duration_seconds is not None]
    billable = [job.billable_seconds for job in jobs if job.billable_seconds is not None]
    return Spending(
        jobs=len(jobs),
        running_seconds=sum(seconds) if seconds else None,
        billable_seconds=sum(billable) if billable else None,
        cost_usd=sum(costs) if costs else None,
        unpriced_jobs=sum(1 for job in jobs if job.is_terminal and cost_of(job, prices) is None),
    )


def cost(jobs: Sequence[Job], best: Job | None, prices: Prices) -> Cost:
    """What a sweep's jobs took: in all, its best, its failures, and what spot instances saved."""
    spot = [job for job in jobs if job.spot and job.training_seconds and job.billable_seconds is not None]
    trained = sum(job.training_seconds or 0 for job in spot)
    saved = [hourly * _unbilled(job) / 3600 for job in spot if (hourly := _hourly(job, prices)) is not None]
    used = {group.instance_type for job in jobs for group in job.instances}
    return Cost(
        wall_seconds=_wall_seconds(jobs),
        all=spending(jobs, prices),
        best=spending([best], prices) if best else None,
        failures=spending([job for job in jobs if job.status == FAILED], prices),
        spot_jobs=sum(1 for job in jobs if job.spot),
        spot_saving=sum(map(_unbilled, spot)) / trained if trained else None,
        spot_saving_usd=sum(saved) if saved else None,
        instances=_instances(jobs),
        prices_usd_per_hour={name: prices[name] for name in sorted(used & prices.keys())},
    )


def _unbilled(job: Job) -> int:
    return max((job.training_seconds or 0) - (job.billable_seconds or 0), 0)


def _wall_seconds(jobs: Sequence[Job]) -> float | None:
    ends: list[datetime] = [job.ended_at for job in jobs if job.ended_at is not None]
    return (max(ends) - min(map(start_of, jobs))).total_seconds() if ends else None


def _instances(jobs: Iterable[Job]) -> dict[str, int]:
    """How many jobs ran on which machines: `2 x ml.p3.2xlarge`."""
    names = Counter(
        " + ".join(f"{group.instance_count} x {group.instance_type}" for group in job.instances)
        for job in jobs
        if job.instances
    )
    return dict(names.most_common())
