"""Where a message leads to: the report, the console, logs, the model."""

from trialbook.core.analysis.links import console_url, logs_url, stored_url
from trialbook.core.message import Link
from trialbook.core.messages.facts import JobFacts, SweepFacts
from trialbook.core.sweeps import SweepKind


def sweep_links(facts: SweepFacts) -> tuple[Link, ...]:
    """The report first, and the run in MLflow; then the tuning job's page; the best trial's page, logs and model."""
    sweep, report = facts.sweep, facts.report
    links = []
    if report is not None and report.url is not None:
        links.append(Link("Report", report.url))
    if facts.run_url is not None:
        links.append(Link("MLflow run", facts.run_url))
    if sweep.kind is SweepKind.TUNING:
        links.append(Link("Tuning job in the console", console_url(sweep.tuning_job)))
    if report is None or not report.analysis.groups:
        return tuple(links)
    best = report.analysis.groups[0].best
    links += [Link("Best trial in the console", best.console_url), Link("Its logs", best.logs_url)]
    model = stored_url(best.model_artifact, sweep.region)
    return (*links, Link("Its model", model)) if model else tuple(links)


def job_links(facts: JobFacts) -> tuple[Link, ...]:
    """The job's run in MLflow, its page, its logs and its model."""
    job = facts.record.job
    run = (Link("MLflow run", facts.run_url),) if facts.run_url is not None else ()
    links = (*run, Link("Job in the console", console_url(job.key)), Link("Logs", logs_url(job.key)))
    model = stored_url(job.model_artifact, job.key.region)
    return (*links, Link("Model", model)) if model else links
