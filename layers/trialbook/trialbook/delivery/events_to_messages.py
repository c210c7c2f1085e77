"""The messages that follow from an event of Trialbook's bus, each with its destinations.

The facts are read from the ledger when the event is handled, not taken from the event: events may come late, twice or
in any order, and a message says what is so now.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from trialbook.adapters.captured import captured_log
from trialbook.adapters.s3 import Objects
from trialbook.core import report_keys
from trialbook.core.announcements import (
    BEST_TRIAL_CHANGED,
    BEST_TRIALS,
    JOB_CHANGED,
    JOB_FINISHED,
    PIPELINE_TYPES,
    Announcement,
    announcement_of,
)
from trialbook.core.destination import Channel, Defaults, Destination
from trialbook.core.errors import MalformedEvent
from trialbook.core.executions import Execution, execution_of
from trialbook.core.jobs import FAILED, JobKey, JobKind
from trialbook.core.messages.facts import ExecutionFacts, Facts, JobFacts, Report, SweepFacts, WeekFacts
from trialbook.core.mlflow_runs import job_about, sweep_about
from trialbook.core.report_links import link
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record, Sweep, SweepState
from trialbook.delivery.run_pages import RunPage, no_page, run_pages
from trialbook.runtime import clock
from trialbook.runtime.observability import logger
from trialbook.runtime.settings import DestinationSettings
from trialbook.services import Services, hourly_prices

if TYPE_CHECKING:
    from trialbook.core.analysis.model import Analysis
    from trialbook.core.message import Message

_READ = 10  # jobs of a sweep, best first
_LOOKED_AT = 100  # jobs of a sweep, last first, for why they failed
_LINKS_WORK_FOR = timedelta(days=60)
_LONGEST_CHAIN = 20  # sweeps that merged one into the other

MessagesWithDestinations = tuple[tuple["Message", tuple[Destination, ...]], ...]


@dataclass(frozen=True, slots=True)
class Addresses:
    """The destinations and links that a function's settings define: the default route, how links to reports are made
    (key in the bucket and when it expires -> address; None if there are none), and where the run of a sweep or job
    in MLflow is seen (what its delivery is about -> address)."""

    defaults: Defaults = field(default_factory=Defaults)
    report_link: Callable[[str, datetime], str] | None = None
    run_page: RunPage = no_page


def addresses(settings: DestinationSettings, services: Services) -> Addresses:
    """The addresses of a deployed function."""
    defaults = Defaults(settings.slack.channel, settings.slack.webhook_parameter, settings.email.to)
    run_page, links = run_pages(settings.mlflow, services.ledger.table), settings.links
    if not links.url or not links.secret:
        return Addresses(defaults, run_page=run_page)
    from trialbook.adapters.secrets_manager import LinkKeys

    keys = LinkKeys(services.session(), links.secret)

    def report_link(key: str, expires: datetime) -> str:
        until = min(expires, clock.now() + _LINKS_WORK_FOR)  # whatever time an event or a report tells
        return link(links.url, key, *keys.current(), until)

    return Addresses(defaults, report_link, run_page)


def messages_with_destinations(
    envelope: Mapping[str, Any], services: Services, bucket: Objects, where: Addresses, now: datetime | None = None
) -> MessagesWithDestinations:
    """The messages of an event, each with its destinations. Raises MalformedEvent where the envelope is no event
    of Trialbook's."""
    event = announcement_of(envelope)
    if event.type == JOB_CHANGED:
        return ()  # messages are about ended jobs
    if event.type in PIPELINE_TYPES and not _asks_for_pipelines(services.rules()):
        return ()
    facts = _facts(event, services, bucket, where)
    if event.type == BEST_TRIAL_CHANGED and isinstance(facts, SweepFacts):
        event = _with_bests_of_the_ledger(event, facts.sweep, services)
    if facts is None:
        logger.info("no message: its job or sweep is gone", id=event.id)
        return ()
    # What makes messages of facts takes a quarter of a start, which events without a message need not wait for.
    from trialbook.core.messages.compute import messages_of
    from trialbook.core.messages.routing import destinations

    rules, moment = services.rules(), now or clock.now()
    made = messages_of(event, facts, rules)
    covered = _covered(event, facts, services, where.defaults, moment) if isinstance(facts, JobFacts) else frozenset()
    return tuple(
        each
        for message in made
        for each in _with_log_where_shown(
            message, _uncovered(message, destinations(message, rules, where.defaults, moment), covered)
        )
    )


