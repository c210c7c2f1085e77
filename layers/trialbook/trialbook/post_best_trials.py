"""post_best_trials: announces once a week what became of each experiment; nothing if no job ended."""

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
_LONGEST_PERIOD = timedelta(days=31)  # after a pause of the schedule, older jobs are not reported
_LONGEST_RUN = timedelta(days=31)  # SageMaker lets no job run longer than 28 days: what ended now began later than this


def post_best_trials(moment: datetime, services: Services, bucket: Bucket, bus: EventBus) -> str | None:
    """Announces what ended since the last weekly report. Returns the event's id; None if nothing ended.

    A repeated run for the same moment gives the same event. A run for an earlier moment than the last does nothing.
    """
    since = _since(services.ledger.notes.get(_NOTE), moment)
    if since is None:
        logger.info("nothing announced: a later period was reported already", moment=iso(moment))
        return None
    ended = list(_ended(since, moment, services, bucket))
    names = sorted({each.experiment for each in ended})
    report = best_trials(ended, [_standing(name, since, moment, services) for name in names], since, moment)
    if report is not None:
        event = announcement(report)
        # The message takes its facts from this note, so that a forged event can't change what it says.
        services.ledger.notes.put(event.id, json.dumps(pack(report)))
        bus.publish([replace(event, cause=correlation_id())])
        count("BestTrialsAnnounced")
    services.ledger.notes.put(_NOTE, json.dumps({"since": iso(since), "until": iso(moment)}))
    logger.info("best trials", announced=report is not None, experiments=len(names), since=iso(since))
    return None if report is None else announcement(report).id


def _since(note: str | None, moment: datetime) -> datetime | None:
    """When the period begins: at the end of the one before. None if a later period was reported."""
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
    """A sweep's jobs and cost, from its report. Without a report the cost is unknown."""
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
    """The experiment's best job at each of the two moments. Reads the ranking only until it has found both."""
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
