"""A small S3 for tests of reading: buckets of versions, ranges, conditions, listings; and what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 3
"""Keys per page of a listing: few, so that tests go over pages."""


@dataclass
class Bucket:
    """What the server holds, and the hooks by which a test meddles."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Key -> (status, code) that every request for it is answered with."""
    region: str | None = None
    """Where the bucket lies: requests signed for elsewhere are redirected."""
    follows: bool = True
    """Whether a request signed for that region is answered."""
    breaks: list[int] = field(default_factory=list)
    """Bytes after which the next bodies break off."""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """(method, key, Range)."""
    before: Callable[[str, str | None], None] = lambda key, wanted: None
    """Called before an object is answered with."""


def etag(data: bytes) -> str:
    """The version of an object, as S3 names it."""
    return md5(data, usedforsecurity=False).hexdigest()


@contextmanager
def serving() -> Iterator[Bucket]:
    """Serve the bucket `data` on a port of the loopback."""
    bucket = Bucket()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            _, name, *key = unquote(url.path).split("/", 2)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            if self.is_elsewhere():
                self.fail(301, "PermanentRedirect")
            elif name != "data":
                self.fail(404, "NoSuchBucket")
            elif "list-type" in query:
                if query.get("prefix", "") in bucket.refused:
                    self.fail(*bucket.refused[query.get("prefix", "")])
                else:
                    self.answer(200, page(bucket.objects, query))
            else:
                self.give(key[0])

        def is_elsewhere(self) -> bool:
            signed_there = f"/{bucket.region}/s3/" in self.headers.get("Authorization", "")
            return bucket.region is not None and not (signed_there and bucket.follows)

        def give(self, key: str) -> None:
            wanted = self.headers.get("Range")
            bucket.asked.append((self.command, key, wanted))
            bucket.before(key, wanted)
            data = bucket.objects.get(key)
            if key in bucket.refused:
                self.fail(*bucket.refused[key])
            elif data is None:
                self.fail(404, "NoSuchKey")
            elif self.headers.get("If-Match", f'"{etag(data)}"') != f'"{etag(data)}"':
                self.fail(412, "PreconditionFailed")
            elif wanted:
                begin, end = map(int, wanted.removeprefix("bytes=").split("-"))
                self.answer(206, data[begin : end + 1], etag(data))
            else:
                self.answer(200, data, etag(data))

        def fail(self, status: int, code: str) -> None:
            self.answer(status, f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode())

        def answer(self, status: int, body: bytes, version: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{version}"')
            if bucket.region is not None:
                self.send_header("x-amz-bucket-region", bucket.region)
            self.end_headers()
            if self.command == "HEAD":
                return
            if bucket.breaks and status < 300 and version:
                self.wfile.write(body[: bucket.breaks.pop(0)])
                self.close_connection = True
            else:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    bucket.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def page(objects: dict[str, bytes], query: dict[str, str]) -> bytes:
    """One page of ListObjectsV2."""
    keys = sorted((key for key in objects if key.startswith(query.get("prefix", ""))), key=str.encode)
    start = int(query.get("continuation-token", "0"))
    rows = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(objects[key])}</Size>"
        f"<ETag>&quot;{etag(objects[key])}&quot;</ETag></Contents>"
        for key in keys[start : start + PAGE]
    )
    more = start + PAGE < len(keys)
    token = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if more else ""
    truncated = str(more).lower()
    return f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{token}{rows}</ListBucketResult>".encode()
