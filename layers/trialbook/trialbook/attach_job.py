"""attach_job: attaches a job's trial component to the job's Experiment and Trial.

A job costs at most three calls if nothing fails: CreateExperiment, CreateTrial, Associate. Children of a tuning job
after the first cost one. The Experiment and Trial come from the job's record, which record_job makes with one Describe
at the job's start. This queue waits half a minute for the record; if there is none, SageMaker is asked. Experiments may
fail: the ledger does not depend on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from trialbook.adapters.sagemaker import LimitExceeded, NotFound, Refused, SageMaker, Throttled, Unreadable
from trialbook.core.attachments import WHOLE_EXPERIMENT, Attachment, Shard
from trialbook.core.events import parse_event
from trialbook.core.jobs import Job
from trialbook.core.merging import is_made_anew, is_new_life, merge
from trialbook.core.names import same_name, shard_name, valid_name
from trialbook.core.placement import LeftOut, Placement, left_out, place
from trialbook.core.sweeps import Record
from trialbook.ledger.attachments import Known
from trialbook.record_job import with_experiment_of_trial, with_pipeline
from trialbook.runtime import clock
from trialbook.runtime.observability import count, logger
from trialbook.runtime.sqs_batch import TryLater, backoff
from trialbook.services import Services

# SageMaker usually makes the component within seconds; AWS's own code waits for up to 15 minutes.
_PATIENCE = 8  # deliveries, 40 minutes with the growing delays
_REASSURE_FROM = 3  # deliveries; from then on, an Experiment or Trial that was created may have been deleted since
_FIRST_DELAY, _LONGEST_DELAY = 10, 900  # seconds
_AGAIN_AFTER = timedelta(hours=1)


class AttachOutcome(StrEnum):
    """The outcome of an event."""

    ATTACHED = "attached"
    ALREADY = "already attached"
    NOT_ATTACHED = "not attached"
    LEFT_OUT = "left out"


def attach_job(envelope: object, services: Services, delivery: int = 1) -> AttachOutcome:
    """Attaches the job of an EventBridge envelope. `delivery` is how often SQS has delivered the message.

    Raises NotAJobEvent, and TryLater while the component does not exist or SageMaker throttles.
    """
    seen = parse_event(envelope)
    if not isinstance(seen, Job) or seen.component_name is None:
        return AttachOutcome.LEFT_OUT
    return attach(seen, services, delivery)


def attach(seen: Job, services: Services, delivery: int = 1) -> AttachOutcome:
    """Attaches a job. If that is impossible, the reason is noted and reconcile tries again."""
    seen = services.ledger.masker.job(seen)
    read = _known(seen, services, delivery)
    if _is_done(read.attachment, seen):
        return AttachOutcome.ALREADY
    known = None if _is_of_earlier_job(read.attachment, seen) else read.attachment
    try:
        wanted = _wanted(seen, known, read.record, services, delivery)
        if wanted is None:
            return AttachOutcome.LEFT_OUT
        if not wanted.settled:
            sagemaker = services.sagemaker(seen.key.account, seen.key.region)
            wanted = _Attaching(services, sagemaker, delivery, read.shards).attach(wanted, seen)
    except Throttled as error:
        raise TryLater(error.code, _delay(delivery)) from error
    except Refused as error:  # no right to call it, or a region without Experiments
        wanted = _given_up(seen, known, f"SageMaker refuses: {error}")
    services.ledger.attachments.put(wanted)
    if wanted.problem is not None:
        logger.warning("not attached", job=seen.name, problem=wanted.problem)
        count("JobsNotAttached", reason=wanted.problem.partition(":")[0])
        return AttachOutcome.NOT_ATTACHED
    count("JobsAttached")
    return AttachOutcome.ATTACHED


def _is_of_earlier_job(known: Attachment | None, seen: Job) -> bool:
    """Whether the job was deleted and created again under the same name since it was attached."""
    return known is not None and is_made_anew(known.created_at, seen.created_at)


def _is_done(known: Attachment | None, seen: Job) -> bool:
    """Whether nothing is left to do for the job."""
    return known is not None and known.settled and known.again_at is None and not _is_of_earlier_job(known, seen)


def _known(seen: Job, services: Services, delivery: int) -> Known:
    """What attaching the job depends on. A tuning job's child has no ExperimentConfig, so its event suffices, if the
    trial is known to exist and has one shard. Should the child be attached already, it is attached there again, which
    changes nothing. Of several shards, only the job's own attachment says which one has it."""
    attachments, likely = services.ledger.attachments, _likely(seen, services)
    if likely is not None and seen.tuning_job is not None and not seen.is_terminal and delivery == 1:
        shard = attachments.shard_for_new(seen.key, *likely)
        if shard is not None and shard.number == 1:
            return Known(None, None, {likely: shard})
    return attachments.known(seen.key, likely)


def _likely(seen: Job, services: Services) -> tuple[str, str] | None:
    """Experiment and trial by the event alone: right but where an ExperimentConfig or a pipeline says otherwise."""
    placement = place(seen, services.rules())
    return None if isinstance(placement, LeftOut) else (placement.experiment, placement.trial)


def _given_up(seen: Job, known: Attachment | None, problem: str) -> Attachment:
    blank = known or Attachment(seen.key, "", "", settled=True, created_at=seen.created_at)
    return replace(blank, settled=True, problem=problem[:500], again_at=clock.now() + _AGAIN_AFTER)


def _wanted(
    seen: Job, known: Attachment | None, record: Record | None, services: Services, delivery: int
) -> Attachment | None:
    """Where to attach the job: settled if SageMaker has attached it itself, None if the job is left out."""
    if known is not None and known.experiment:
        return replace(known, settled=False, problem=None, again_at=None)
    placement = _placed(seen, record, services, delivery)
    if isinstance(placement, LeftOut):
        return None
    settled = placement.placed_by_sagemaker
    return Attachment(seen.key, placement.experiment, placement.trial, settled, created_at=seen.created_at)


