"""The curves, machine use and log that capture_job kept of a job, read from the reports' bucket."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from trialbook.adapters.s3 import Readable
from trialbook.core import report_keys
from trialbook.core.curves.series import JobCurves
from trialbook.core.curves.stored import from_bytes, log_from_bytes
from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import JobKey
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger

_AT_ONCE = 10  # as many connections as botocore keeps to a service
_TOGETHER = 20.0  # seconds for all files of a report


def captured_log(key: JobKey, bucket: Readable) -> str:
    """The end of the job's log; empty if none was kept, or it can't be read."""
    content = bucket.get(f"{report_keys.of_job(key)}/{report_keys.LOG}")
    try:
        return "" if content is None else log_from_bytes(content)
    except InvalidInput as error:
        logger.warning("the log can't be read", job=key.name, reason=str(error))
        return ""


def captured_curves(key: JobKey, bucket: Readable) -> JobCurves | None:
    """The job's series; None if none were kept, or they can't be read."""
    content = bucket.get(f"{report_keys.of_job(key)}/{report_keys.CURVES}")
    try:
        return None if content is None else from_bytes(content)
    except InvalidInput as error:
        logger.warning("the curves can't be read", job=key.name, reason=str(error))
        return None


def all_captured_curves(keys: Collection[JobKey], bucket: Readable) -> Mapping[JobKey, JobCurves]:
    """The series of the jobs that have some. Several are read at once: a report needs many. Raises TookTooLong."""
    read = deadline.known_in_threads(lambda key: captured_curves(key, bucket))
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        with deadline.within(_TOGETHER):
            found = dict(zip(keys, pool.map(read, keys), strict=True))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # an answer that trickles in is not waited for
    return {key: curves for key, curves in found.items() if curves is not None}
