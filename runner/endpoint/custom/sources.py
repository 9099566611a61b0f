"""What a Create names in S3, as the files that a training reads.

Owns how a request becomes a `Training`. Runs on the event loop's thread, from pinning blobs to reading rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.endpoint.custom.task import Training
from runner.endpoint.inputs import label_of, split_uri
from runner.endpoint.s3 import store

if TYPE_CHECKING:
    import sqlite3

    from runner.endpoint.blobs import BlobStore
    from runner.endpoint.custom.book import ModelRecord
    from runner.endpoint.custom.task import Files

__all__ = ["NothingToReadError", "Sources"]


class NothingToReadError(Exception):
    """A place that was named has no objects."""


class Sources:
    """The objects of one training; `used` are the blobs that must stay readable until it has ended."""

    def __init__(self, connection: sqlite3.Connection, blobs: BlobStore) -> None:
        self._connection = connection
        self._blobs = blobs
        self.used: list[str] = []

    def training(self, record: ModelRecord, path: str) -> Training:
        """What is to be done for a model whose bytes go to `path`; raises NothingToReadError."""
        return self._classifier(record, path) if record.kind == "classifier" else self._recognizer(record, path)

    def _classifier(self, record: ModelRecord, path: str) -> Training:
        config = record.request["InputDataConfig"]
        return Training(
            kind=record.request["Mode"],
            tables=self._files(config["S3Uri"]),
            test_tables=self._files(config.get("TestS3Uri")),
            delimiter=config.get("LabelDelimiter", "|"),
            model_path=path,
        )

    def _recognizer(self, record: ModelRecord, path: str) -> Training:
        config = record.request["InputDataConfig"]
        annotations, documents = config.get("Annotations"), config["Documents"]
        return Training(
            kind="annotations" if annotations else "entity_list",
            tables=self._files((annotations or config["EntityList"])["S3Uri"]),
            test_tables=self._files((annotations or {}).get("TestS3Uri")),
            documents=self._files(documents["S3Uri"]),
            test_documents=self._files(documents.get("TestS3Uri")),
            types=[entity["Type"] for entity in config["EntityTypes"]],
            per_line=documents["InputFormat"] == "ONE_DOC_PER_LINE",
            model_path=path,
        )

    def _files(self, uri: str | None) -> Files:
        """The objects under a prefix, folders' empty marks left out; none if there is no prefix."""
        if uri is None:
            return []
        bucket, prefix = split_uri(uri)
        found = [
            each
            for each in store.scan(self._connection, bucket, prefix=prefix.encode())
            if each.record.size or not each.key.endswith(b"/")
        ]
        if not found:
            raise NothingToReadError
        self.used += [each.blob for each in found]
        return [(label_of(each.key.decode(), prefix), str(self._blobs.path(each.blob))) for each in found]
