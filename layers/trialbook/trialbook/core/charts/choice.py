"""Which charts a sweep gets: by the shape of what was searched."""

from dataclasses import dataclass
from itertools import combinations

from trialbook.core.analysis.model import Analysis, Group, Kind, Shape
from trialbook.core.charts import words
from trialbook.core.charts.chart import Chart, Theme
from trialbook.core.charts.contour import contour
from trialbook.core.charts.data import ranked
from trialbook.core.charts.front import front_chart
from trialbook.core.charts.learning import learning_curves
from trialbook.core.charts.parallel import parallel
from trialbook.core.charts.progress import history, importance, overview
from trialbook.core.charts.scatter import by_importance, slices, value_by_parameter
from trialbook.core.charts.timeline import timeline
from trialbook.core.charts.words import Words

_NOTHING_SEARCHED = (Shape.ONE_TRIAL, Shape.NOTHING_VARIED)
_MOST_PAIRED = 20  # hyperparameters, the most important ones, of which a pair is chosen for a map


@dataclass(frozen=True, slots=True)
class Outline:
    """A chart before it is drawn: its kind, its words, and the hyperparameters it shows."""

    kind: str
    group: int
    words: Words
    parameters: tuple[str, ...] = ()


def outlines(analysis: Analysis, group: int = 0) -> tuple[Outline, ...]:
    """The charts that make sense for a group, the one that tells most first."""
    last = Outline("timeline", group, words.timeline(analysis))
    if not analysis.groups:
        return (last,)
    found = analysis.groups[group]
    names = tuple(by_importance(found))
    numbers = _map_over(analysis, group)
    made = []
    if len(names) == 1:
        made.append(Outline("value by parameter", group, words.value_by_parameter(found, names[0]), names))
    if found.ranked > 1:
        made.append(Outline("history", group, words.history(found)))
    if found.learning is not None:
        # Below the chart of the search. Without a search, how the trials learned tells more than their values.
        place = 0 if found.shape in _NOTHING_SEARCHED else len(made)
        made.insert(place, Outline("learning curves", group, words.learning(found)))
    if found.importance is not None:
        made.append(Outline("importance", group, words.importance(found), names))
    if len(names) > 1 and found.ranked > 1:
        made.append(Outline("slices", group, words.slices(found), names))
        made.append(Outline("parallel coordinates", group, words.parallel(found), names))
    if numbers:
        place = 0 if found.shape is Shape.TWO_NUMBERS else len(made)
        made.insert(place, Outline("contour", group, words.contour(found, *numbers), numbers))
    if found.front is not None:
        made.append(Outline("front", group, words.front(found)))
    return (*made, last)


def _map_over(analysis: Analysis, group: int) -> tuple[str, ...]:
    """The first two numbers, by importance, that at least two trials have both; empty if there are none. Conditional
    hyperparameters, such as those of two models in one loop, may have no trial in common."""
    rows = ranked(analysis, group)
    with_value = {
        name: {place for place, row in enumerate(rows) if row.hyper_parameters[name] is not None}
        for name in _numbers(analysis, analysis.groups[group])[:_MOST_PAIRED]
    }
    pairs = combinations(with_value, 2)
    return next(((one, other) for one, other in pairs if len(with_value[one] & with_value[other]) > 1), ())


def _numbers(analysis: Analysis, group: Group) -> tuple[str, ...]:
    kinds = {each.name: each.kind for each in analysis.parameters}
    return tuple(name for name in by_importance(group) if kinds[name] is Kind.NUMBER)


def drawn(analysis: Analysis, outline: Outline, theme: Theme = Theme.LIGHT) -> Chart:
    """The chart of an outline."""
    group = outline.group
    match outline.kind:
        case "value by parameter":
            return value_by_parameter(analysis, outline.parameters[0], theme, group)
        case "contour":
            one, other = outline.parameters[:2]
            return contour(analysis, one, other, theme, group)
        case "timeline":
            return timeline(analysis, theme)
    others = {
        "front": front_chart,
        "history": history,
        "importance": importance,
        "learning curves": learning_curves,
        "slices": slices,
        "parallel coordinates": parallel,
    }
    return others[outline.kind](analysis, theme, group)


def charts(analysis: Analysis, theme: Theme = Theme.LIGHT, group: int = 0) -> tuple[Chart, ...]:
    """All charts of a group, drawn."""
    return tuple(drawn(analysis, each, theme) for each in outlines(analysis, group))


def picture(analysis: Analysis, theme: Theme = Theme.LIGHT) -> Chart:
    """The one chart that tells most, for messages."""
    if analysis.groups and analysis.groups[0].importance is not None and analysis.groups[0].shape is Shape.SEVERAL:
        return overview(analysis, theme)
    return drawn(analysis, outlines(analysis)[0], theme)
