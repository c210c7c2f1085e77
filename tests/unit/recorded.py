"""The sweeps of the recordings as the ledger holds them at a moment, made without AWS from what SageMaker answered."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from tests.conftest import RECORDINGS
from trialbook.core import report_keys
from trialbook.core.analysis.analyse import analyse
from trialbook.core.analysis.digest import digest
from trialbook.core.assessment import assess, with_tuning_job
from trialbook.core.charts.choice import picture
from trialbook.core.curves.series import Axis, JobCurves, Series
from trialbook.core.describe import job_from_detail, tuning_job_from_describe
from trialbook.core.jobs import Job, JobKind, TuningJob
from trialbook.core.messages.facts import Report, SweepFacts
from trialbook.core.placement import LeftOut, place
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record, Sweep, SweepKind, SweepState, recount, start_of
from trialbook.core.windows import loop_id

ACCOUNT, REGION = "123456789012", "us-east-1"
CHURN, TUNING, NET = "churn-min-child-weight", "tuning-random-60", "net-learning-rate"
_READ = 10  # jobs, as telling reads


@cache
def answers(name: str) -> list[Mapping[str, Any]]:
    lines = (RECORDINGS / name / "sagemaker.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@cache
def jobs(name: str) -> tuple[Job, ...]:
    """The training jobs at their end."""
    tags = {a["request"]["ResourceArn"]: a["response"]["Tags"] for a in answers(name) if a["operation"] == "ListTags"}
    described = [a["response"] for a in answers(name) if a["operation"] == "DescribeTrainingJob"]
    return tuple(
        job_from_detail(
            JobKind.TRAINING, {**each, "Tags": tags.get(each["TrainingJobArn"], [])}, ACCOUNT, REGION, described=True
        )
        for each in described
    )


def tuning_job(name: str) -> TuningJob | None:
    found = [a["response"] for a in answers(name) if a["operation"] == "DescribeHyperParameterTuningJob"]
    return tuning_job_from_describe(found[0], ACCOUNT, REGION) if found else None


def _as_of(job: Job, moment: datetime | None) -> Job:
    if moment is None or (job.ended_at is not None and job.ended_at <= moment):
        return job
    return replace(job, status="InProgress", ended_at=None, final_metrics=(), failure_reason=None, described=False)


def records(name: str, moment: datetime | None = None, rules: Rules | None = None) -> list[Record]:
    """The records of the jobs that were launched by then, as they stood, all in one sweep."""
    tuning, known = tuning_job(name), rules or Rules()
    found = []
    for job in jobs(name):
        if moment is not None and start_of(job) > moment:
            continue
        placement = place(job, known)
        assert not isinstance(placement, LeftOut)
        found.append(assess(_as_of(job, moment), placement, known, tuning.definitions if tuning else ()))
    return found


def sweep_at(name: str, moment: datetime | None = None, rules: Rules | None = None) -> tuple[Sweep, list[Record]]:
    """The sweep at a moment, closed where that is None, with its records, best first."""
    found, tuning, known = records(name, moment, rules), tuning_job(name), rules or Rules()
    first = min(start_of(each.job) for each in found)
    experiment = found[0].experiment
    kind = SweepKind.TUNING if tuning else SweepKind.LOOP
    blank = Sweep(tuning.job.name if tuning else loop_id(experiment, first), kind, experiment, ACCOUNT, REGION)
    if tuning:
        running = replace(tuning, job=replace(tuning.job, status="InProgress", ended_at=None))
        blank = with_tuning_job(blank, running if moment else tuning, known)
    found = [replace(each, sweep=blank.id) for each in found]
    sweep = recount(replace(blank, version=len(found)), found)
    if moment is None:
        sweep = replace(sweep, state=SweepState.CLOSED, revision=1, closed_at=sweep.last_at)
    return sweep, sorted(found, key=lambda each: each.sweep_rank)


@cache
def curves(name: str) -> Mapping[str, JobCurves]:
    """The learning curves of the training jobs, as capture_job keeps them."""
    answer = [json.loads(line) for line in (RECORDINGS / name / "metrics.jsonl").read_text().splitlines()]
    return {
        each["job_name"]: JobCurves(
            each["job_name"],
            {
                metric: Series.of(Axis.ITERATION, ((step, float(value)) for _, step, value in points))
                for metric, points in each["metrics"].items()
            },
        )
        for each in answer
    }


def report_of(sweep: Sweep, found: list[Record], **more: Any) -> Report:
    """The sweep's report as it stands in the bucket."""
    assert sweep.closed_at is not None
    analysis = analyse(sweep, found, as_of=sweep.closed_at, **more)
    folder = report_keys.of_revision(sweep.id, sweep.revision)
    return Report(digest(analysis), "trialbook-reports", folder, picture(analysis).alt)


def facts_at(name: str, moment: datetime | None = None, **more: Any) -> SweepFacts:
    """What a message of the sweep is computed from: at a moment, or at the end with the report."""
    sweep, found = sweep_at(name, moment)
    report = report_of(sweep, found, **more) if moment is None else None
    return SweepFacts(sweep, tuple(found[:_READ]), report)
