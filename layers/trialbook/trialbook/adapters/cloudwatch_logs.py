"""CloudWatch Logs: what a job wrote last."""

from typing import Any

from botocore.session import Session

from trialbook.adapters.sagemaker import NotFound, answer_of, entries_of

GROUP = "/aws/sagemaker/TrainingJobs"
_MOST_LINES = 200
_MOST_PAGES = 5


class Logs:
    """Calls of one region."""

    def __init__(self, session: Session, region: str) -> None:
        self._client: Any = session.create_client("logs", region_name=region)

    def last_lines(self, job_name: str) -> list[str]:
        """The last lines of the log of the job's first host that has one; none if there is no log. Raises Refused and
        Throttled.

        It takes two calls, and one more for each empty page that CloudWatch answers with.
        """
        try:
            name = self._last_stream(f"{job_name}/algo-")
            return [] if name is None else self._end_of(name)
        except NotFound:
            return []

    def _last_stream(self, prefix: str) -> str | None:
        """The stream of the first host's last attempt: its name ends with when it began, and a restarted job has
        several. A host that never started has none, so the others are asked for too."""
        answer = answer_of(self._client.describe_log_streams, logGroupName=GROUP, logStreamNamePrefix=prefix)
        found = (each.get("logStreamName") for each in entries_of(answer, "logStreams"))
        names = sorted(each for each in found if isinstance(each, str) and each)
        first_host = names[0].rpartition("-")[0] if names else ""  # "algo-1-" is before "algo-10-" and "algo-2-"
        return next((each for each in reversed(names) if each.rpartition("-")[0] == first_host), None)

    def _end_of(self, stream: str) -> list[str]:
        """The stream's last page that has lines: a page is a span of time, and may be empty."""
        token: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            answer = answer_of(
                self._client.get_log_events,
                logGroupName=GROUP,
                logStreamName=stream,
                startFromHead=False,
                limit=_MOST_LINES,
                **token,
            )
            lines = [str(each.get("message", "")) for each in entries_of(answer, "events")]
            before = answer.get("nextBackwardToken")
            if lines or not isinstance(before, str) or before == token.get("nextToken"):
                return lines
            token = {"nextToken": before}
        return []
