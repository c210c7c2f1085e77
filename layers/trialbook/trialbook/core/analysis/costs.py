"""The sums of jobs' time and money; money is an estimate."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from trialbook.core.analysis.model import Cost, Spending
from trialbook.core.analysis.prices import Prices, cost_of, cost_of_all, hourly
from trialbook.core.jobs import FAILED, Job
from trialbook.core.sweeps import start_of


def spending(jobs: Sequence[Job], prices: Prices) -> Spending:
    """The sums of jobs' time and cost."""
    seconds = [job.duration_seconds for job in jobs if job.duration_seconds is not None]
    unpriced = [job for job in jobs if job.is_terminal and cost_of(job, prices) is None]
    billable = [job.billable_seconds for job in jobs if job.billable_seconds is not None]
    tokens = [job.billable_tokens for job in jobs if job.billable_tokens is not None]
    return Spending(
        jobs=len(jobs),
        running_seconds=sum(seconds) if seconds else None,
        billable_seconds=sum(billable) if billable else None,
        cost_usd=cost_of_all(jobs, prices),
        unpriced_jobs=len(unpriced),
        reserved_jobs=sum(1 for job in unpriced if job.training_plan),
        billable_tokens=sum(tokens) if tokens else None,
    )


def cost(jobs: Sequence[Job], best: Job | None, prices: Prices) -> Cost:
    """The time and cost of a sweep's jobs: in all, its best, its failures, and the saving of spot instances."""
    spot = [job for job in jobs if job.spot and job.training_seconds and job.billable_seconds is not None]
    trained = sum(job.training_seconds or 0 for job in spot)
    saved = [dollars * _unbilled(job) / 3600 for job in spot if (dollars := hourly(job, prices)) is not None]
    kept = [job for job in jobs if job.kept_warm_seconds]
    kept_usd = [dollars * (job.kept_warm_seconds or 0) / 3600 for job in kept if (dollars := hourly(job, prices))]
    waits = [job.queued_seconds for job in jobs if job.queued_seconds is not None]
    used = {group.instance_type for job in jobs if not job.training_plan for group in job.instances}
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
        kept_warm_seconds=sum(job.kept_warm_seconds or 0 for job in kept) or None,
        kept_warm_usd=sum(kept_usd) if kept and len(kept_usd) == len(kept) else None,
        queued_seconds=sum(waits) if waits else None,
        longest_queued_seconds=max(waits, default=None),
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
