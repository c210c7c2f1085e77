"""open_report: redirects a signed link that has not expired to its report, and refuses all else with the same page."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from trialbook.adapters.secrets_manager import LinkKeys
from trialbook.core.report_links import opened
from trialbook.runtime.observability import count

_REFUSED = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Not available</title>'
    "<p>This link is not valid, or no longer valid. Ask for a new one where you got it.</p></html>"
)
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


def open_report(
    request: Mapping[str, Any], keys: LinkKeys, presigned: Callable[[str, str], str], now: datetime
) -> dict[str, Any]:
    """Answers a request of the function's URL: a redirect to `presigned(key, method)`, or 403 with
    always the same page."""
    method = request.get("requestContext", {}).get("http", {}).get("method")
    key = None
    if method in ("GET", "HEAD"):
        key = opened(request.get("rawPath", ""), request.get("rawQueryString", ""), keys.all(), now)
    if key is None:
        count("LinksRefused")
        page = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": "default-src 'none'"}
        return {"statusCode": 403, "headers": {**_HEADERS, **page}, "body": _REFUSED}
    count("LinksOpened")
    return {"statusCode": 302, "headers": {**_HEADERS, "Location": presigned(key, method)}, "body": ""}
