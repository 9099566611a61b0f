"""aws-chunked framing, however the network cuts it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from runner.endpoint.s3.bodies import ChunkedDecoder
from runner.endpoint.s3.errors import S3Error


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=20), max_size=5),
    signed=st.booleans(),
    trailer=st.one_of(st.none(), st.text(alphabet="abc=", min_size=1, max_size=5)),
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=4),
)
def test_any_framing_decodes_the_same_however_it_is_cut(
    pieces: list[bytes], signed: bool, trailer: str | None, cuts: list[int]
) -> None:
    tail = b";chunk-signature=0f" if signed else b""
    wire = b"".join(b"%x%b\r\n%b\r\n" % (len(piece), tail, piece) for piece in pieces) + b"0%b\r\n" % tail
    wire += b"X-Amz-Checksum-Crc32: %b\r\n" % trailer.encode() if trailer else b""
    wire += b"\r\n"
    decoder = ChunkedDecoder()
    found = b""
    turn = 0
    while wire:
        size = cuts[turn % len(cuts)]
        found += b"".join(decoder.feed(wire[:size]))
        wire, turn = wire[size:], turn + 1
    assert found == b"".join(pieces)
    assert decoder.done
    assert decoder.trailers == ({"x-amz-checksum-crc32": trailer} if trailer else {})


def test_what_is_no_framing_is_refused() -> None:
    with pytest.raises(S3Error, match="hexadecimal"):
        ChunkedDecoder().feed(b"zz\r\n")
    with pytest.raises(S3Error, match="without chunk heads"):
        ChunkedDecoder().feed(b"1" * 20_000)