def _asks_for_pipelines(rules: Rules) -> bool:
    if not rules.routes:
        return False
    from trialbook.core.rules.routes import asks_for_pipelines  # loaded already: the rules have routes

    return asks_for_pipelines(rules.routes)


def _covered(
    event: Announcement, facts: JobFacts, services: Services, defaults: Defaults, now: datetime
) -> frozenset[tuple[Channel, str]]:
    """The destinations that report the execution of the job's pipeline. Nothing is read if no route asks for it."""
    rules, key = services.rules(), execution_of(facts.record.job)
    if key is None or not _asks_for_pipelines(rules):
        return frozenset()
    execution = _execution(key, services)
    if execution is None:
        return frozenset()
    from trialbook.core.messages.pipeline import pipeline_message
    from trialbook.core.messages.routing import reporting

    return reporting(pipeline_message(event, execution, rules), rules, defaults, now)


def _uncovered(
    message: "Message", found: tuple[Destination, ...], covered: frozenset[tuple[Channel, str]]
) -> tuple[Destination, ...]:
    """The destinations of a single job's message without those that report its execution. Alerts stay."""
    from trialbook.core.message import MessageKind

    if message.kind is not MessageKind.JOB:
        return found
    return tuple(each for each in found if (each.channel, each.address.casefold()) not in covered)


def _execution(key: JobKey, services: Services) -> Execution | None:
    return services.ledger.pipelines.execution(key, services.ledger.records)


def _with_log_where_shown(
    message: "Message", found: tuple[Destination, ...]
) -> Iterator[tuple["Message", tuple[Destination, ...]]]:
    """The message with the end of the log for destinations whose route asks for it, without it for all others. In Slack
    a sweep's thread shows it; a mail has no thread."""
    from trialbook.core.message import MessageKind

    has_thread = message.kind is MessageKind.SWEEP
    showing = tuple(
        each for each in found if message.log and each.shows_log and not (has_thread and each.channel is Channel.SLACK)
    )
    if showing:
        yield message, showing
    others = tuple(each for each in found if each not in showing)
    if others or not showing:
        yield replace(message, log=""), others


def _facts(event: Announcement, services: Services, bucket: Objects, where: Addresses) -> Facts | None:
    if event.type == BEST_TRIALS:
        return _week_facts(event, services, where)
    if event.type in PIPELINE_TYPES:
        return _execution_facts(event, services)
    if "sweep" in event.detail:
        return sweep_facts(_text(event, "sweep", "sweep"), services, bucket, where)
    return _job_facts(event, services, bucket, where)


def _execution_facts(event: Announcement, services: Services) -> ExecutionFacts | None:
    account, region = (_text(event, "execution", each) for each in ("account", "region"))
    name = "/".join(_text(event, "execution", each) for each in ("pipeline", "execution"))
    execution = _execution(JobKey(account, region, JobKind.PIPELINE_EXECUTION, name), services)
    return None if execution is None else ExecutionFacts(execution)


def _with_bests_of_the_ledger(event: Announcement, sweep: Sweep, services: Services) -> Announcement:
    """The event with the ledger's values and hyperparameters; from the event itself only the names are taken. A job
    that the ledger does not have in that sweep is left out, as is a new best that is no better than the old one
    there."""
    old, new = (_record_in(sweep, event.detail.get(which), services) for which in ("old", "new"))
    is_better = old is None or new is None or new.sweep_rank < old.sweep_rank
    found = {"old": _best(old), "new": _best(new) if is_better else None}
    objective = sweep.objective
    about = {
        "sweep": event.detail["sweep"]["sweep"],  # it may have merged since
        "objective": objective and {"metric": objective.metric, "type": objective.type, "source": objective.source},
    }
    return replace(event, detail={**event.detail, **found, "sweep": about})


