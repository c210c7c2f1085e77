"""`trialbook best`: the answer that is asked for most. Loads no more than it needs."""

from trialbook.core.hyper_parameters import is_internal
from trialbook.core.numbers import shown
from trialbook_book.book import Book
from trialbook_cli.plain import FAILED, OK, facts, print_json, say, visible


def run(book: Book, name: str, *, as_json: bool) -> int:
    """The best job: its value, hyperparameters and model."""
    jobs = book.find(name)
    (record,) = jobs.first.entries or (None,)
    if record is None:
        return _fail(f"{jobs.name}: no job is recorded yet")
    if as_json:
        from trialbook_cli.outputs import job_line

        print_json(job_line(record))
        return OK
    if record.value is None or record.objective is None:
        reason = record.without_objective or f"{record.job.name} is {record.job.status}"
        return _fail(f"{jobs.name}: no job is ranked; {reason}")
    objective = record.objective
    told = f"{objective.metric} {shown(record.value)} ({objective.type.value.lower()})"
    say(visible(told, 200), "bold green")
    facts([("job", record.job.name), ("experiment", record.experiment), ("trial", record.trial)])
    for key, value in sorted(record.job.hyper_parameters.items()):
        if not is_internal(key):
            say(visible(f"  {key} = {value}", 200))
    facts([("model", record.job.model_artifact)])
    return OK


def _fail(message: str) -> int:
    from trialbook_cli.terminal import fail

    return fail(message, FAILED)
