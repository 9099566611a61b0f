"""Tags of jobs and models: TagResource, UntagResource, ListTagsForResource, and the tags that a Start brings.

Owns the tags' rules and rows. Whether a resource exists is asked of the book of jobs and of the custom models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runner.endpoint.operations import Operation
from runner.endpoint.protocol import ApiError, encode

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from runner.endpoint.database import Database
    from runner.endpoint.jobs import JobBook
    from runner.endpoint.operations import Call, CustomModels

__all__ = ["TAGS_MAX", "TagOperations", "check_tags", "put_tags", "remove_tags"]

TAGS_MAX: Final = 50  # of one resource


def check_tags(tags: Sequence[Mapping[str, Any]]) -> None:
    """Raise the ApiError that refuses these tags of one request, if one does."""
    keys = [tag["Key"] for tag in tags]
    if len(keys) > TAGS_MAX:
        raise _too_many()
    if len(set(keys)) < len(keys):
        raise ApiError("InvalidRequestException", "A tag key may occur only once in a request")
    if any(key.lower().startswith("aws:") for key in keys):
        raise ApiError("InvalidRequestException", "Tag keys that begin with aws: are reserved for system use")


def put_tags(connection: sqlite3.Connection, arn: str, tags: Iterable[Mapping[str, Any]]) -> None:
    """Write tags down, in a transaction of the caller's; a key that is there takes the new value.

    Raises ApiError, and the transaction keeps nothing, if the resource would have more than `TAGS_MAX`.
    """
    rows = [(arn, tag["Key"], tag.get("Value", "")) for tag in tags]
    connection.executemany("INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", rows)
    (count,) = connection.execute("SELECT count(*) FROM tags WHERE arn = ?", (arn,)).fetchone()
    if count > TAGS_MAX:
        raise _too_many()


def remove_tags(connection: sqlite3.Connection, arn: str, keys: Iterable[str] | None = None) -> None:
    """Strike tags out, in a transaction of the caller's: those of these keys, or all; absent ones are no error."""
    if keys is None:
        connection.execute("DELETE FROM tags WHERE arn = ?", (arn,))
    else:
        connection.executemany("DELETE FROM tags WHERE arn = ? AND key = ?", [(arn, key) for key in keys])


class TagOperations:
    """The three operations on tags."""

    def __init__(self, *, database: Database, book: JobBook, models: CustomModels) -> None:
        self._database = database
        self._book = book
        self._models = models

    def operations(self) -> list[Operation]:
        """What is served."""
        return [
            Operation("TagResource", "write", self._tag),
            Operation("UntagResource", "write", self._untag),
            Operation("ListTagsForResource", "read", self._list),
        ]

    async def _tag(self, call: Call) -> bytes:
        arn, tags = self._require(call), call.members["Tags"]
        check_tags(tags)
        await self._database.write(lambda connection: put_tags(connection, arn, tags))
        return b"{}"

    async def _untag(self, call: Call) -> bytes:
        arn, keys = self._require(call), call.members["TagKeys"]
        if len(keys) > TAGS_MAX:
            raise ApiError(
                "TooManyTagKeysException", f"The request contains more tag keys than can be associated: {TAGS_MAX}"
            )
        await self._database.write(lambda connection: remove_tags(connection, arn, keys))
        return b"{}"

    async def _list(self, call: Call) -> bytes:
        arn = self._require(call)
        rows = self._database.read.execute("SELECT key, value FROM tags WHERE arn = ? ORDER BY key", (arn,))
        return encode({"ResourceArn": arn, "Tags": [{"Key": key, "Value": value} for key, value in rows]})

    def _require(self, call: Call) -> str:
        arn: str = call.members["ResourceArn"]
        if self._book.has_arn(call.region, arn) or self._models.owns(call.region, arn):
            return arn
        raise ApiError("ResourceNotFoundException", f"The specified resource ARN was not found: {arn}")


def _too_many() -> ApiError:
    return ApiError(
        "TooManyTagsException", f"The request contains more tags than can be associated with a resource: {TAGS_MAX}"
    )
