"""The alerts of the rules document."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trialbook.core.analysis.wording import dollars
from trialbook.core.numbers import full
from trialbook.core.places import is_meant
from trialbook.core.rules.checker import Checker, Path

EXPERIMENT, PREVIOUS_SWEEP = "experiment", "previous sweep"
_PERCENT = re.compile(r"(?P<number>\d+(\.\d+)?)\s*%")


@dataclass(frozen=True, slots=True)
class Regression:
    """Worse than a baseline by more than a margin. `against` is EXPERIMENT (its best before), PREVIOUS_SWEEP (its
    best), or the name of a job; the margin is in the objective's unit, or a share of the other's value."""

    against: str
    absolute: float | None = None
    relative: Decimal | None = None

    @property
    def baseline(self) -> str | None:
        """The job's name, if the baseline is a job."""
        return None if self.against in (EXPERIMENT, PREVIOUS_SWEEP) else self.against

    def is_broken(self, margin: float, relative: float | None) -> bool:
        """Whether a value that is worse by so much breaks the rule. A share of 0 is undefined: then any margin breaks
        it."""
        if self.relative is not None:
            return relative is None or Decimal(repr(relative)) > self.relative
        return margin > (self.absolute or 0.0)

    @property
    def limit(self) -> str:
        """The limit, in words."""
        if self.relative is not None:
            return _as_written(self.relative)
        return full(self.absolute) if self.absolute else "nothing"


@dataclass(frozen=True, slots=True)
class AlertRule:
    """A rule and what breaks it: a regression, a share of failed jobs, a cost in US dollars, or no job with a value to
    rank by. Exactly one is set."""

    name: str
    experiment: str = "*"
    regression: Regression | None = None
    failed: Decimal | None = None
    cost: float | None = None
    no_metric: bool = False

    def concerns(self, experiment: str) -> bool:
        """Whether it watches the experiment."""
        return is_meant(experiment, self.experiment)

    def allows_failed(self, failed: int, total: int) -> bool:
        """Whether so many of the jobs may fail."""
        return self.failed is None or failed <= self.failed * total

    @property
    def share(self) -> str:
        """The share of the jobs that may fail, as it was written."""
        return "" if self.failed is None else _as_written(self.failed)

    @property
    def limit(self) -> str:
        """The limit, in words."""
        if self.regression is not None:
            return f"{self.regression.limit} worse than {_against(self.regression)}"
        if self.failed is not None:
            return f"{self.share} of the jobs failed"
        return f"{dollars(self.cost)} (estimate)" if self.cost is not None else "some job with a value to rank by"


def _as_written(share: Decimal) -> str:
    return f"{share.scaleb(2):f}%"


def _against(regression: Regression) -> str:
    names = {EXPERIMENT: "the experiment's previous best", PREVIOUS_SWEEP: "the previous sweep's best"}
    return names.get(regression.against, f"the baseline {regression.against}")


_ALERT = ("name", "experiment", "regression", "failed", "cost", "no_metric")
_REGRESSION = ("against", "by")
_LONGEST_NAME = 100  # characters: what was sent is kept under it
_CONDITIONS = _ALERT[2:]


def parse_alerts(check: Checker, top: Mapping[str, Any]) -> tuple[AlertRule, ...]:
    """The list under `alerts`. Names are unique, because messages are identified by them."""
    found: dict[str, AlertRule] = {}
    for value, path in check.items(top, "alerts"):
        rule = _alert(check, value, path)
        if rule.name in found:
            check.wrong((*path, "name"), rule.name, "another name than the alerts before")
        found[rule.name] = rule
    return tuple(found.values())


def _alert(check: Checker, value: object, path: Path) -> AlertRule:
    given = check.mapping(value, path, _ALERT)
    if len(given.keys() & set(_CONDITIONS)) != 1:
        check.problem(path, f"expected one of {', '.join(_CONDITIONS)}, and one only")
    no_metric = check.flag(given.get("no_metric"), (*path, "no_metric"))
    if no_metric is False:
        check.wrong((*path, "no_metric"), False, "true")
    regression = given.get("regression")
    name = check.text(given.get("name"), (*path, "name")) or f"alert {int(path[-1]) + 1}"
    if len(name) > _LONGEST_NAME:
        check.wrong((*path, "name"), name, f"a name of at most {_LONGEST_NAME} characters")
    return AlertRule(
        name=name,
        experiment=check.text(given.get("experiment"), (*path, "experiment")) or "*",
        regression=None if regression is None else _regression(check, regression, (*path, "regression")),
        failed=_share(check, given.get("failed"), (*path, "failed")),
        cost=check.number(given.get("cost"), (*path, "cost"), above=0),
        no_metric=bool(no_metric),
    )


def _regression(check: Checker, value: object, path: Path) -> Regression:
    given = check.mapping(value, path, _REGRESSION)
    against = check.text(given.get("against"), (*path, "against"))
    if against is None:
        check.problem(path, f"has no against, expected {EXPERIMENT}, {PREVIOUS_SWEEP} or a job's name")
    by = given.get("by")
    relative = _percentage(by)
    if by is None or relative is not None:
        return Regression(against or EXPERIMENT, None, relative)
    if isinstance(by, str):
        check.wrong((*path, "by"), by, "a number in the objective's unit, or a share such as '2%'")
        return Regression(against or EXPERIMENT)
    return Regression(against or EXPERIMENT, check.number(by, (*path, "by"), above=0))


def _share(check: Checker, value: object, path: Path) -> Decimal | None:
    share = _percentage(value)
    if value is None or (share is not None and share < 1):
        return share
    check.wrong(path, value, "a share of the jobs below 100%, such as '20%'")
    return None


def _percentage(value: object) -> Decimal | None:
    found = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    return None if found is None else Decimal(found["number"]).scaleb(-2)
