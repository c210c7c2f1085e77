"""The bucket with the reports."""

import base64
from collections.abc import Callable
from typing import Any, Protocol

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from trialbook.core.messages.delivery import NotSent
from trialbook.runtime import deadline
from trialbook.runtime.aws_clients import LONGEST

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".gz": "application/gzip",
}
# Presigned addresses are to be of version 4, for keys of KMS too, and of the bucket's own region.
_CONFIG = Config(signature_version="s3v4", s3={"us_east_1_regional_endpoint": "regional"})
_TRIES = 8
# S3's error codes if the condition does not hold, another write is under way, or the object was deleted meanwhile.
_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409", "404"})
_OPENED_FOR = 300  # seconds that a presigned address works: it is followed at once


class BusyObject(Exception):
    """Other processes keep writing the object: try again later."""


class Readable(Protocol):
    """A reader of objects: a bucket, or a folder with the same keys."""

    def get(self, key: str) -> bytes | None:
        """An object's content; None if it does not exist."""


class Objects(Readable, Protocol):
    """A reader of objects that has a name."""

    name: str


class Bucket:
    """Writes and reads reports. The bucket encrypts by itself and is closed to everyone without a signed link."""

    def __init__(self, session: Session, name: str) -> None:
        self._client: Any = session.create_client("s3", config=_CONFIG)
        self.name = name

    def put(self, key: str, content: bytes) -> None:
        """Writes an object. Its content type follows from its key's suffix; browsers revalidate it each time."""
        self._put(key, content)

    def _put(self, key: str, content: bytes, **conditions: str) -> None:
        kind = _TYPES[key[key.rindex(".") :]]
        self._client.put_object(
            Bucket=self.name, Key=key, Body=content, ContentType=kind, CacheControl="no-cache", **conditions
        )

    def replace(self, key: str, make: Callable[[], bytes]) -> None:
        """Writes an object that several processes may write at once. `make` is called after the object's ETag was read;
        if the object has changed by the time of the write, `make` is called again. So an older state never replaces a
        newer one. Raises BusyObject if others are faster each time."""
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
        """An object's ETag; None if it does not exist."""
        try:
            tag: str = self._client.head_object(Bucket=self.name, Key=key)["ETag"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "403", "NoSuchKey", "AccessDenied"):
                return None
            raise
        return tag

    def get(self, key: str) -> bytes | None:
        """An object's content; None if it does not exist. S3 says AccessDenied then, because the role may not list."""
        try:
            body = self._client.get_object(Bucket=self.name, Key=key)["Body"]
            with deadline.within(LONGEST):
                content: bytes = body.read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
                return None
            raise
        return content

    def presigned(self, key: str, method: str = "GET") -> str:
        """An address that allows GET, or HEAD, of the object for five minutes. S3 accepts only the method that it was
        signed for."""
        given, operation = {"Bucket": self.name, "Key": key}, "head_object" if method == "HEAD" else "get_object"
        address: str = self._client.generate_presigned_url(operation, Params=given, ExpiresIn=_OPENED_FOR)
        return address


def artifact_store(session: Session, allowed: str) -> Callable[[str, str, bytes], bool]:
    """A function that puts a file into a folder (`s3://bucket/key`) of the allowed place (`bucket/prefix`), and tells
    whether the folder is there. MLflow on SageMaker keeps no artifacts itself: who writes them writes to S3. Raises
    NotSent."""
    client: Any = session.create_client("s3", config=_CONFIG)
    place = allowed.removeprefix("s3://").strip("/")

    def put(folder: str, name: str, content: bytes) -> bool:
        where = folder.removeprefix("s3://")
        if not place or where == folder or not f"{where}/".startswith(f"{place}/"):
            return False
        bucket, _, prefix = where.partition("/")
        kind = next((text for suffix, text in _TYPES.items() if name.endswith(suffix)), "application/octet-stream")
        key = f"{prefix.rstrip('/')}/{name}"
        try:
            client.put_object(Bucket=bucket, Key=key, Body=content, ContentType=kind)
        except ClientError as error:
            reason = f"s3_{error.response['Error']['Code']}"
            raise NotSent(reason, passes=error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500) from None
        return True

    return put


def may_put(session: Session, allowed: str) -> str | None:
    """Why S3 takes no objects in a place (`bucket/prefix`); None if it does. Nothing is written: S3 looks at the right
    first, and then refuses content that is not what the request's digest says."""
    bucket, _, prefix = allowed.removeprefix("s3://").strip("/").partition("/")
    key = f"{prefix}/trialbook-doctor" if prefix else "trialbook-doctor"
    client: Any = session.create_client("s3", config=_CONFIG)
    try:
        client.put_object(Bucket=bucket, Key=key, Body=b"", ContentMD5=base64.b64encode(bytes(16)).decode())
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        return None if code in ("BadDigest", "400") else code
    return None
