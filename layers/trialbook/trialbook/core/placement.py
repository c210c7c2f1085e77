"""Where a job belongs. The first answer wins: its own ExperimentConfig, its tags, the rules document, the default."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from trialbook.core.job_names import base_job_name
from trialbook.core.jobs import Job
from trialbook.core.names import valid_name
from trialbook.core.rules.document import Rules, fill

IGNORE_TAG, EXPERIMENT_TAG, TRIAL_TAG = "trialbook:ignore", "trialbook:experiment", "trialbook:trial"
SWEEP_TAG, OBJECTIVE_TAG = "trialbook:sweep", "trialbook:objective"
_NO = frozenset({"false", "no", "0", "off"})

Answer = tuple[str, str]  # what was found, and who said so


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a job belongs and who said so: `experiment by tag trialbook:experiment, trial by default`.

    `placed_by_sagemaker`: the job's creator named the trial, so SageMaker itself attaches it.
    """

    experiment: str
    trial: str
    placed_by: str
    placed_by_sagemaker: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Trialbook does not record the job, and why."""

    reason: str


def place(job: Job, rules: Rules) -> Placement | LeftOut:
    """Where the job belongs, or why it is left out."""
    kept_away = left_out(job, rules)
    if kept_away is not None:
        return kept_away
    experiment, experiment_by = next(_experiments(job, rules))
    trial, trial_by = next(_trials(job, rules))
    said_by = _said_by(experiment_by, trial_by)
    return Placement(valid_name(experiment), valid_name(trial), said_by, is_placed_by_sagemaker(job))


def is_placed_by_sagemaker(job: Job) -> bool:
    """Whether SageMaker itself attaches the job's component, because its creator named a trial."""
    return job.experiment_config is not None and bool(job.experiment_config.trial_name)


def left_out(job: Job, rules: Rules) -> LeftOut | None:
    """Whether Trialbook leaves the job out. Decided before SageMaker is asked about it."""
    reason = _left_out(job, rules)
    return None if reason is None else LeftOut(reason)


def _said_by(experiment_by: str, trial_by: str) -> str:
    if experiment_by == trial_by:
        return f"experiment and trial by {experiment_by}"
    return f"experiment by {experiment_by}, trial by {trial_by}"


def _left_out(job: Job, rules: Rules) -> str | None:
    tag = job.tags.get(IGNORE_TAG)
    if tag is not None and tag.strip().lower() not in _NO:
        return f"tag {IGNORE_TAG}"
    for rule in rules.placements:
        if rule.ignore is not None and rule.match.matches(job):
            return f"rules document, {rule.name}" if rule.ignore else None
    if job.made_by:
        return f"started by {job.made_by.split(':')[5].split('/')[0] if job.made_by.count(':') >= 5 else 'a service'}"
    return None


def _experiments(job: Job, rules: Rules) -> Iterator[Answer]:
    if job.experiment_config and job.experiment_config.experiment_name:
        yield job.experiment_config.experiment_name, "its ExperimentConfig"
    if job.tags.get(EXPERIMENT_TAG):
        yield job.tags[EXPERIMENT_TAG], f"tag {EXPERIMENT_TAG}"
    yield from _by_rules(job, rules, lambda rule: rule.experiment)
    yield job.pipeline or base_job_name(job.tuning_job or job.name), "default"


def _trials(job: Job, rules: Rules) -> Iterator[Answer]:
    if job.experiment_config and job.experiment_config.trial_name:
        yield job.experiment_config.trial_name, "its ExperimentConfig"
    if job.tags.get(TRIAL_TAG):
        yield job.tags[TRIAL_TAG], f"tag {TRIAL_TAG}"
    yield from _by_rules(job, rules, lambda rule: rule.trial)
    yield job.tuning_job or job.pipeline_execution or job.name, "default"


def _by_rules(job: Job, rules: Rules, read: Callable[..., str | None]) -> Iterator[Answer]:
    for rule in rules.placements:
        template = read(rule)
        if template is not None and rule.match.matches(job):
            text = fill(template, job)
            if text is not None:
                yield text, f"rules document, {rule.name}"
