"""post_best_trials: once a week, what became of each experiment, told on the bus; nothing where nothing happened."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from trialbook.adapters.eventbridge import EventBus
from trialbook.adapters.s3 import Bucket
from trialbook.core import report_keys
from trialbook.core.analysis.costs import spending
from trialbook.core.analysis.digest import from_data
from trialbook.core.codec import pack
from trialbook.core.messages.best_trials import Ended, Standing, announcement, best_trials
from trialbook.core.sweeps import Sweep, SweepState, start_of
from trialbook.core.times import iso, parse_time
from trialbook.runtime.observability import correlation_id, count, logger
from trialbook.services import Services, hourly_prices

_NOTE = "best-trials"
_FIRST_PERIOD = timedelta(days=7)
_LONGEST_PERIOD = timedelta(days=31)  # after a pause of the schedule, only what is recent is told
_LONGEST_RUN = timedelta(days=31)  # SageMaker lets no job run longer than 28 days: what ended now began later than this


def post_best_trials(moment: datetime, services: Services, bucket: Bucket, bus: EventBus) -> str | None:
    """Tells Best Trials of what ended since the last time; gives the event's id, None where there is nothing to tell.

    Repeated for the same moment, it tells the same under the same id; for an earlier one than the last, nothing.
    """
    since = _since(services.ledger.notes.get(_NOTE), moment)
    if since is None:
        logger.info("nothing told: a later period was told already", moment=iso(moment))
        return None
    ended = list(_ended(since, moment, services, bucket))
    names = sorted({each.experiment for each in ended})
    report = best_trials(ended, [_standing(name, since, moment, services) for name in names], since, moment)
    if report is not None:
        event = announcement(report)
        # The message takes its facts from here: who forges an event can't say what is in it.
        services.ledger.notes.put(event.id, json.dumps(pack(report)))
        bus.publish([replace(event, cause=correlation_id())])
        count("BestTrialsTold")
    services.ledger.notes.put(_NOTE, json.dumps({"since": iso(since), "until": iso(moment)}))
    logger.info("best trials", told=report is not None, experiments=len(names), since=iso(since))
    return None if report is None else announcement(report).id


def _since(note: str | None, moment: datetime) -> datetime | None:
    """When the period begins: at the end of the one before. None where a later one was told."""
    if note is None:
        return moment - _FIRST_PERIOD
    last = json.loads(note)
    until, since = parse_time(last["until"], "until"), parse_time(last["since"], "since")
    assert until is not None
    if moment < until:
        return None
    return since if moment == until else max(until, moment - _LONGEST_PERIOD)


def _ended(since: datetime, until: datetime, services: Services, bucket: Bucket) -> Iterator[Ended]:
    ledger = services.ledger
    began = since - _LONGEST_RUN
    for sweep in ledger.sweeps_since(began):
        if _is_of(sweep, since, until):
            yield _of_sweep(sweep, bucket)
    for experiment in ledger.experiments:
        for window in ledger.singles_of(experiment.name, began):
            if _is_of(window, since, until):
                yield _of_single(window, services)


def _is_of(sweep: Sweep, since: datetime, until: datetime) -> bool:
    return (
        sweep.state is SweepState.CLOSED
        and not sweep.is_history
        and sweep.superseded_by is None
        and sweep.closed_at is not None
        and since <= sweep.closed_at < until
    )


def _of_sweep(sweep: Sweep, bucket: Bucket) -> Ended:
    """What a sweep took, as its report says; without one, what it cost is not known."""
    content = bucket.get(f"{report_keys.latest(sweep.id)}/{report_keys.DIGEST}")
    if content is None:
        return Ended(
            sweep.experiment, is_sweep=True, counts=sweep.counts, cost_usd=None, unpriced_jobs=sweep.counts.ended
        )
    spent = from_data(json.loads(content)).cost.all
    return Ended(sweep.experiment, True, sweep.counts, spent.cost_usd, spent.unpriced_jobs)


def _of_single(window: Sweep, services: Services) -> Ended:
    jobs = list(services.ledger.ranking(window.id, window.counts.jobs))
    spent = spending([each.job for each in jobs], hourly_prices(jobs, window.region, services))
    return Ended(window.experiment, False, window.counts, spent.cost_usd, spent.unpriced_jobs)


def _standing(experiment: str, since: datetime, until: datetime, services: Services) -> Standing:
    """The experiment's best among the jobs that had ended by each of the two moments. Reads the ranking no further
    than to the second."""
    ledger = services.ledger
    entry = ledger.experiments.get(experiment)
    objective = entry.objective if entry else None
    if objective is None:
        return Standing(experiment)
    best = former = None
    for record in ledger.experiment_ranking(experiment, objective=objective):
        ended = record.job.ended_at or start_of(record.job)
        if best is None and ended < until:
            best = record
        if ended < since:
            former = record
            break
    return Standing(experiment, objective, best, former)
