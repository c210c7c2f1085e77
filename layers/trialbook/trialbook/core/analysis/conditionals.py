"""Conditional hyperparameters: those that are set only for some values of another, as `degree` for one `kernel`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trialbook.core.analysis.model import Parameter, Value


@dataclass(frozen=True, slots=True)
class Condition:
    """A hyperparameter whose values say whether another is set."""

    parent: str
    is_set: Mapping[Value, bool]


def conditions_of(
    parameters: Sequence[Parameter], trials: Sequence[Mapping[str, Value]]
) -> dict[str, tuple[Condition, ...]]:
    """The conditions of each hyperparameter that some trials lack; any of its parents says the same of the trials."""
    found: dict[str, tuple[Condition, ...]] = {}
    for child in parameters:
        is_set = [trial.get(child.name) is not None for trial in trials]
        if all(is_set) or not any(is_set):
            continue
        decided = [
            Condition(parent.name, seen)
            for parent in parameters
            if parent.name != child.name
            and (seen := _decides([trial.get(parent.name) for trial in trials], is_set)) is not None
        ]
        if decided:
            found[child.name] = tuple(decided)
    return found


def _decides(column: Sequence[Value], is_set: Sequence[bool]) -> Mapping[Value, bool] | None:
    """Whether each value goes with being set; None if equal values do not always, or values hardly come again."""
    seen: dict[Value, bool] = {}
    if len(set(column)) > len(column) / 2:
        return None
    if all(seen.setdefault(value, has) == has for value, has in zip(column, is_set, strict=True)):
        return seen
    return None
