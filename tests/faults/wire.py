"""What a service may answer on the wire when it is not itself."""

from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders


class _Raw(BytesIO):
    """A body as urllib3 hands it over."""

    def stream(self, **_: Any) -> Any:
        while piece := self.read(65_536):
            yield piece


def answer(status: int, body: bytes, content_type: str = "application/x-amz-json-1.0") -> AWSResponse:
    """An HTTP answer."""
    headers = HTTPHeaders()
    headers["Content-Type"], headers["Content-Length"] = content_type, str(len(body))
    return AWSResponse("https://in.its.stead", status, headers, _Raw(body))
