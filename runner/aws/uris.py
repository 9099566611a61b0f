"""s3:// URIs as this room needs them: a bucket and a key, nothing decoded, nothing normalised."""

from __future__ import annotations

from runner.errors import InternalError


def split_uri(uri: str) -> tuple[str, str]:
    """The bucket and the key (or prefix, or nothing) of `s3://bucket/key`. A key's bytes are kept as they are."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise InternalError(f"{uri} is no s3:// URI with a bucket")
    return bucket, key
