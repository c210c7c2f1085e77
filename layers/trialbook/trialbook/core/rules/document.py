"""The rules document: where jobs belong, what they are ranked by, when a loop has finished, where messages go.

`parse_rules` takes the document as plain data with the line of each key, and reports all problems at once.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from trialbook.core.errors import InvalidInput, InvalidRules
from trialbook.core.job_names import base_job_name
from trialbook.core.jobs import Job, JobKind
from trialbook.core.objectives import Objective, ObjectiveSource, parse_objective
from trialbook.core.places import is_meant
from trialbook.core.rules.alerts import AlertRule, parse_alerts
from trialbook.core.rules.checker import Checker, Lines, Path
from trialbook.core.rules.mlflow import MlflowRules, parse_mlflow
from trialbook.core.rules.quiet_hours import Window, parse_quiet_hours
from trialbook.core.rules.routes import Owner, Route, parse_owners, parse_routes

T = TypeVar("T")

DEFAULT_QUIET = timedelta(minutes=10)
OWNER_TAG = "owner"
_LONGEST_QUIET_MINUTES = 24 * 60


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
    routes: tuple[Route, ...] = ()
    alerts: tuple[AlertRule, ...] = ()
    quiet_hours: tuple[Window, ...] = ()
    owner_tag: str = OWNER_TAG
    owners: Mapping[str, Owner] = field(default_factory=dict)
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


def parse_rules(document: object, lines: Lines) -> Rules:
    """The rules in a document of plain data; `lines` tells the line of each path in it.

    Raises InvalidRules with every problem, each naming its line and key.
    """
    rules, problems = rules_and_problems(document, lines)
    if problems:
        raise InvalidRules(problems)
    return rules


def rules_and_problems(document: object, lines: Lines) -> tuple[Rules, tuple[str, ...]]:
    """The rules in a document, without what is wrong in it, and every problem."""
    check = Checker(lines)
    top = check.mapping(document if document is not None else {}, (), _TOP)
    check.choice(top.get("version", 1), ("version",), (1,))
    rules = Rules(
        placements=tuple(_placement(check, each, path) for each, path in check.items(top, "rules")),
        experiments=tuple(_experiment(check, name, top["experiments"][name]) for name in _names(check, top)),
        quiet=_quiet(check, top.get("quiet_minutes"), ("quiet_minutes",)) or DEFAULT_QUIET,
        prices=_prices(check, top.get("prices")),
        routes=parse_routes(check, top),
        alerts=parse_alerts(check, top),
        quiet_hours=parse_quiet_hours(check, top.get("quiet_hours"), ("quiet_hours",)),
        owner_tag=check.text(top.get("owner_tag"), ("owner_tag",)) or OWNER_TAG,
        owners=parse_owners(check, top),
        mlflow=parse_mlflow(check, top),
    )
    return rules, tuple(check.problems)


_TOP = (
    "version",
    "quiet_minutes",
    "rules",
    "experiments",
    "prices",
    "routes",
    "alerts",
    "quiet_hours",
    "owner_tag",
    "owners",
    "mlflow",
)
_RULE = ("name", "match", "experiment", "trial", "ignore")
_MATCH = ("job", "kind", "image", "role", "account", "region", "tags")
_EXPERIMENT = ("objective", "second_objective", "quiet_minutes", "rank_stopped")


def _placement(check: Checker, value: object, path: Path) -> PlacementRule:
    rule = check.mapping(value, path, _RULE)
    match = check.mapping(rule.get("match", {}), (*path, "match"), _MATCH)
    tags = check.mapping(match.get("tags", {}), (*path, "match", "tags"), None)
    texts = {name: check.text(match.get(name), (*path, "match", name)) for name in _MATCH if name != "tags"}
    if texts["kind"] is not None:
        check.choice(texts["kind"], (*path, "match", "kind"), tuple(kind.value for kind in JobKind))
    if not match:
        check.problem((*path, "match"), "missing, expected at least one condition (job: '*' matches all)")
    if not {"experiment", "trial", "ignore"} & rule.keys():
        check.problem(path, "says nothing, expected experiment, trial or ignore")
    number = path[-1]
    return PlacementRule(
        name=check.text(rule.get("name"), (*path, "name")) or f"rule {int(number) + 1}",
        match=Match(
            **texts,
            tags={tag: check.text(glob, (*path, "match", "tags", tag)) or "" for tag, glob in tags.items()},
        ),
        experiment=_template(check, rule, path, "experiment"),
        trial=_template(check, rule, path, "trial"),
        ignore=check.flag(rule.get("ignore"), (*path, "ignore")),
    )


def _template(check: Checker, rule: Mapping[str, Any], path: Path, key: str) -> str | None:
    text = check.text(rule.get(key), (*path, key))
    if text is not None:
        for name in unknown_placeholders(text):
            check.problem(
                (*path, key), f"unknown placeholder {{{name}}}, expected one of {PLACEHOLDERS} or {{tag:KEY}}"
            )
    return text


def _names(check: Checker, top: Mapping[str, Any]) -> list[str]:
    return list(check.mapping(top.get("experiments", {}), ("experiments",), None))


def _experiment(check: Checker, pattern: str, value: object) -> ExperimentRule:
    path: Path = ("experiments", pattern)
    section = check.mapping(value, path, _EXPERIMENT)
    return ExperimentRule(
        pattern=pattern,
        objective=_objective(check, section, path, "objective"),
        second_objective=_objective(check, section, path, "second_objective"),
        quiet=_quiet(check, section.get("quiet_minutes"), (*path, "quiet_minutes")),
        rank_stopped=check.flag(section.get("rank_stopped"), (*path, "rank_stopped")),
    )


def _objective(check: Checker, section: Mapping[str, Any], path: Path, key: str) -> Objective | None:
    text = check.text(section.get(key), (*path, key))
    if text is None:
        return None
    try:
        return parse_objective(text, key, ObjectiveSource.RULES)
    except InvalidInput as error:
        check.wrong((*path, key), error.value, error.expected)
        return None


def _quiet(check: Checker, value: object, path: Path) -> timedelta | None:
    minutes = check.number(value, path, above=0, at_most=_LONGEST_QUIET_MINUTES)
    return None if minutes is None else timedelta(minutes=minutes)


def _prices(check: Checker, value: object) -> dict[str, float]:
    prices = check.mapping(value if value is not None else {}, ("prices",), None)
    found = {name: check.number(price, ("prices", name), above=0) for name, price in prices.items()}
    return {name: price for name, price in found.items() if price is not None}


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
