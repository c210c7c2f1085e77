"""The best-trial report of an experiment, and the index of all experiments."""

from collections.abc import Callable, Sequence

from trialbook.core.analysis.experiment import Compared, ExperimentReport
from trialbook.core.experiments import Experiment
from trialbook.report.rendering import render
from trialbook.report.step_chart import Stairs, StepChart, step_chart

Link = Callable[[str], str]


def experiment_page(report: ExperimentReport, link_of_sweep: Link, index: str) -> str:
    """The page of an experiment; `link_of_sweep` gives the address of a sweep's page, `index` that of the index."""
    values = {
        "r": report,
        "link": link_of_sweep,
        "index": index,
        "records": _records(report),
        "histories": _histories(report.compared, report.objective.label if report.objective else ""),
        "differing": [name for name in report.parameters if _differs(report.compared, name)],
    }
    return render("experiment.html.j2", values, scripted=False)


def index_page(experiments: Sequence[Experiment], link_of_experiment: Link) -> str:
    """The page of all experiments, the latest first."""
    ordered = sorted(experiments, key=lambda each: each.last_at.isoformat() if each.last_at else "", reverse=True)
    return render("index.html.j2", {"experiments": ordered, "link": link_of_experiment}, scripted=False)


def _records(report: ExperimentReport) -> StepChart | None:
    """The record over the sweeps, in their order."""
    if len(report.records) < 2 or report.objective is None:
        return None
    places = {line.sweep: at for at, line in enumerate(report.sweeps, 1)}
    steps = tuple((places[record.sweep], record.value) for record in report.records if record.sweep in places)
    return step_chart([Stairs("record", steps, len(report.sweeps))], "sweeps in order of time", report.objective.label)


def _histories(compared: Sequence[Compared], label: str) -> StepChart | None:
    if len(compared) < 2:
        return None
    stairs = [Stairs(each.sweep, each.steps, each.jobs) for each in compared]
    return step_chart(stairs, "jobs in the order in which they ended", label)


def _differs(compared: Sequence[Compared], name: str) -> bool:
    return len({each.ranges.get(name) for each in compared}) > 1
