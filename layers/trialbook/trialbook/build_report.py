"""build_report: analyses a finished sweep and saves its page and picture to S3 under stable keys."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from trialbook.adapters.captured import all_captured_curves, captured_log
from trialbook.adapters.eventbridge import EventBus
from trialbook.adapters.s3 import Bucket, BusyObject, Readable
from trialbook.core import report_keys
from trialbook.core.analysis.analyse import analyse
from trialbook.core.analysis.digest import digest, from_data
from trialbook.core.analysis.experiment import MOST_COMPARED, ExperimentReport, experiment_report
from trialbook.core.analysis.learning import worth_reading
from trialbook.core.analysis.machine_advice import machines_to_price
from trialbook.core.analysis.machine_use import uses
from trialbook.core.analysis.model import Analysis, FailureGroup
from trialbook.core.announcements import SWEEP_FINISHED, report_ready
from trialbook.core.charts.choice import picture
from trialbook.core.curves.series import JobCurves
from trialbook.core.errors import InvalidInput, MalformedEvent
from trialbook.core.experiments import by_objective
from trialbook.core.jobs import JobKey, JobKind
from trialbook.core.mlflow_runs import sweep_about
from trialbook.core.objectives import Objective
from trialbook.core.sweeps import Record, Sweep, SweepState
from trialbook.delivery.run_pages import RunPage, no_page
from trialbook.ledger.leading import leading, put_entry
from trialbook.ledger.ledger import Ledger
from trialbook.ledger.table import NotSettled
from trialbook.report import experiment_files, files, index_file
from trialbook.runtime import clock
from trialbook.runtime.observability import correlation_id, count, logger
from trialbook.runtime.sqs_batch import TryLater
from trialbook.services import Services, hourly_prices

_SETTLES_IN = 5  # seconds; usually the index then has all jobs that the sweep counts
_BEST_READ = 2  # jobs: the champion and the second best
_LOGS_SHOWN = 5  # groups of failures
_LOGS_TRIED = 3  # jobs of a group
_LOOKED_BACK = 10  # sweeps, among which one with a best trial is looked for
_CAPTURED_IN = 240  # seconds after a job's end; by then its curves are kept, unless AWS is busy

# The curves that are kept of jobs, by job; those of which nothing is kept are left out.
ReadCurves = Callable[[Collection[JobKey]], Mapping[JobKey, JobCurves]]


def no_curves(keys: Collection[JobKey]) -> Mapping[JobKey, JobCurves]:
    """Where no curves are kept."""
    return {}


def build_report(
    envelope: Mapping[str, Any],
    services: Services,
    bucket: Bucket,
    bus: EventBus,
    *,
    has_curves: bool = False,
    run_page: RunPage = no_page,
) -> str | None:
    """Builds the report for a Sweep Finished event and announces Report Ready; returns the sweep's id. `has_curves`:
    capture_job keeps the curves of jobs in the bucket. The page links to the sweep's run in MLflow, if it is there.

    A repeated run writes the same bytes. None if there is nothing to build: the sweep is gone, merged into another or
    open again. Raises MalformedEvent, and TryLater while the index lags behind the sweep, or the curves of a job that
    ended just now are not there yet.
    """
    sweep_id = _sweep_id(envelope)
    sweep = services.ledger.sweep(sweep_id)
    if sweep is None or sweep.superseded_by is not None or sweep.state is not SweepState.CLOSED:
        logger.info("no report: the sweep is gone or open again", sweep=sweep_id)
        return None
    try:
        records = services.ledger.records_of(sweep)
    except NotSettled as error:
        raise TryLater(str(error), _SETTLES_IN) from error
    read = _reading(records, bucket) if has_curves else no_curves
    analysis = with_logs(analysis_of(sweep, records, services, read), sweep, bucket)
    _write_sweep(sweep, analysis, bucket, run_page(sweep_about(sweep.id)))
    try:
        _write_experiment(sweep, analysis, services, bucket)
    except BusyObject as error:
        raise TryLater(str(error), _SETTLES_IN) from error
    ready = report_ready(sweep, bucket.name, analysis.headline, picture(analysis).alt)
    bus.publish([replace(ready, cause=correlation_id())])
    count("ReportsBuilt")
    return sweep_id


def _sweep_id(envelope: Mapping[str, Any]) -> str:
    if envelope.get("detail-type") != SWEEP_FINISHED:
        raise MalformedEvent("detail-type", envelope.get("detail-type"), SWEEP_FINISHED)
    detail = envelope.get("detail")
    sweep = detail.get("sweep") if isinstance(detail, Mapping) else None
    sweep_id = sweep.get("sweep") if isinstance(sweep, Mapping) else None
    if not isinstance(sweep_id, str) or not sweep_id:
        raise MalformedEvent("detail.sweep.sweep", sweep_id, "the id of a sweep")
    return sweep_id


def _reading(records: Sequence[Record], bucket: Bucket) -> ReadCurves:
    """Reads curves from the bucket. Raises TryLater while those of a job that ended just now are missing."""

    def read(keys: Collection[JobKey]) -> Mapping[JobKey, JobCurves]:
        found = all_captured_curves(keys, bucket)
        ends = [each.job.ended_at for each in records if each.key in keys and each.key not in found]
        latest = max((each for each in ends if each is not None), default=None)
        left = 0.0 if latest is None else _CAPTURED_IN - (clock.now() - latest).total_seconds()
        if left > 0:
            raise TryLater("the curves of its last jobs are not kept yet", round(left) + 1)
        return found

    return read


def analysis_of(
    sweep: Sweep, records: Sequence[Record], services: Services, read_curves: ReadCurves = no_curves
) -> Analysis:
    """A sweep's analysis, compared with its experiment's earlier sweeps. The same ledger and the same curves give the
    same analysis."""
    as_of = sweep.closed_at or sweep.last_at or sweep.began_at
    if as_of is None:
        raise InvalidInput("sweep", sweep.id, "a sweep that has begun")
    ledger = services.ledger
    before = (each for each in ledger.sweeps_before(sweep, _LOOKED_BACK) if each.best is not None)
    read = worth_reading([each for each in records if each.key.kind is JobKind.TRAINING])
    curves = {key.name: each for key, each in read_curves({record.key for record in read}).items()}
    others = machines_to_price(uses([record.job for record in read], curves))
    return analyse(
        sweep,
        records,
        as_of=as_of,
        previous=next(before, None),
        experiment_best=ledger.best_before(sweep, sweep.objective) if sweep.objective else None,
        prices=hourly_prices(records, sweep.region, services, others),
        curves=curves,
        second=services.rules().second_objective(sweep.experiment),
    )


def with_logs(analysis: Analysis, sweep: Sweep, bucket: Readable) -> Analysis:
    """The analysis with the end of a log for each of its first groups of failures, as far as the bucket has them."""

    def with_log(group: FailureGroup) -> FailureGroup:
        for name in group.job_names[:_LOGS_TRIED]:
            log = captured_log(JobKey(sweep.account, sweep.region, JobKind.TRAINING, name), bucket)
            if log:
                return replace(group, log=log, log_of=name)
        return group

    failures = [*map(with_log, analysis.failures[:_LOGS_SHOWN]), *analysis.failures[_LOGS_SHOWN:]]
    return replace(analysis, failures=tuple(failures))


def _write_sweep(sweep: Sweep, analysis: Analysis, bucket: Bucket, run: str | None) -> None:
    """Saves the revision, then the latest report, also for the sweeps that merged into this one: their links stay
    valid."""
    links = {"experiment": report_keys.experiment_from_sweep(sweep.experiment)}
    made = files(analysis, links if run is None else {**links, "mlflow": run})
    newest = [report_keys.latest(each) for each in (sweep.id, *sweep.supersedes)]
    for folder in (report_keys.of_revision(sweep.id, sweep.revision), *newest):
        for name, content in made.items():
            bucket.put(f"{folder}/{name}", content)


def _write_experiment(sweep: Sweep, analysis: Analysis, services: Services, bucket: Bucket) -> None:
    """Saves the best-trial report of the sweep's experiment, and the index. Earlier sweeps are compared by the digests
    of their own reports: their jobs are not read again."""
    folder, made = report_keys.of_experiment(sweep.experiment), dict[str, bytes]()

    def page() -> bytes:
        made.update(experiment_files(_experiment_report(sweep, analysis, services, bucket)))
        return made[report_keys.PAGE]

    bucket.replace(f"{folder}/{report_keys.PAGE}", page)
    for file in made.keys() - {report_keys.PAGE}:
        bucket.put(f"{folder}/{file}", made[file])
    bucket.replace(report_keys.INDEX, lambda: index_file(list(services.ledger.experiments)))


def _experiment_report(sweep: Sweep, analysis: Analysis, services: Services, bucket: Bucket) -> ExperimentReport:
    """The best-trial report of the sweep's experiment. Also writes the experiment's entry in the ledger."""

    def digest_of(each: Sweep) -> Analysis | None:
        return digest(analysis) if each.id == sweep.id else _digest(each, bucket)

    report, sweeps, best = experiment_report_of(sweep.experiment, services, digest_of, analysis.as_of, sweep.id)
    put_entry(sweep.experiment, sweeps, best, services.ledger)
    return report


def experiment_report_of(
    experiment: str,
    services: Services,
    digest_of: Callable[[Sweep], Analysis | None],
    as_of: datetime,
    newest: str | None = None,
) -> tuple[ExperimentReport, Sequence[Sweep], Sequence[Record]]:
    """The best-trial report of an experiment, its sweeps as it ranks them, and its best jobs. Writes nothing.

    Compares the latest sweeps that have closed, always with the one named `newest`.
    """
    ledger = services.ledger
    ahead = leading(experiment, ledger, services.rules(), _BEST_READ)
    best, objective = ahead.best, ahead.objective
    sweeps = [_by_objective(each, objective, ledger) for each in ahead.sweeps]
    most = MOST_COMPARED - (newest is not None)
    others = [each for each in sweeps if each.id != newest and each.revision][-most:]
    chosen = {newest, *(each.id for each in others)}
    compared = [found for each in sweeps if each.id in chosen and (found := digest_of(each)) is not None]
    return experiment_report(experiment, objective, sweeps, best, compared, as_of), sweeps, best


def _by_objective(sweep: Sweep, objective: Objective | None, ledger: Ledger) -> Sweep:
    """The sweep as its experiment ranks it. Its jobs are read only if its own objective is another one."""
    if objective is None or objective.is_like(sweep.objective):
        return sweep
    return by_objective(sweep, objective, ledger.ranking(sweep.id))


def _digest(sweep: Sweep, bucket: Bucket) -> Analysis | None:
    content = bucket.get(f"{report_keys.latest(sweep.id)}/{report_keys.DIGEST}")
    return None if content is None else from_data(json.loads(content))
