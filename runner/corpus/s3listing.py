"""The listing of sources in S3: an object, everything below a prefix, or what a pattern matches below the bucket.

The same words as for local folders: a prefix stands for a folder, labels are what comes below its fixed part, and
names that begin with a dot count only where a pattern writes the dot. S3 lists keys in the order of UTF-8 bytes, which
is that of code points. Empty objects whose key ends in `/` are what consoles show as folders, and no documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from itertools import islice
from typing import Final

from runner.corpus.patterns import ANY_FOLDERS, Matcher, first_wildcard, has_wildcard, split_pattern
from runner.corpus.s3faults import told
from runner.errors import ServiceError, SourceError
from runner.model import CorpusSpec, SourceFile
from runner.storage.s3 import ListedObject, parse_uri
from runner.storage.sources import list_source

NAMES_COMPARED_MAX: Final = 1000
NAMES_SHOWN_MAX: Final = 3


def list_s3(corpus: CorpusSpec, source: str) -> Iterator[SourceFile]:
    """The objects of one source, in order. Raises SourceError, saying what was looked for and what is there instead."""
    bucket, key = parse_uri(source)
    empty = True
    for file in _files(corpus, source, bucket, key):
        empty = False
        yield file
    if empty:
        raise SourceError(corpus.name, f"{source} matches no object", hint=_instead(corpus, bucket, key))


def _files(corpus: CorpusSpec, source: str, bucket: str, key: str) -> Iterator[SourceFile]:
    root = f"s3://{bucket}/"
    if key and not key.endswith("/"):
        # A name may hold wildcard characters; if there is such an object, it is meant.
        found = next(_objects(corpus, source), None)
        if found is not None and found.uri == source:
            yield _file(found, len(source) - len(key.rpartition("/")[2]))
            return
    if has_wildcard(key):
        fixed, rest = split_pattern(key)
        narrow, matcher = key[: first_wildcard(key)], Matcher(rest)
    else:
        fixed = key if not key or key.endswith("/") else f"{key}/"
        narrow, matcher = fixed, Matcher(ANY_FOLDERS)
    for found in _objects(corpus, root + narrow):
        label = found.uri[len(root) + len(fixed) :]
        if label and not label.endswith("/") and matcher.path(label):
            yield _file(found, len(root) + len(fixed))


def _file(found: ListedObject, fixed: int) -> SourceFile:
    return SourceFile(path=found.uri, label=found.uri[fixed:], size=found.size, version=found.etag)


def _objects(corpus: CorpusSpec, uri: str) -> Iterator[ListedObject]:
    try:
        yield from list_source(corpus.profile, uri)
    except ServiceError as error:
        raise told(corpus.name, uri, error) from error


def _instead(corpus: CorpusSpec, bucket: str, key: str) -> str:
    """What could be meant by a source that matches nothing."""
    folder = split_pattern(key)[0] if has_wildcard(key) else key.rstrip("/").rpartition("/")[0]
    prefix = f"s3://{bucket}/{folder}" + ("/" if folder and not folder.endswith("/") else "")
    start = len(f"s3://{bucket}/")
    keys = [found.uri[start:] for found in islice(_objects(corpus, prefix), NAMES_COMPARED_MAX)]
    if not keys:
        return f"there is nothing below {prefix}"
    nearest = get_close_matches(key, keys, n=NAMES_SHOWN_MAX, cutoff=0.4) or keys[:NAMES_SHOWN_MAX]
    return f"below {prefix} there are, among others, {', '.join(nearest)}"
