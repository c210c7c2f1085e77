"""Metrics on training and on validation data, where their names pair: `train:error` and `validation:error`."""

import re
from collections.abc import Iterable, Mapping, Sequence

from trialbook.core.analysis.arithmetic import median
from trialbook.core.analysis.model import Gap, Value
from trialbook.core.numbers import Number, within

_TRAIN = ("train", "training", "tr")
_VALIDATION = ("validation", "valid", "val", "eval", "evaluation", "dev", "test")
_WORDS = re.compile(r"[a-z0-9]+")


def gaps(best: Mapping[str, Value], trials: Sequence[Mapping[str, Value]]) -> tuple[Gap, ...]:
    """The pairs that the best trial has, with the median difference over all trials that have both."""
    found = []
    for train_metric, validation_metric in _pairs(best):
        train, validation = best[train_metric], best[validation_metric]
        if not isinstance(train, Number) or not isinstance(validation, Number):
            continue
        difference = within(validation - train)
        others = [
            within(other - own)
            for trial in trials
            if isinstance(own := trial.get(train_metric), Number)
            and isinstance(other := trial.get(validation_metric), Number)
        ]
        relative = within(abs(difference) / abs(train)) if train else None
        found.append(Gap(train_metric, validation_metric, train, validation, difference, relative, median(others)))
    return tuple(found)


def paired_with(metric: str, names: Iterable[str]) -> str | None:
    """The metric on training data that the metric is compared with, also if its name says nothing of validation: `loss`
    beside `train_loss`. None if there is none."""
    given = list(names)
    data_set, stem = _parted(metric)
    alike = {found: name for name in given for found, other in (_parted(name),) if other == stem and found in _TRAIN}
    beside = next((alike[each] for each in _TRAIN if each in alike), None) if not data_set else None
    return next((train for train, validation in _pairs(given) if validation == metric), beside)


def _pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """(on training data, on validation data), the first validation set in our order of preference."""
    by_stem: dict[tuple[str, ...], dict[str, str]] = {}
    for name in names:
        data_set, stem = _parted(name)
        by_stem.setdefault(stem, {}).setdefault(data_set, name)
    pairs = []
    for found in by_stem.values():
        train = next((found[each] for each in (*_TRAIN, "") if each in found), None)
        validation = next((found[each] for each in _VALIDATION if each in found), None)
        if train is not None and validation is not None:
            pairs.append((train, validation))
    return pairs


def _parted(name: str) -> tuple[str, tuple[str, ...]]:
    """The data set a metric's name tells, "" where it tells none (Keras: `loss` beside `val_loss`), and the rest."""
    words = _WORDS.findall(name.lower())
    for place in (0, len(words) - 1):
        if len(words) > 1 and words[place] in (*_TRAIN, *_VALIDATION):
            return words[place], tuple(words[:place] + words[place + 1 :])
    return "", tuple(words)
