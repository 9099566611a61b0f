"""Listing, held against the plain definition."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from runner.endpoint.s3.errors import S3Error
from runner.endpoint.s3.listing import Page, list_page, read_token, write_token
from runner.endpoint.s3.store import ObjectRecord, Stored, successor

KEY = st.text(alphabet="ab/é", min_size=1, max_size=6).map(str.encode)
RECORD = ObjectRecord(0, "", 0.0, {})


def page_of(keys: list[bytes], **asked: object) -> Page:
    prefix = asked["prefix"]
    assert isinstance(prefix, bytes)
    within = [Stored(key, "", RECORD) for key in keys if key.startswith(prefix)]

    def seek(after: bytes, at: bytes) -> object:
        return (stored for stored in within if stored.key > after and stored.key >= at)

    return list_page(seek, **asked)  # type: ignore[arg-type]


def plainly(keys: list[bytes], prefix: bytes, delimiter: bytes) -> list[bytes]:
    found: list[bytes] = []
    for key in keys:
        if key.startswith(prefix):
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            item = key if end < 0 else key[: end + len(delimiter)]
            if item not in found:
                found.append(item)
    return found


@given(
    keys=st.lists(KEY, unique=True, max_size=30).map(sorted),
    prefix=st.one_of(st.just(b""), KEY),
    delimiter=st.sampled_from([b"", b"/", b"a/"]),
    limit=st.integers(1, 5),
)
def test_the_pages_together_are_the_whole_listing(
    keys: list[bytes], prefix: bytes, delimiter: bytes, limit: int
) -> None:
    seen: list[bytes] = []
    after = b""
    while True:
        page = page_of(keys, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
        items = sorted([stored.key for stored in page.objects] + page.prefixes)
        assert len(items) <= limit
        seen += items
        if page.last is None:
            break
        assert len(items) == limit
        after = read_token(write_token(page.last))
    assert seen == plainly(keys, prefix, delimiter)


def test_a_page_of_nothing_is_asked_for_and_given() -> None:
    assert page_of([b"a"], prefix=b"", delimiter=b"", after=b"", limit=0) == Page([], [])


@given(prefix=st.binary(max_size=4), other=st.binary(max_size=6))
def test_a_successor_is_above_all_that_begins_with_the_prefix(prefix: bytes, other: bytes) -> None:
    above = successor(prefix)
    if above is None:
        assert not prefix.strip(b"\xff")
    else:
        assert (other < above) or not other.startswith(prefix)
        assert above > prefix + b"\xff" * 8


@given(st.binary(max_size=40))
def test_tokens_round_trip(last: bytes) -> None:
    assert read_token(write_token(last)) == last


@pytest.mark.parametrize("token", ["", "!", "AAAA", "é"])
def test_other_tokens_are_refused(token: str) -> None:
    with pytest.raises(S3Error, match="continuation token"):
        read_token(token)
