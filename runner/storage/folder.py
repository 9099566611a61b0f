"""A folder in S3 that finished files are copied to: put, look, get, by names below its URI.

Calls that fail in passing are repeated here, a few times: nobody above gives such work out again. Files of more than
5 GB, the most that S3 takes in one call, go up in parts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from runner.errors import ServiceError
from runner.model import LaneSpec
from runner.storage.s3 import parse_uri, service_client, translated
from runner.storage.sources import source_client

T = TypeVar("T")

PUT_BYTES_MAX: Final = 5 * 1024**3
DIGEST_KEY: Final = "sha256"
"""The metadata that holds a file's digest: ETags are none of those with KMS keys, or in parts."""
PAUSES_S: Final = (0.5, 2.0, 5.0)
_ABSENT: Final = frozenset({"404", "NoSuchKey"})
_PASSING: Final = frozenset(
    {
        "500", "502", "503", "504", "ConnectTimeoutError", "ConnectionClosedError", "ConnectionError",
        "EndpointConnectionError", "IncompleteBody", "InternalError", "ReadTimeoutError", "RequestTimeout",
        "ServiceUnavailable", "SlowDown",
    }
)  # fmt: skip


class S3Folder:
    """Objects below an s3:// URI that is closed by `/`. Every method raises ServiceError for what does not pass.

    Asked with the credentials of `lane`, or with those of the environment if there is none; `key` is a KMS key.
    """

    def __init__(self, uri: str, lane: LaneSpec | None, *, key: str | None = None) -> None:
        self.uri = uri
        self._bucket, self._prefix = parse_uri(uri)
        with translated(uri):
            self._client = source_client(None) if lane is None else service_client(lane, "s3")
        self._encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def get(self, name: str) -> bytes | None:
        """The content of a small object; None if it is not there."""
        answer = self._ask("get_object", name)
        if answer is None:
            return None
        with translated(self.uri + name):
            data: bytes = answer["Body"].read()
        return data

    def look(self, name: str) -> tuple[int, str | None] | None:
        """The size of an object and the digest that it was put with; None if it is not there."""
        answer = self._ask("head_object", name)
        if answer is None:
            return None
        return int(answer["ContentLength"]), answer.get("Metadata", {}).get(DIGEST_KEY)

    def put(self, name: str, data: bytes) -> None:
        """Put a small object."""
        self._again(name, partial(self._client.put_object, **self._of(name), Body=data, **self._encryption))

    def put_file(self, name: str, path: Path, digest: str) -> None:
        """Copy a file, with its digest beside it."""
        metadata = {DIGEST_KEY: digest}
        if path.stat().st_size > PUT_BYTES_MAX:
            extra = {"Metadata": metadata, **self._encryption}
            upload = partial(self._client.upload_file, str(path), self._bucket, self._prefix + name, ExtraArgs=extra)
            self._again(name, upload)
            return

        def once() -> None:
            with path.open("rb") as body:
                self._client.put_object(**self._of(name), Body=body, Metadata=metadata, **self._encryption)

        self._again(name, once)

    def delete(self, name: str) -> None:
        """Delete an object; nothing happens if it is not there."""
        self._again(name, partial(self._client.delete_object, **self._of(name)))

    def _of(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + name}

    def _ask(self, operation: str, name: str) -> Any:
        try:
            return self._again(name, partial(getattr(self._client, operation), **self._of(name)))
        except ServiceError as error:
            if error.code in _ABSENT:
                return None
            raise

    def _again(self, name: str, call: Callable[[], T]) -> T:
        for pause_s in PAUSES_S:
            try:
                with translated(self.uri + name):
                    return call()
            except ServiceError as error:
                if error.code not in _PASSING:
                    raise
            time.sleep(pause_s)
        with translated(self.uri + name):
            return call()
