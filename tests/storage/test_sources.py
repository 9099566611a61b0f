"""One version of an object as a file: read in a row or here and there, and never another version."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import given, settings, strategies as st

from runner.errors import ServiceError
from runner.storage.sources import ObjectChangedError, SourceObject, forget_source_clients, list_source
from tests.corpus.buckets import Bucket, etag, serving

DATA = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with serving() as found, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL_S3", found.url)
        environment.setenv("AWS_ACCESS_KEY_ID", "key")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environment.setenv("AWS_CONFIG_FILE", "/nonexistent")
        environment.delenv("AWS_PROFILE", raising=False)
        forget_source_clients()
        yield found
        forget_source_clients()


def opened(bucket: Bucket, stop: int | None = None, data: bytes = DATA) -> SourceObject:
    bucket.objects = {"x": data}
    bucket.asked.clear()
    return SourceObject(None, "s3://data/x", size=len(data), etag=etag(data), stop=stop)


steps = st.lists(
    st.tuples(st.sampled_from(["read", "seek", "skip", "back"]), st.integers(0, len(DATA) + 10)), min_size=1, max_size=6
)


@given(steps=steps, stop=st.none() | st.integers(0, len(DATA)))
@settings(max_examples=30, deadline=None)
def test_it_reads_like_a_file(bucket: Bucket, steps: list[tuple[str, int]], stop: int | None) -> None:
    twin = io.BytesIO(DATA)
    with opened(bucket, stop) as source:
        for step, number in steps:
            if step == "read":
                want, got = twin.read(number), b""
                while len(got) < len(want):
                    more = source.read(number - len(got))
                    assert more
                    got += more
                assert got == want
            elif step == "seek":
                assert source.seek(min(number, len(DATA))) == twin.seek(min(number, len(DATA)))
            elif step == "skip":
                number = min(number, len(DATA) - twin.tell())  # noqa: PLW2901
                assert source.seek(number, io.SEEK_CUR) == twin.seek(number, io.SEEK_CUR)
            else:
                assert source.seek(-min(number, len(DATA)), io.SEEK_END) == twin.seek(
                    -min(number, len(DATA)), io.SEEK_END
                )
        assert source.tell() == twin.tell()
        assert source.read() == twin.read()


def test_requests_reach_as_far_as_reading_is_likely_to(bucket: Bucket) -> None:
    with opened(bucket) as source:
        assert source.read(10) + source.read(10) == DATA[:20]
    assert [wanted for _, _, wanted in bucket.asked] == [None]
    with opened(bucket, stop=0) as source:
        source.seek(100)
        assert source.read(10) + source.read(5) == DATA[100:115]
    assert [wanted for _, _, wanted in bucket.asked] == ["bytes=100-109", "bytes=110-114"]
    with opened(bucket, stop=200) as source:
        source.seek(100)
        assert source.read(50) + source.read(50) + source.read(1) == DATA[100:201]
    assert [wanted for _, _, wanted in bucket.asked] == ["bytes=100-199", "bytes=200-200"]


def test_another_version_is_no_version(bucket: Bucket) -> None:
    with opened(bucket, stop=0) as source:
        assert source.read(3) == DATA[:3]
        bucket.objects["x"] = DATA + b"more"
        with pytest.raises(ObjectChangedError):
            source.read(3)
        with pytest.raises(ObjectChangedError):
            source.require_version()
        del bucket.objects["x"]
        with pytest.raises(ObjectChangedError):
            source.read(3)


def test_a_body_that_always_breaks_off_is_given_up(bucket: Bucket) -> None:
    bucket.breaks = [0] * 20
    with opened(bucket) as source, pytest.raises(ServiceError):
        source.read(3)
    bucket.breaks = []


def test_listings_are_in_order_over_pages(bucket: Bucket) -> None:
    bucket.objects = dict.fromkeys(("p/b", "p/a/1", "p/é", "p/～", "p/😀", "p/A", "q"), b"1")
    uris = [found.uri for found in list_source(None, "s3://data/p/")]
    assert uris == [f"s3://data/{key}" for key in sorted(key for key in bucket.objects if key != "q")]