def _placed(seen: Job, record: Record | None, services: Services, delivery: int) -> Placement | LeftOut:
    """Where the job belongs, by its record; if there is none, SageMaker is asked."""
    rules = services.rules()
    if record is not None and not is_new_life(record.job, seen):
        if _may_be_named_yet(record.job) and delivery < _REASSURE_FROM:
            raise TryLater("its pipeline is not known yet", _delay(delivery))
        return place(record.job, rules)
    return left_out(seen, rules) or place(seen if seen.tuning_job else _described(seen, services), rules)


def _may_be_named_yet(job: Job) -> bool:
    """Whether an event of the pipeline may still say where the job belongs."""
    return job.pipeline_execution is not None and job.pipeline is None and job.experiment_config is None


def _described(seen: Job, services: Services) -> Job:
    """The job with its ExperimentConfig, which events do not contain. Children of tuning jobs have none."""
    try:
        described = services.sagemaker(seen.key.account, seen.key.region).describe(seen.key)
    except (NotFound, Unreadable):
        return seen
    described = with_experiment_of_trial(merge(seen, services.ledger.masker.job(described)), services)
    return with_pipeline(described, services)


def _delay(delivery: int) -> int:
    return backoff(delivery, _FIRST_DELAY, _LONGEST_DELAY)


@dataclass(frozen=True, slots=True)
class _Attaching:
    services: Services
    sagemaker: SageMaker
    delivery: int
    shards: Mapping[tuple[str, str], Shard | None]

    def attach(self, wanted: Attachment, seen: Job) -> Attachment:
        """Associates the job's component with its trial, or with the trial's next shard if one is full."""
        component = seen.component_name
        assert component is not None, "only kinds with a component come here"
        shard = self._shard(wanted, wanted.trial)
        if shard is None or self.delivery >= _REASSURE_FROM:
            shard = self._ensure(wanted, shard.number if shard else 1)
        if not shard.experiment.startswith(wanted.experiment):
            # SageMaker ignores case in names. The log says so: another may have been meant.
            logger.warning(
                "the experiment exists under another spelling", given=wanted.experiment, found=shard.experiment
            )
            count("ExperimentsSpelledTwice")
        while True:
            try:
                self.sagemaker.associate(component, shard.trial)
                return replace(wanted, experiment=shard.experiment, trial=shard.trial, settled=True)
            except LimitExceeded:
                attached = self.services.ledger.attachments.get(wanted.key)  # a full shard may have the job already
                if attached is not None and _is_done(attached, seen):
                    return attached
                shard = self._ensure(wanted, shard.number + 1)
            except NotFound as error:
                if self.delivery >= _PATIENCE:
                    return _given_up(seen, wanted, f"component missing: {component} did not appear")
                self.services.ledger.attachments.put(replace(wanted, again_at=clock.now() + _AGAIN_AFTER))
                self._note(wanted, shard)  # the next delivery need not create it again
                raise TryLater(f"component {component} is not there yet", _delay(self.delivery)) from error

    def _shard(self, wanted: Attachment, trial: str) -> Shard | None:
        """The shard in use of a trial, or of the whole experiment, read unless it was."""
        if (wanted.experiment, trial) in self.shards:
            return self.shards[wanted.experiment, trial]
        return self.services.ledger.attachments.shard(wanted.key, wanted.experiment, trial)

    def _ensure(self, wanted: Attachment, number: int) -> Shard:
        """The n-th shard of the trial, created in the experiment's current shard, or in its next if that is full."""
        known = self._shard(wanted, WHOLE_EXPERIMENT)
        name = known.experiment if known and known.number == 1 else wanted.experiment
        experiment = self._ensure_experiment(wanted, name, known.number if known else 1, is_known=known is not None)
        while True:
            try:
                trial = self._ensure_trial(wanted, shard_name(wanted.trial, number), experiment.experiment)
                break
            except LimitExceeded:
                experiment = self._ensure_experiment(wanted, name, experiment.number + 1, is_known=False)
        shard = Shard(experiment.experiment, trial, number)
        if number > 1 or same_name(wanted.trial) != same_name(wanted.key.name):
            self._note(wanted, shard)  # no other job looks for the first shard of a trial that has the job's own name
        return shard

    def _note(self, wanted: Attachment, shard: Shard) -> None:
        """Records the shard in use of the trial, unless it is recorded."""
        if self.shards.get((wanted.experiment, wanted.trial)) != shard:
            self.services.ledger.attachments.put_shard(wanted.key, wanted.experiment, wanted.trial, shard)

    def _ensure_experiment(self, wanted: Attachment, name: str, number: int, *, is_known: bool) -> Shard:
        ensured = Shard(shard_name(name, number), WHOLE_EXPERIMENT, number)
        if not is_known or self.delivery >= _REASSURE_FROM:
            self.sagemaker.ensure_experiment(ensured.experiment)
            self.services.ledger.attachments.put_shard(wanted.key, wanted.experiment, WHOLE_EXPERIMENT, ensured)
        return ensured

    def _ensure_trial(self, wanted: Attachment, trial: str, experiment: str) -> str:
        """The trial's name, prefixed with the experiment's if another experiment has a trial of that name."""
        for name in (trial, valid_name(f"{wanted.experiment}-{trial}")):
            if self.sagemaker.ensure_trial(name, experiment):
                return name
        raise Refused("TrialNameTaken", f"other experiments have the trials {trial} and {wanted.experiment}-{trial}")
