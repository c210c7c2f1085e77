"""The jobs that no other one beats in both: the objective, and cost or a second metric."""

from typing import Any

from trialbook.core.analysis.model import Analysis, Front, TrialRow
from trialbook.core.charts.words import quantity
from trialbook.core.numbers import shown
from trialbook.core.seeds import without_seeds
from trialbook_book.jobs import Jobs
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.plain_output import print_json, say
from trialbook_cli.rich_output import console, fail, safe
from trialbook_cli.tables import table_of
from trialbook_cli.visible_text import visible


def show_front(jobs: Jobs, *, as_json: bool) -> int:
    """Prints the front; exit code 1 if nothing can be traded."""
    analysis = jobs.analysis()
    found = analysis.groups[0].front if analysis.groups else None
    if as_json:
        print_json(front_json(analysis, found))
        return OK if found else FAILED
    if found is None:
        return fail(f"{jobs.name}: no front: the best job also costs least, or fewer than ten are ranked.", FAILED)
    rows = {row.job_name: row for row in analysis.trials}
    names = without_seeds(each.name for each in analysis.parameters)
    metric = analysis.groups[0].ranking.metric
    headers = ["job", metric, quantity(found.other), *names]
    table = [
        [safe(each.job_name, 63), shown(each.value), shown(each.other), *_given(rows[each.job_name], names)]
        for each in found.trials
    ]
    trials = f"{len(found.trials):,} of {found.compared:,} jobs"
    say(visible(f"{trials} are beaten by no other in both {metric} and {quantity(found.other)}.", 300))
    console.print(table_of([str(safe(each, 63)) for each in headers], table, right=headers[1:3]))
    return OK


def _given(row: TrialRow, names: tuple[str, ...]) -> list[Any]:
    return [safe("–" if (value := row.hyper_parameters.get(name)) is None else shown(value), 40) for name in names]


def front_json(analysis: Analysis, found: Front | None) -> dict[str, Any]:
    """The front as plain data; `jobs` is empty if there is none."""
    ranking = analysis.groups[0].ranking if analysis.groups else None
    rows = {row.job_name: row for row in analysis.trials}
    return {
        "objective": {"metric": ranking.metric, "type": ranking.type} if ranking else None,
        "against": {"metric": found.other, "type": found.type} if found else None,
        "compared": found.compared if found else 0,
        "jobs": [
            {
                "job_name": each.job_name,
                "value": each.value,
                "other": each.other,
                "hyper_parameters": dict(rows[each.job_name].hyper_parameters),
            }
            for each in (found.trials if found else ())
        ],
    }
