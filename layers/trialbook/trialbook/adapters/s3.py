"""The bucket with the reports."""

from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
}
# Presigned addresses are to be of version 4, for keys of KMS too, and of the bucket's own region.
_CONFIG = Config(signature_version="s3v4", s3={"us_east_1_regional_endpoint": "regional"})
_TRIES = 8
# What S3 answers where the condition does not hold, or another write is under way.
_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_OPENED_FOR = 300  # seconds that a presigned address works: it is followed at once


class BusyObject(Exception):
    """Others write the same object all the time: try again later."""


class Bucket:
    """Writes and reads reports. The bucket encrypts by itself and lets nobody in without a signed link."""

    def __init__(self, session: Session, name: str) -> None:
        self._client: Any = session.create_client("s3", config=_CONFIG)
        self.name = name

    def put(self, key: str, content: bytes) -> None:
        """Writes an object, its content type by the ending of its key; browsers ask each time whether it changed."""
        self._put(key, content)

    def _put(self, key: str, content: bytes, **conditions: str) -> None:
        kind = _TYPES[key[key.rindex(".") :]]
        self._client.put_object(
            Bucket=self.name, Key=key, Body=content, ContentType=kind, CacheControl="no-cache", **conditions
        )

    def replace(self, key: str, make: Callable[[], bytes]) -> None:
        """Writes what several may write at once: `make` reads what the object is made of after it was seen how the
        object stands, and whoever finds that it has changed since makes it anew. So an older state never stands over a
        newer one. Raises BusyObject where others are faster each time."""
        for _ in range(_TRIES):
            seen = self._tag(key)
            content = make()
            try:
                self._put(key, content, **({"IfMatch": seen} if seen else {"IfNoneMatch": "*"}))
                return
            except ClientError as error:
                if error.response["Error"]["Code"] not in _CHANGED:
                    raise
        raise BusyObject(f"others write {key}")

    def _tag(self, key: str) -> str | None:
        """By what S3 tells apart how an object stands; None where there is none."""
        try:
            tag: str = self._client.head_object(Bucket=self.name, Key=key)["ETag"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "403", "NoSuchKey", "AccessDenied"):
                return None
            raise
        return tag

    def get(self, key: str) -> bytes | None:
        """An object's content; None where there is none, which S3 tells as AccessDenied to who may not list."""
        try:
            content: bytes = self._client.get_object(Bucket=self.name, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
                return None
            raise
        return content

    def presigned(self, key: str, method: str = "GET") -> str:
        """An address that lets whoever has it GET, or ask with HEAD for, the object in the next five minutes. S3 takes
        each by the method it was signed for."""
        given, operation = {"Bucket": self.name, "Key": key}, "head_object" if method == "HEAD" else "get_object"
        address: str = self._client.generate_presigned_url(operation, Params=given, ExpiresIn=_OPENED_FOR)
        return address
