"""AWS Batch's API, as far as its events leave something out."""

from typing import Any

from botocore.session import Session

from trialbook.adapters.sagemaker import answer_of
from trialbook.core.service_jobs import ServiceJob, service_job_from_detail


class Batch:
    """Calls of one region."""

    def __init__(self, session: Session, region: str | None = None) -> None:
        self._client: Any = session.create_client("batch", region_name=region)

    def describe(self, job_id: str, account: str, region: str) -> ServiceJob:
        """A service job with its tags. Raises SageMakerError, and InvalidInput for what is no time."""
        answer = answer_of(self._client.describe_service_job, jobId=job_id)
        return service_job_from_detail(answer, account, region)
