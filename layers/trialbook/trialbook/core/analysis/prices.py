"""The cost of a job, as an estimate: billable seconds x instances x on-demand price. Without a price it stays unknown.

A serverless job is billed by tokens. It has a price only if the rules document gives one, for its base model or for
all.

Machines that a training plan reserves have no price by the hour: the plan is paid whether jobs use them or not.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from trialbook.core.jobs import BASE_MODEL, FAILED, STOPPED, Job, JobKind

# Instance type -> US dollars an hour; base model, or TOKENS for all of them -> US dollars for a million tokens
Prices = Mapping[str, float]
TOKENS = "tokens"
NO_PRICES: Prices = MappingProxyType({})


def cost_of(job: Job, prices: Prices) -> float | None:
    """A job's estimated cost in US dollars; None if what was billed or its price is not known.

    What was billed for no time costs nothing, whatever its price.
    """
    if job.billable_tokens is not None:
        per_million = prices.get(job.hyper_parameters.get(BASE_MODEL, TOKENS), prices.get(TOKENS))
        return None if per_million is None else per_million * job.billable_tokens / 1_000_000
    if job.billable_seconds == 0 or never_ran(job):
        return 0.0
    dollars = hourly(job, prices)
    return None if dollars is None or job.billable_seconds is None else dollars * job.billable_seconds / 3600


def never_ran(job: Job) -> bool:
    """Whether the job came to its end without a machine, such as a spot job that no capacity came for."""
    times = (job.started_at, job.training_seconds, job.billable_seconds)
    has_given_up = job.described and job.status in (STOPPED, FAILED) and job.key.kind is JobKind.TRAINING
    return has_given_up and all(each is None for each in times)


def hourly(job: Job, prices: Prices) -> float | None:
    """US dollars an hour for all of a job's machines; None if one has no price or a training plan reserves them."""
    if job.training_plan or not job.instances or any(group.instance_type not in prices for group in job.instances):
        return None
    return sum(prices[group.instance_type] * group.instance_count for group in job.instances)


def cost_of_all(jobs: Iterable[Job], prices: Prices) -> float | None:
    """The cost of the jobs that have one; None if none has, but for those that cost nothing."""
    costs = [cost_of(job, prices) for job in jobs]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if any(known) or (known and len(known) == len(costs)) else None
