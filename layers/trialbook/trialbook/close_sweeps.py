"""close_sweeps: which open sweeps are over by now? Once a minute, from a sparse index of those that are due."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from trialbook.adapters.sagemaker import NotFound, Refused, SageMakerError
from trialbook.core.closing import looked_at_again, outlook
from trialbook.core.errors import InvalidInput
from trialbook.core.experiments import ranked_by, summed_up
from trialbook.core.jobs import STOPPED, TERMINAL, Job
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record, Sweep, SweepKind, SweepState
from trialbook.ledger.ledger import Conflict, Ledger
from trialbook.record_job import Outcome, record, tuning_job_of
from trialbook.runtime.observability import count, logger
from trialbook.runtime.services import Services

TimeLeft = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Closed:
    """What one run did. `unfinished` tells that time ran out: the next run goes on."""

    closed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    unfinished: bool = False


def close_sweeps(now: datetime, services: Services, time_left: TimeLeft = lambda: True) -> Closed:
    """Closes the sweeps that are over, and describes the jobs of those that should be."""
    closed: list[str] = []
    waiting: list[str] = []
    experiments: set[str] = set()
    unfinished = False
    for sweep in services.ledger.due_sweeps(now):
        unfinished = not time_left()
        if unfinished:
            break
        try:
            done = _look_at(sweep, now, services, time_left)
        except (Conflict, SageMakerError, InvalidInput) as error:  # it is due again next minute; others go through
            logger.warning("sweep not closed this time", sweep=sweep.id, reason=str(error))
            done = False
        (closed if done else waiting).append(sweep.id)
        if done:
            experiments.add(sweep.experiment)
    for experiment in sorted(experiments):
        list_experiment(experiment, services.ledger, services.rules())
    count("SweepsClosed", len(closed))
    return Closed(tuple(closed), tuple(waiting), unfinished)


def list_experiment(name: str, ledger: Ledger, rules: Rules) -> None:
    """Writes the experiment's entry anew, from its sweeps and its best job: what lists of experiments show."""
    sweeps = list(ledger.sweeps_of(name))
    objective = ranked_by(sweeps, rules.objective(name))
    best = next(ledger.experiment_ranking(name, 1, objective), None)
    ledger.put_experiment(summed_up(name, sweeps, best))


def _look_at(sweep: Sweep, now: datetime, services: Services, time_left: TimeLeft) -> bool:
    """Whether the sweep was closed. What events missed is learned first; that may make it go on."""
    ahead = outlook(sweep, services.rules().quiet_period(sweep.experiment))
    if ahead is None:
        return False
    if not ahead.is_quiet:
        if not _learn_about_hanging(sweep, services):
            _postpone(sweep, now, services)
        return False
    if sweep.kind is SweepKind.TUNING and not _children_are_complete(sweep, services, time_left):
        return False
    return close(sweep.id, now, services)


def close(sweep_id: str, now: datetime, services: Services) -> bool:
    """Closes the sweep, once: False where something came in between, or somebody else closed it."""
    ledger = services.ledger
    sweep = ledger.sweep(sweep_id)
    if sweep is None:
        return False
    ahead = outlook(sweep, services.rules().quiet_period(sweep.experiment))
    if ahead is None or not ahead.is_quiet or ahead.due_at > now:
        return False
    revision = sweep.revision if sweep.is_single else sweep.revision + 1
    done = replace(sweep, state=SweepState.CLOSED, revision=revision, closed_at=now, version=sweep.version + 1)
    try:
        ledger.write(sweeps=[(done, None)])
    except Conflict:
        return False
    return True


def _children_are_complete(sweep: Sweep, services: Services, time_left: TimeLeft) -> bool:
    """Whether every child that SageMaker lists is terminal in the ledger; those that are not are described now."""
    known = {each.key: each.job for each in services.ledger.records_of(sweep)}
    try:
        for child in services.sagemaker(sweep.account, sweep.region).children(sweep.tuning_job):
            if child.key in known and known[child.key].is_terminal:
                continue
            if not time_left():
                return False
            record(child, services, tags_known=False)
    except (NotFound, Refused) as error:
        logger.warning("children can't be listed", sweep=sweep.id, reason=error.code)
    after = services.ledger.sweep(sweep.id)
    if after is not None and after.counts.in_progress:  # children that the list does not tell of any more
        _learn_about_hanging(after, services)
        after = services.ledger.sweep(sweep.id)
    return after is not None and after.counts.in_progress == 0


def _learn_about_hanging(sweep: Sweep, services: Services) -> bool:
    """Describes the jobs of a sweep that should have ended by now, and its tuning job; whether any had ended."""
    found = False
    hanging = [each for each in services.ledger.records_of(sweep) if not each.job.is_terminal]
    for each in hanging:
        described = _described(each, services)
        found |= described.is_terminal and record(described, services) is Outcome.RECORDED
    if sweep.kind is SweepKind.TUNING and sweep.tuning_status not in TERMINAL:
        found |= _described_tuning_job(sweep, services)
    return found


def _described(hanging: Record, services: Services) -> Job:
    """The job as Describe has it; one that was deleted counts as stopped when it was last seen."""
    try:
        return services.sagemaker(hanging.key.account, hanging.key.region).describe(hanging.key)
    except (NotFound, Refused) as error:
        reason = f"its end was not seen, and SageMaker no longer tells: {error.code}"
        return replace(hanging.job, status=STOPPED, failure_reason=reason, ended_at=hanging.job.last_modified_at)


def _described_tuning_job(sweep: Sweep, services: Services) -> bool:
    found = tuning_job_of(sweep.tuning_job, sweep.tuning_job.name, services)
    if found is None:
        blank = Job(sweep.tuning_job, STOPPED, ended_at=sweep.last_at, last_modified_at=sweep.last_at)
        return record(blank, services) is Outcome.RECORDED
    return found.job.is_terminal and record(found.job, services) is Outcome.RECORDED


def _postpone(sweep: Sweep, now: datetime, services: Services) -> None:
    """SageMaker says that it still runs."""
    services.ledger.write(sweeps=[(replace(sweep, version=sweep.version + 1), looked_at_again(now))])