def _record_in(sweep: Sweep, named: Any, services: Services) -> Record | None:
    """The ranked job of the sweep that an event names."""
    name = named.get("job_name") if isinstance(named, Mapping) else None
    if not isinstance(name, str) or not name:
        return None
    record = services.ledger.record(JobKey(sweep.account, sweep.region, sweep.trial_kind, name))
    return record if record is not None and record.sweep == sweep.id and record.value is not None else None


def _best(record: Record | None) -> Mapping[str, Any] | None:
    if record is None:
        return None
    return {"job_name": record.job.name, "value": record.value, "hyper_parameters": record.job.hyper_parameters}


def _week_facts(event: Announcement, services: Services, where: Addresses) -> WeekFacts | None:
    """The weekly report as the ledger keeps it; from the event only its id is taken. None if the ledger has none."""
    from trialbook.core.messages.best_trials import REPORT_NOTES, from_detail

    kept = services.ledger.notes.get(event.id) if event.id.startswith(f"{REPORT_NOTES}/") else None
    if kept is None:
        return None
    report = from_detail(json.loads(kept))
    expires = report.until + _LINKS_WORK_FOR
    pages = {
        each.experiment: where.report_link(f"{report_keys.of_experiment(each.experiment)}/{report_keys.PAGE}", expires)
        for each in report.experiments
        if where.report_link is not None
    }
    return WeekFacts(report, pages)


def _text(event: Announcement, *path: str) -> str:
    value: Any = event.detail
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or not value:
        raise MalformedEvent(f"detail.{'.'.join(path)}", value, "a text")
    return value


def _with_reason_of_step(record: Record, services: Services) -> Record:
    """A failed execution with the reason of its first failed step: its own events have none."""
    from trialbook.core.messages.pipeline import why_failed

    execution = None if record.job.failure_reason else _execution(record.key, services)
    reason = None if execution is None else why_failed(execution)
    return record if reason is None else replace(record, job=replace(record.job, failure_reason=reason))


def _job_facts(event: Announcement, services: Services, bucket: Objects, where: Addresses) -> JobFacts | None:
    """The facts of a single job, and the experiment's best job before it. None for a job that ended in a sweep, which
    the sweep's message covers."""
    name, account, region = (_text(event, "job", each) for each in ("job_name", "account", "region"))
    kind = _text(event, "job", "kind")
    if kind not in set(JobKind):
        raise MalformedEvent("detail.job.kind", kind, f"one of {', '.join(JobKind)}")
    record = services.ledger.record(JobKey(account, region, JobKind(kind), name))
    if record is None:
        return None
    if record.key.kind is JobKind.PIPELINE_EXECUTION and record.job.status == FAILED:
        record = _with_reason_of_step(record, services)
    window = services.ledger.sweep(record.sweep) if record.sweep else None
    if event.type == JOB_FINISHED and window is not None and not window.is_single:
        return None
    objective = record.experiment_objective
    before = services.ledger.best_before(window, objective) if window and objective else None
    prices = hourly_prices([record], region, services)
    rules = services.rules()
    baselines = _baselines(record.experiment, record.key, {before.job.name} if before else set(), rules, services)
    run_page = where.run_page(job_about(record.key))
    return JobFacts(record, before, prices, baselines, run_page, _log(record, rules, bucket))


def _log(record: Record, rules: Rules, bucket: Objects) -> str:
    """The end of the log of a job that failed; nothing is read if no route shows it."""
    if record.job.status != FAILED or not any(route.log for route in rules.routes):
        return ""
    return captured_log(record.key, bucket)


def _baselines(
    experiment: str, like: JobKey, names: set[str], rules: Rules, services: Services
) -> Mapping[str, Record]:
    """The jobs that regressions are measured against, by name: the given ones, and those that the rules name. Nothing
    is read if no rule watches for regressions."""
    watching = [each.regression for each in rules.alerts if each.regression and each.concerns(experiment)]
    if not watching:
        return {}
    wanted = names | {each.baseline for each in watching if each.baseline}
    keys = [replace(like, name=name) for name in sorted(wanted)]
    found = (services.ledger.record(key) for key in keys)  # a handful
    return {record.job.name: record for record in found if record is not None}


