"""A replay: a recording through the deployed wiring, and what is in the ledger and in SageMaker afterwards."""

import json
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trialbook.adapters.rules_document import read_rules
from trialbook.core import report_keys
from trialbook.core.attachments import Attachment
from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import Job, JobKind
from trialbook.core.kinds import POLLED
from trialbook.core.sweeps import Record, Sweep
from trialbook.core.times import parse_time
from trialbook_book.folder import FILE, key_of, line_of
from trialbook_book.paged import PagedLedger
from trialbook_cli.laptop_cloud import LaptopCloud, Recording
from trialbook_cli.outputs import Line, job_line, sweep_line, write_lines
from trialbook_cli.places import homes, members, stand_in
from trialbook_cli.sagemaker_stand_in import Account, SageMaker
from trialbook_cli.slack_stand_in import Workspace
from trialbook_cli.telemetry_stand_in import Telemetry

if TYPE_CHECKING:
    from trialbook_cli.mlflow_replay import ReplayedMlflow

# The stack's parameters that turn kinds of jobs on.
_OPTIONAL = {"ModelCustomization": (JobKind.MODEL_CUSTOMIZATION,), "JobsApi": POLLED}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Where a replay sends what a deployment without rules would send: made up, so that people see what they would get.
LAPTOP = {
    "SlackChannel": "#training",
    "SlackTokenParameter": "/trialbook/slack-token",
    "EmailFrom": "trialbook@example.com",
    "EmailTo": "team@example.com",
}


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """The result of a replay. `calls` counts API calls by function, service and operation; `slack` is the workspace
    with what is in it."""

    records: tuple[Record, ...]
    sweeps: tuple[Sweep, ...]
    experiments: Mapping[str, Mapping[str, list[str]]]
    dead_letters: Mapping[str, list[str]]
    passed_by: int
    calls: Mapping[tuple[str, str, str], int]
    deaths: int = 0
    announced: tuple[Mapping[str, Any], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    capacity: Mapping[tuple[str, str], float] = field(default_factory=dict)
    reports: Mapping[str, bytes] = field(default_factory=dict)
    prices: Mapping[str, float] = field(default_factory=dict)
    items: tuple[dict[str, Any], ...] = ()
    slack: Workspace = field(default_factory=Workspace)
    mails: tuple[bytes, ...] = ()

    def job_lines(self) -> list[Line]:
        """The lines of jobs.jsonl, by name."""
        singles = frozenset(sweep.id for sweep in self.sweeps if sweep.is_single)
        return [job_line(record, singles, self.prices) for record in self.records]

    def sweep_lines(self) -> list[Line]:
        """The lines of sweeps.jsonl, in order of time."""
        jobs: dict[str | None, list[Job]] = {}
        for record in self.records:
            jobs.setdefault(record.sweep, []).append(record.job)
        return [sweep_line(each, jobs.get(each.id, ()), self.prices) for each in self.sweeps if not each.is_single]


@contextmanager
def running(
    recording: Recording,
    *,
    dynamodb_url: str | None = None,
    without: Collection[str] = (),
    rules: str | None = None,
    parameters: Mapping[str, str] = MappingProxyType({}),
    slack: Workspace | None = None,
    here: Account | None = None,
) -> Iterator[tuple[LaptopCloud, SageMaker]]:
    """A laptop cloud with the recording's SageMaker behind it, before the first event; `rules` is the document,
    `parameters` are the stack's, `slack` stands in for Slack.

    It runs `here`, by default in the account and region of the recording's first event; others that the recording has
    jobs of are members, as member.yaml makes them. Jobs are captured if the recording has measurements.
    """
    sagemaker = stand_in(recording, here, lambda: _EPOCH)
    start = _start(recording, sagemaker)
    captures = {} if recording.measured else {"CaptureJobs": "off"}
    optional = {
        parameter: "on"
        for parameter, kinds in _OPTIONAL.items()
        if any(there.jobs[kind] for kind in kinds for there in (sagemaker, *sagemaker.elsewhere.values()))
    }
    with LaptopCloud.start(
        sagemaker,
        start,
        dynamodb_url=dynamodb_url,
        without=without,
        rules=rules,
        parameters={**LAPTOP, **members(sagemaker), **captures, **optional, **parameters},
        slack=slack or Workspace(makes_channels=True),
        telemetry=Telemetry(recording.measured, sagemaker.now, homes(recording)),
    ) as cloud:
        yield cloud, sagemaker


def replay(
    recording: Recording,
    *,
    dynamodb_url: str | None = None,
    progress: Callable[[int], None] = lambda done: None,
    prepare: Callable[[LaptopCloud, SageMaker], None] = lambda cloud, sagemaker: None,
    without: Collection[str] = (),
    rules: str | None = None,
    mlflow: str | None = None,
) -> ReplayOutcome:
    """Runs the recording to its end. `progress` is given how many events were delivered; `prepare` may set hooks; the
    functions in `without` are not deployed; `mlflow` is the address of a server to which runs are written. Raises
    MlflowRefuses if it does not answer."""
    passed_by = 0
    to_mlflow = _opened(mlflow) if mlflow else None
    parameters = to_mlflow.parameters if to_mlflow else {}
    with running(recording, dynamodb_url=dynamodb_url, without=without, rules=rules, parameters=parameters) as (
        cloud,
        sagemaker,
    ):
        if to_mlflow is not None:
            to_mlflow.let_write(cloud)
        prepare(cloud, sagemaker)
        for number, event in enumerate(recording.events, 1):
            passed_by += not cloud.deliver(event)
            progress(number)
        cloud.finish()
        found = outcome_of(cloud, sagemaker, passed_by)
        return found if rules is None else replace(found, prices=read_rules(rules).prices)


def _opened(uri: str) -> "ReplayedMlflow":
    from trialbook_cli.mlflow_access import access
    from trialbook_cli.mlflow_replay import ReplayedMlflow

    return ReplayedMlflow.opened(uri, access())


def outcome_of(cloud: LaptopCloud, sagemaker: SageMaker, passed_by: int = 0) -> ReplayOutcome:
    """The contents of the ledger and of SageMaker now."""
    records = sorted(cloud.ledger.jobs(), key=lambda record: (record.job.name, record.key.kind))
    windows = {sweep.id: sweep for sweep in cloud.ledger.all_sweeps() if sweep.superseded_by is None}
    ordered = sorted(windows.values(), key=lambda sweep: (sweep.began_at or _EPOCH, sweep.id))
    return ReplayOutcome(
        records=tuple(records),
        sweeps=tuple(ordered),
        experiments=sagemaker.standing(),
        dead_letters=cloud.dead_letters(),
        passed_by=passed_by,
        calls=dict(cloud.calls),
        capacity=dict(cloud.capacity),
        deaths=cloud.died,
        announced=tuple(cloud.announced()),
        attachments=tuple(cloud.ledger.attachments.of(record.key for record in records)),
        mails=tuple(cloud.mails()),
        items=tuple(sorted(PagedLedger(cloud.ledger.table.name, region=cloud.account.region).items(), key=key_of)),
        slack=cloud.slack,
        reports={key: content for key, content in cloud.stored() if report_keys.REVISION not in key},
    )


def _start(recording: Recording, sagemaker: SageMaker) -> datetime:
    moments = [sagemaker.next_polled_change(_EPOCH), *(_moment(event) for event in recording.events)]
    return min((moment for moment in moments if moment is not None), default=_EPOCH)


def _moment(event: Mapping[str, Any]) -> datetime | None:
    try:
        return parse_time(event.get("time"), "time")
    except InvalidInput:
        return None


def write_outcome(outcome: ReplayOutcome, folder: Path) -> None:
    """The outcome as files, all or nothing: they are written beside the folder and moved there when complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as made:
        write_lines(Path(made) / "jobs.jsonl", outcome.job_lines())
        write_lines(Path(made) / "sweeps.jsonl", outcome.sweep_lines())
        (Path(made) / FILE).write_text("".join(line_of([item]) for item in outcome.items), encoding="utf-8")
        experiments = json.dumps(outcome.experiments, indent=2, ensure_ascii=False) + "\n"
        (Path(made) / "experiments.json").write_text(experiments, encoding="utf-8")
        for key, content in outcome.reports.items():
            path = Path(made) / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        _write_calls(outcome.slack.calls, Path(made) / "slack")
        (Path(made) / "email").mkdir()
        for number, mail in enumerate(outcome.mails, 1):
            (Path(made) / "email" / f"{number:04}.eml").write_bytes(mail)
        folder.mkdir(exist_ok=True)
        for path in Path(made).iterdir():
            if path.is_dir():
                shutil.rmtree(folder / path.name, ignore_errors=True)
            shutil.move(path, folder / path.name)


def _write_calls(calls: Sequence[tuple[str, dict[str, Any]]], folder: Path) -> None:
    """Slack's calls in order, as sent: of what is uploaded, the size and a hash."""
    folder.mkdir()
    for number, (method, request) in enumerate(calls, 1):
        text = json.dumps(request, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{number:04}-{method}.json").write_text(text, encoding="utf-8")
