"""CloudWatch Logs: what a job wrote last."""

from typing import Any

from botocore.session import Session

from trialbook.adapters.sagemaker import NotFound, answer_of, entries_of

GROUP = "/aws/sagemaker/TrainingJobs"
_MOST_LINES = 200


class Logs:
    """Calls of one region."""

    def __init__(self, session: Session, region: str) -> None:
        self._client: Any = session.create_client("logs", region_name=region)

    def last_lines(self, job_name: str) -> list[str]:
        """The last lines of the log of the job's first host, by two calls: the name of its stream ends with a number
        that SageMaker chooses. None if there is no log. Raises Refused and Throttled."""
        try:
            answer = answer_of(
                self._client.describe_log_streams,
                logGroupName=GROUP,
                logStreamNamePrefix=f"{job_name}/algo-1-",
                limit=1,
            )
            streams = entries_of(answer, "logStreams")
            name = streams[0].get("logStreamName") if streams else None
            if not isinstance(name, str) or not name:
                return []
            answer = answer_of(
                self._client.get_log_events,
                logGroupName=GROUP,
                logStreamName=name,
                startFromHead=False,
                limit=_MOST_LINES,
            )
        except NotFound:
            return []
        return [str(each.get("message", "")) for each in entries_of(answer, "events")]
