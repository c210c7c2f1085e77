"""Makes rules of the rules document.

`parse_rules` takes the document as plain data with the line of each key, and reports all problems at once.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from trialbook.core.errors import InvalidInput, InvalidRules
from trialbook.core.jobs import JobKind
from trialbook.core.objectives import Objective, ObjectiveSource, parse_objective
from trialbook.core.rules.alerts import parse_alerts
from trialbook.core.rules.checker import Checker, Lines, Path
from trialbook.core.rules.document import (
    DEFAULT_QUIET,
    OWNER_TAG,
    PLACEHOLDERS,
    ExperimentRule,
    Match,
    PlacementRule,
    Rules,
    unknown_placeholders,
)
from trialbook.core.rules.mlflow import parse_mlflow
from trialbook.core.rules.quiet_hours import parse_quiet_hours
from trialbook.core.rules.routes import parse_owners, parse_routes

_LONGEST_QUIET_MINUTES = 24 * 60


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
