"""The best-trial report of an experiment, and the index of all experiments."""

from collections.abc import Callable, Sequence

from trialbook.core.analysis.experiment import Compared, ExperimentReport
from trialbook.core.experiments import Experiment
from trialbook.core.numbers import shown
from trialbook.core.objectives import Objective, ObjectiveType
from trialbook.core.sweeps import Counts
from trialbook.report.rendering import render
from trialbook.report.step_chart import HALF, SPARK, Stairs, StepChart, spark_line, step_charts

Link = Callable[[str], str]
Charts = tuple[StepChart, StepChart]  # wide and narrow


def experiment_page(report: ExperimentReport, link_of_sweep: Link, index: str) -> str:
    """The page of an experiment; `link_of_sweep` gives the address of a sweep's page, `index` that of the index."""
    values = {
        "r": report,
        "link": link_of_sweep,
        "index": index,
        "records": _records(report),
        "histories": _histories(report),
        "differing": [name for name in report.parameters if _differs(report.compared, name)],
    }
    return render("experiment.html.j2", values, scripted=False)


def index_page(experiments: Sequence[Experiment], link_of_experiment: Link) -> str:
    """The page of all experiments, the latest first."""
    ordered = sorted(experiments, key=lambda each: each.last_at.isoformat() if each.last_at else "", reverse=True)
    values = {
        "experiments": ordered,
        "sweeps": sum(each.sweeps for each in ordered),
        "totals": sum((each.counts for each in ordered), Counts()),
        "link": link_of_experiment,
        "sparks": {each.name: _spark(each) for each in ordered if len(each.recent) > 1},
        "spark_size": SPARK,
    }
    return render("index.html.j2", values, scripted=False)


def _spark(experiment: Experiment) -> dict[str, object]:
    """The bests of the last sweeps as a small line, with the best of them marked."""
    line, places = spark_line(experiment.recent)
    is_least = experiment.objective is not None and experiment.objective.type is ObjectiveType.MINIMIZE
    best = (min if is_least else max)(experiment.recent)
    bests = ", ".join(shown(value) for value in experiment.recent)
    return {
        "points": line,
        "best": places[experiment.recent.index(best)],
        "alt": f"Best of each sweep in time: {bests}",
    }


def _axis(objective: Objective) -> str:
    better = "lower" if objective.type is ObjectiveType.MINIMIZE else "higher"
    return f"{objective.metric} ({better} is better)"


def _records(report: ExperimentReport) -> Charts | None:
    """The best of each sweep in order of time, and the record over them."""
    objective = report.objective
    if objective is None or not report.records:
        return None
    places = {line.sweep: at for at, line in enumerate(report.sweeps, 1)}
    label = objective.label
    same = [each for each in report.sweeps if each.value is not None and each.objective == label]
    dots = [(places[each.sweep], each.value, each.sweep) for each in same if each.value is not None]
    steps = tuple((places[record.sweep], record.value) for record in report.records if record.sweep in places)
    if len(dots) < 2 or not steps:
        return None
    line = Stairs("record", steps, len(report.sweeps))
    return step_charts([line], "sweeps in order of time", _axis(objective), dots, HALF)


def _histories(report: ExperimentReport) -> Charts | None:
    if len(report.compared) < 2 or report.objective is None:
        return None
    stairs = [Stairs(each.sweep, each.steps, each.jobs) for each in report.compared]
    return step_charts(stairs, "jobs in the order in which they ended", _axis(report.objective))


def _differs(compared: Sequence[Compared], name: str) -> bool:
    return len({each.ranges.get(name) for each in compared}) > 1
