"""The outside services that the use cases work with, opened when first used, from one botocore session."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.session import Session

from trialbook.adapters.rules_source import RulesSource
from trialbook.adapters.sagemaker import SageMaker
from trialbook.adapters.sqs import Queue
from trialbook.adapters.ssm import Parameter
from trialbook.core.errors import InvalidRules
from trialbook.core.jobs import Job, Metric
from trialbook.core.mlflow_server import server_of
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record
from trialbook.ledger.ledger import Ledger
from trialbook.runtime.observability import correlation_id, count, logger
from trialbook.runtime.settings import AccountSettings, QueueSettings, ServiceSettings

if TYPE_CHECKING:
    from trialbook.adapters.batch import Batch

RunMetrics = Callable[[Job], tuple[Metric, ...]]


def captures_nothing(job: Job) -> None:
    """Where no curves are kept."""


Prices = Callable[[Collection[str], str], Mapping[str, float]]


def no_prices(instance_types: Collection[str], region: str) -> Mapping[str, float]:
    """Where no price is looked up."""
    return {}


@dataclass(frozen=True, slots=True)
class Services:
    """The services that a use case needs. `rules()` are the rules in force; `sagemaker(account, region)` calls
    SageMaker there, and `batch(account, region)` AWS Batch, if it is asked; `run_metrics(job)` are those of the job's
    run in MLflow; `prices(instance_types, region)` are US dollars an hour, without what has no price; `capture(job)`
    has the curves of a job kept whose end came without an event."""

    ledger: Ledger
    sagemaker: Callable[[str, str], SageMaker]
    rules: Callable[[], Rules] = field(default=Rules)
    prices: Prices = no_prices
    batch: "Callable[[str, str], Batch] | None" = None
    run_metrics: RunMetrics | None = None
    capture: Callable[[Job], None] = captures_nothing

    def session(self) -> Session:
        """The botocore session that all clients share."""
        return self.ledger.session


def hourly_prices(
    records: Sequence[Record], region: str, services: Services, also: Collection[str] = ()
) -> Mapping[str, float]:
    """US dollars an hour of the records' machines and of those named besides: the rules' own prices, and for what they
    leave out the price list's."""
    own = services.rules().prices
    billed = [record.job for record in records if record.job.training_plan is None]
    others = {group.instance_type for job in billed for group in job.instances}.union(also) - own.keys()
    return {**services.prices(others, region), **own} if others else own


def open_services(settings: ServiceSettings, asking: Config | None = None) -> Services:
    """The services of a deployed function; SageMaker's clients are made with `asking`, if it is given."""
    ledger = Ledger(settings.ledger_table, expire_days=settings.expire_days, cause=correlation_id)
    prices = _prices(ledger) if settings.looks_up_prices else no_prices
    sessions = sessions_of(settings.accounts, ledger.session)
    sagemaker = cache(lambda account, region: SageMaker(sessions(account, region), region, asking))
    batch = cache(lambda account, region: _batch(sessions(account, region), region))
    run_metrics = _run_metrics(sessions, settings.mlflow_endpoint) if settings.reads_mlflow_metrics else None
    return Services(ledger, sagemaker, _rules(settings, ledger), prices, batch, run_metrics)


def _run_metrics(sessions: Callable[[str, str], Session], endpoint: str) -> RunMetrics:
    def run_metrics(job: Job) -> tuple[Metric, ...]:
        from trialbook.adapters.mlflow import Mlflow

        server = server_of(job.mlflow_server or "")
        at = replace(server, url=endpoint) if endpoint else server
        return Mlflow(at, sessions(job.key.account, job.key.region)).final_metrics(job.mlflow_run or "")

    return run_metrics


def _batch(session: Session, region: str) -> "Batch":
    from trialbook.adapters.batch import Batch

    return Batch(session, region)


def open_queue(session: Session, settings: QueueSettings) -> Queue:
    """The queue of a deployed function."""
    return Queue(session, settings.dead_letters_url, settings.url)


def _prices(ledger: Ledger) -> Prices:
    def prices(instance_types: Collection[str], region: str) -> Mapping[str, float]:
        from trialbook.adapters.pricing import PriceList

        return PriceList(ledger.session, ledger.notes).of(instance_types, region)

    return prices


def sessions_of(accounts: AccountSettings, own: Session) -> Callable[[str, str], Session]:
    """The session with which an account and region are asked: the function's own, or one with the member's role."""

    @cache
    def session(account: str, region: str) -> Session:
        role = accounts.role_for(account, region)
        if role is None:
            return own
        from trialbook.adapters.sts import session_as

        return session_as(own, role)

    return session


_RULES_AGE = timedelta(seconds=45)  # a pushed document is in use within a minute
_GOOD_RULES = "rules"


def _rules(settings: ServiceSettings, ledger: Ledger) -> Callable[[], Rules]:
    if settings.rules_parameter is None:
        return Rules
    name = settings.rules_parameter

    @cache
    def source() -> Callable[[], Rules]:
        document = Parameter(ledger.session, name, _RULES_AGE)
        return RulesSource(
            document, lambda: ledger.notes.get(_GOOD_RULES), lambda text: ledger.notes.put(_GOOD_RULES, text), _invalid
        )

    return lambda: source()()


def _invalid(problems: InvalidRules) -> None:
    logger.error("the rules document is invalid, the last good one stays in force", problems=problems.problems)
    count("RulesDocumentInvalid")
