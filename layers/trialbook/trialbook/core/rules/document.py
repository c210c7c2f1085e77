"""The rules of a user: where jobs belong, what they are ranked by, when a loop has finished, where messages go.

`parse_rules` in `parsing` makes them of a document. Without a document, a function needs neither that nor what it
imports, and starts sooner.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar

from trialbook.core.job_names import base_job_name
from trialbook.core.jobs import Job
from trialbook.core.objectives import Objective
from trialbook.core.places import is_meant
from trialbook.core.rules.mlflow import MlflowRules

if TYPE_CHECKING:
    from trialbook.core.rules.alerts import AlertRule
    from trialbook.core.rules.quiet_hours import Window
    from trialbook.core.rules.routes import Owner, Route

T = TypeVar("T")

DEFAULT_QUIET = timedelta(minutes=10)
OWNER_TAG = "owner"


@dataclass(frozen=True, slots=True)
class Match:
    """Conditions that must all hold; each a glob, compared with regard to case. `tags` by key."""

    job: str | None = None
    kind: str | None = None
    image: str | None = None
    role: str | None = None
    account: str | None = None
    region: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def matches(self, job: Job) -> bool:
        """Whether every condition holds for the job."""
        facts = (
            (self.job, job.name),
            (self.kind, job.key.kind.value),
            (self.image, job.image or job.algorithm),
            (self.role, job.role),
            (self.account, job.key.account),
            (self.region, job.key.region),
            *((pattern, job.tags.get(tag)) for tag, pattern in self.tags.items()),
        )
        return all(pattern is None or (text is not None and fnmatchcase(text, pattern)) for pattern, text in facts)


@dataclass(frozen=True, slots=True)
class PlacementRule:
    """Where the jobs that match belong; `ignore` leaves them out, `ignore: false` keeps what is left out by default."""

    name: str
    match: Match
    experiment: str | None = None
    trial: str | None = None
    ignore: bool | None = None


@dataclass(frozen=True, slots=True)
class ExperimentRule:
    """How the experiments whose name matches the glob are ranked and windowed."""

    pattern: str
    objective: Objective | None = None
    quiet: timedelta | None = None
    rank_stopped: bool | None = None
    second_objective: Objective | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules document, checked. The empty one is valid: everything has a default."""

    placements: tuple[PlacementRule, ...] = ()
    experiments: tuple[ExperimentRule, ...] = ()
    quiet: timedelta = DEFAULT_QUIET
    prices: Mapping[str, float] = field(default_factory=dict)
    routes: "tuple[Route, ...]" = ()
    alerts: "tuple[AlertRule, ...]" = ()
    quiet_hours: "tuple[Window, ...]" = ()
    owner_tag: str = OWNER_TAG
    owners: "Mapping[str, Owner]" = field(default_factory=dict)
    mlflow: MlflowRules = field(default_factory=MlflowRules)

    def objective(self, experiment: str) -> Objective | None:
        """The objective that the document gives an experiment; the first section that says one wins."""
        return self._first(experiment, lambda rule: rule.objective)

    def second_objective(self, experiment: str) -> Objective | None:
        """A metric that an experiment's objective is traded against, such as latency."""
        return self._first(experiment, lambda rule: rule.second_objective)

    def quiet_period(self, experiment: str) -> timedelta:
        """How long nothing may run before a loop of the experiment has finished."""
        return self._first(experiment, lambda rule: rule.quiet) or self.quiet

    def rank_stopped(self, experiment: str) -> bool | None:
        """Whether stopped jobs of the experiment rank; None: as their kind has it."""
        return self._first(experiment, lambda rule: rule.rank_stopped)

    def _first(self, experiment: str, read: Callable[[ExperimentRule], T | None]) -> T | None:
        fitting = (rule for rule in self.experiments if is_meant(experiment, rule.pattern))
        return next((value for rule in fitting if (value := read(rule)) is not None), None)


PLACEHOLDERS = "{job}, {base}, {kind}, {tuning_job}, {pipeline_execution}, {account}, {region}"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def _facts(job: Job) -> dict[str, str]:
    return {
        "job": job.name,
        "base": base_job_name(job.tuning_job or job.name),
        "kind": job.key.kind.value,
        "tuning_job": job.tuning_job or "",
        "pipeline_execution": job.pipeline_execution or "",
        "account": job.key.account,
        "region": job.key.region,
    }


def unknown_placeholders(template: str) -> list[str]:
    """The names in braces that `fill` does not know."""
    known = re.findall(r"\{(\w+)\}", PLACEHOLDERS)
    return [name for name in _PLACEHOLDER.findall(template) if name not in known and not name.startswith("tag:")]


def fill(template: str, job: Job) -> str | None:
    """The template with the job's facts in place of `{job}`, `{tag:team}` and so on; None if one is missing, so that
    the next rule decides."""
    facts = {**_facts(job), **{f"tag:{key}": value for key, value in job.tags.items()}}
    names = _PLACEHOLDER.findall(template)
    if any(not facts.get(name) for name in names):
        return None
    return _PLACEHOLDER.sub(lambda found: facts[found[1]], template)
