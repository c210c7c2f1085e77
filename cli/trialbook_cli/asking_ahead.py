"""SageMaker asked about many jobs at once, while others are recorded.

Recording stays in one thread and in order, so that the ledger becomes the same as without this. What takes long is
SageMaker: each job takes one to three calls, and AWS allows more of them in a second than one caller makes.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar, cast

from botocore.config import Config
from botocore.session import Session

from trialbook.adapters.sagemaker import SageMaker
from trialbook.core.jobs import Job, JobKey, JobKind, Metric, TuningJob
from trialbook.core.kinds import Service
from trialbook.reconcile import tags_known

AT_ONCE = 16  # calls; AWS allows ten to thirty in a second, and answers each within a second
# The client keeps to the rate at which SageMaker stops to throttle it: botocore measures it, and starts again below it.
_CONFIG = Config(retries={"mode": "adaptive", "total_max_attempts": 8}, max_pool_connections=AT_ONCE + 1)

T = TypeVar("T")


class AskingAhead(SageMaker):
    """Calls of one region, of which those are made beforehand that expected jobs will need."""

    def __init__(self, session: Session, region: str | None, pool: ThreadPoolExecutor) -> None:
        super().__init__(session, region, _CONFIG)
        self._pool, self._making_clients = pool, Lock()
        self._asked: dict[Hashable, Future[Any]] = {}

    def _operation(self, service: Service, name: str) -> Callable[..., Mapping[str, Any]]:
        with self._making_clients:
            return super()._operation(service, name)

    def expect(self, jobs: Iterable[Job]) -> None:
        """Asks what recording these jobs for the first time takes."""
        for job in jobs:
            if not (tags_known(job) or job.key.kind.facts.has_tags_in_description) and job.arn is not None:
                self._ask(("tags", job.arn), super().tags, job.arn)
            if job.key.kind is JobKind.TUNING:
                self._ask(job.key, super().describe_tuning_job, job.key)
            elif not job.described and (job.key.kind.is_trial or job.key.kind.is_single):
                self._ask(job.key, super().describe, job.key)
            elif job.is_terminal and job.final_metrics and job.component_name is not None:
                self._ask(job.component_name, super().with_statistics, job.final_metrics, job.component_name)

    def forget(self) -> None:
        """Calls that were not made yet are made no more."""
        for each in self._asked.values():
            each.cancel()
        self._asked.clear()

    def tags(self, arn: str) -> Mapping[str, str]:
        """As the call itself; so are all of these."""
        return self._answer(("tags", arn), super().tags, arn)

    def describe(self, key: JobKey) -> Job:  # noqa: D102
        return self._answer(key, super().describe, key)

    def describe_tuning_job(self, key: JobKey) -> TuningJob:  # noqa: D102
        return self._answer(key, super().describe_tuning_job, key)

    def with_statistics(self, metrics: tuple[Metric, ...], component: str) -> tuple[Metric, ...]:  # noqa: D102
        return self._answer(component, super().with_statistics, metrics, component)

    def _ask(self, what: Hashable, call: Callable[..., Any], *given: Any) -> None:
        if what not in self._asked:
            self._asked[what] = self._pool.submit(call, *given)

    def _answer(self, what: Hashable, call: Callable[..., T], *given: Any) -> T:
        asked = self._asked.pop(what, None)
        return call(*given) if asked is None else cast("T", asked.result())


@contextmanager
def asking_ahead(session: Session) -> Iterator[Callable[[str, str], AskingAhead]]:
    """For the block, what asks each account and region; an error or an interruption ends it without waiting."""
    made: dict[str, AskingAhead] = {}
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sagemaker")

    def sagemaker(account: str, region: str) -> AskingAhead:
        if region not in made:
            made[region] = AskingAhead(session, region, pool)
        return made[region]

    try:
        yield sagemaker
    finally:
        for each in made.values():
            each.forget()
        pool.shutdown(wait=False, cancel_futures=True)