def sweep_facts(sweep_id: str, services: Services, bucket: Objects, where: Addresses) -> SweepFacts | None:
    """The facts of the sweep, or of the one that it merged into."""
    sweep = living_sweep(sweep_id, services.ledger.sweep)
    return None if sweep is None else facts_of(sweep, services, bucket, where)


def facts_of(sweep: Sweep, services: Services, bucket: Objects, where: Addresses) -> SweepFacts:
    """The facts of a sweep that was read."""
    sweep = replace(sweep, supersedes=tuple(each for each in sweep.supersedes if _has_merged(each, services)))
    top = tuple(services.ledger.ranking(sweep.id, _READ))
    report = _report(sweep, bucket, where)
    groups = report.analysis.groups[:1] if report else ()
    names = {each.job_name for group in groups for each in group.differences}
    like = JobKey(sweep.account, sweep.region, sweep.trial_kind, "")
    rules = services.rules()
    baselines = _baselines(sweep.experiment, like, names, rules, services)
    run = where.run_page(sweep_about(sweep.id))
    return SweepFacts(sweep, top, report, baselines, _failed(sweep, rules, services), run)


def _failed(sweep: Sweep, rules: Rules, services: Services) -> tuple[Record, ...]:
    """Failed jobs, if a rule watches how many fail: the alert gives the reasons, also before there is a report."""
    is_watched = any(rule.failed is not None and rule.concerns(sweep.experiment) for rule in rules.alerts)
    if not sweep.counts.failed or not is_watched:
        return ()
    return tuple(each for each in services.ledger.last_ranked(sweep.id, _LOOKED_AT) if each.job.status == FAILED)


def living_sweep(sweep_id: str, read: Callable[[str], Sweep | None]) -> Sweep | None:
    """The sweep, or the one that it merged into."""
    sweep = read(sweep_id)
    for _ in range(_LONGEST_CHAIN):
        if sweep is None or sweep.superseded_by is None:
            break
        sweep = read(sweep.superseded_by)
    return sweep


def _has_merged(sweep_id: str, services: Services) -> bool:
    """Whether it is still merged: windows may be split again, and one of them then has its former name."""
    sweep = services.ledger.sweep(sweep_id)
    return sweep is not None and sweep.superseded_by is not None


def _report(sweep: Sweep, bucket: Objects, where: Addresses) -> Report | None:
    """The report of the sweep's latest close, if it is built."""
    if sweep.state is not SweepState.CLOSED or not sweep.revision:
        return None
    folder = report_keys.of_revision(sweep.id, sweep.revision)
    data = _digest(folder, bucket)
    if data is None:
        return None
    from trialbook.core.analysis.digest import ALT_TEXT, from_data

    analysis = from_data(data)
    if where.report_link is None:
        url = None
    else:
        page = f"{report_keys.latest(sweep.id)}/{report_keys.PAGE}"
        url = where.report_link(page, analysis.as_of + _LINKS_WORK_FOR)
    alt_text = str(data.get(ALT_TEXT) or analysis.headline)
    return Report(analysis, bucket.name, folder, alt_text, url, _former(sweep, bucket))


def _former(sweep: Sweep, bucket: Objects) -> "Analysis | None":
    """The report of the revision before, which may belong to a sweep that merged into this one."""
    if sweep.revision < 2:
        return None
    folders = (report_keys.of_revision(each, sweep.revision - 1) for each in (sweep.id, *sweep.supersedes))
    found = next((data for folder in folders if (data := _digest(folder, bucket)) is not None), None)
    if found is None:
        return None
    from trialbook.core.analysis.digest import from_data

    return from_data(found)


def _digest(folder: str, bucket: Objects) -> Mapping[str, Any] | None:
    content = bucket.get(f"{folder}/{report_keys.DIGEST}")
    return None if content is None else json.loads(content)
