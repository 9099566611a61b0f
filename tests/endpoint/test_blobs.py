"""Blobs: names that never repeat, bytes that stay while somebody reads them, and what a crash leaves."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from runner.endpoint.blobs import BlobStore
from runner.endpoint.threads import in_thread


def written(store: BlobStore, data: bytes = b"x") -> str:
    blob = store.fresh()
    store.path(blob).write_bytes(data)
    return blob


def test_names_never_repeat_within_a_start_or_over_starts(tmp_path: Path) -> None:
    names = [BlobStore(tmp_path, boot).fresh() for boot in (1, 2)]
    store = BlobStore(tmp_path, 3)
    names += [store.fresh() for _ in range(1200)]
    assert len(set(names)) == 1202
    assert all(store.path(name).parent.is_dir() for name in names)


def test_a_pinned_blob_outlives_its_discarding_until_the_last_reader_is_done(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, 1)
    blob = written(store)
    store.pin([blob])
    store.pin([blob])
    store.discard(blob, None)
    store.unpin([blob])
    assert store.path(blob).exists()
    store.unpin([blob])
    assert not store.path(blob).exists()
    store.discard(blob)  # twice is once


def test_an_unpinned_blob_that_nobody_discarded_stays(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, 1)
    blob = written(store)
    store.pin([blob])
    store.unpin([blob])
    assert store.path(blob).exists()


def test_a_link_has_the_bytes_and_a_life_of_its_own(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, 1)
    blob, other = written(store, b"bytes"), store.fresh()
    store.link_to(blob, other)
    store.discard(blob)
    assert store.path(other).read_bytes() == b"bytes"


def test_the_sweep_takes_what_earlier_starts_left_without_a_name(tmp_path: Path) -> None:
    before = BlobStore(tmp_path, 1)
    kept, left = written(before), written(before)
    emptied = written(BlobStore(tmp_path, 2))
    now = BlobStore(tmp_path, 3)
    under_way = written(now)
    assert sum(now.sweep(lambda names: {kept} & set(names))) == 2
    assert now.path(kept).exists()
    assert now.path(under_way).exists()
    assert not now.path(left).exists()
    assert not now.path(emptied).parent.parent.exists()


def test_a_cancelled_caller_waits_for_its_thread() -> None:
    """Or it would close a descriptor that the thread still writes to."""

    async def run() -> bool:
        begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

        def block() -> None:
            begun.set()
            go_on.wait(10)
            done.set()

        task = asyncio.ensure_future(in_thread(block))
        await asyncio.to_thread(begun.wait, 10)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return done.is_set()

    assert asyncio.run(run())


def test_what_a_thread_raises_is_raised() -> None:
    def fail() -> None:
        raise LookupError("here")

    with pytest.raises(LookupError, match="here"):
        asyncio.run(in_thread(fail))
