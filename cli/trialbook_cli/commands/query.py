"""`trialbook sweeps`, `trials` and `best`: what the ledger knows."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException
from rich.box import SIMPLE_HEAD
from rich.table import Table

from trialbook.adapters.dynamodb import Ledger
from trialbook.core.errors import InvalidInput
from trialbook.core.hyper_parameters import is_internal, varied
from trialbook.core.sweeps import Record, Sweep
from trialbook.core.times import iso_or_none
from trialbook.services import open_services
from trialbook_cli.accounts import session_of, settings_of
from trialbook_cli.outputs import job_line, sweep_line
from trialbook_cli.terminal import BAD_INPUT, FAILED, OK, console, fail, safe, tidy
from trialbook_cli.trials_table import trials_table

Ask = Callable[[Ledger], int]


def ask(stack: str, table: str | None, profile: str | None, region: str | None, question: Ask) -> int:
    """Opens the ledger and asks; says what is wrong in a line."""
    try:
        return question(open_services(settings_of(session_of(profile, region), stack, table)).ledger)
    except InvalidInput as error:
        return fail(str(error), BAD_INPUT)
    except (BotoCoreError, ClientError, PynamoDBException) as error:
        return fail(str(error), FAILED)


def sweeps(ledger: Ledger, experiment: str | None, *, as_json: bool) -> int:
    """The sweeps of an experiment, or all, in order of time."""
    found = list(ledger.sweeps_of(experiment) if experiment else ledger.sweeps())
    if as_json:
        _print_json([sweep_line(sweep) for sweep in found])
    elif found:
        console.print(_sweeps_table(found))
    else:
        console.print("no sweeps yet" if experiment is None else safe(f"experiment {experiment}: no sweeps", 200))
    return OK


def trials(ledger: Ledger, name: str, limit: int, *, as_json: bool) -> int:
    """The jobs of a sweep or an experiment, best first."""
    found = _ranked(ledger, name, limit)
    if not found:
        return _unknown(name)
    if as_json:
        _print_json([job_line(record) for record in found])
    else:
        console.print(trials_table(name, found, varied([record.job.hyper_parameters for record in found])))
    return OK


def best(ledger: Ledger, name: str, *, as_json: bool) -> int:
    """The best job of a sweep or an experiment."""
    found = _ranked(ledger, name, 1)
    if not found:
        return _unknown(name)
    (record,) = found
    if as_json:
        _print_json(job_line(record))
        return OK
    if record.value is None or record.objective is None:
        reason = record.without_objective or f"{record.job.name} is {record.job.status}"
        return fail(f"{name}: no job is ranked; {reason}", FAILED)
    console.print(
        safe(f"{record.objective.metric} {tidy(record.value)} ({record.objective.type.lower()})", 200),
        style="bold green",
    )
    console.print(safe(f"{record.job.name} in experiment {record.experiment}, trial {record.trial}", 300))
    for key, value in sorted(record.job.hyper_parameters.items()):
        if is_internal(key):
            continue
        console.print(safe(f"  {key} = {value}", 200))
    if record.job.model_artifact:
        console.print(safe(f"model: {record.job.model_artifact}", 400), soft_wrap=True)
    return OK


def _ranked(ledger: Ledger, name: str, limit: int) -> Sequence[Record]:
    """The first jobs of the sweep of that name, or else of the experiment: a Query each, reading no more than asked.

    An experiment's jobs are told with the objective that they are ranked by there.
    """
    found = list(islice(ledger.ranking(name, limit), limit))
    if found:
        return found
    return [
        replace(record, objective=record.experiment_objective, value=record.experiment_value)
        for record in islice(ledger.experiment_ranking(name, limit), limit)
    ]


def _unknown(name: str) -> int:
    return fail(f"{name!r} is no sweep and no experiment of the ledger; trialbook sweeps lists them", BAD_INPUT)


def _sweeps_table(found: Sequence[Sweep]) -> Table:
    table = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=0)
    for header in ("started (UTC)", "sweep", "state", "done", "failed", "best"):
        table.add_column(header, justify="right" if header in ("done", "failed", "best") else "left", overflow="fold")
    for sweep in found:
        counts = sweep.counts
        began = (iso_or_none(sweep.began_at) or "unknown")[:16].replace("T", " ")
        value = "–" if sweep.best is None else tidy(sweep.best.value)
        done = f"{counts.ended}/{max(counts.jobs, sweep.max_jobs or 0)}"
        table.add_row(began, safe(sweep.id, 80), sweep.state.value, done, str(counts.failed), value)
    return table


def _print_json(value: object) -> None:
    console.print(json.dumps(value), soft_wrap=True, markup=False)
