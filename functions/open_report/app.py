"""Links to reports lead here, to the function's own URL."""

from typing import Any

from botocore.session import get_session

from trialbook.adapters.s3 import Bucket
from trialbook.adapters.secrets_manager import LinkKeys
from trialbook.open_report import open_report
from trialbook.runtime import clock, deadline
from trialbook.runtime.aws_clients import prepared
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.settings import LinkSettings, reports_bucket

session = prepared(get_session())
bucket = Bucket(session, reports_bucket())
keys = LinkKeys(session, LinkSettings.from_environment().secret)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A request."""
    return open_report(event, keys, bucket.presigned, clock.now())
