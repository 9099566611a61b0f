"""Sources in S3: listed like folders, read in one version only, and refused with what to do about it."""

from __future__ import annotations

import bz2
import gzip
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.corpus import RangeReader, count_range, list_corpus, ranges
from runner.errors import SourceError
from runner.model import CorpusSpec, Format
from runner.storage import sources
from tests.corpus.buckets import Bucket, etag, serving

Reader = Callable[..., list[Any]]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bucket]:
    """An S3 that the environment names, as it would for any AWS tool."""
    with serving() as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", found.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        sources.forget_source_clients()
        yield found
        sources.forget_source_clients()


def corpus(*source: str, form: Format = "lines", **fields: Any) -> CorpusSpec:
    return CorpusSpec(name="c", sources=source, format=form, **fields)


KEYS = ("a/1.txt", "a/2.txt", "a/b/3.txt", "a/b/x.csv", "a/.hidden", "a/folder/", "z.txt", "a é+%/4.txt", "a/5?.txt")


@pytest.mark.parametrize(
    ("source", "labels"),
    [
        ("s3://data/a/", ["1.txt", "2.txt", "5?.txt", "b/3.txt", "b/x.csv"]),
        ("s3://data/a", ["1.txt", "2.txt", "5?.txt", "b/3.txt", "b/x.csv"]),
        ("s3://data/a/*.txt", ["1.txt", "2.txt", "5?.txt"]),
        ("s3://data/a/**/*.txt", ["1.txt", "2.txt", "5?.txt", "b/3.txt"]),
        ("s3://data/*/[34].txt", ["a é+%/4.txt"]),
        ("s3://data/a/.h*", [".hidden"]),
        ("s3://data/z.txt", ["z.txt"]),
        ("s3://data/a/b/3.txt", ["3.txt"]),
        ("s3://data/a/5?.txt", ["5?.txt"]),
        ("s3://data/a é+%", ["4.txt"]),
        ("s3://data", ["a é+%/4.txt", "a/1.txt", "a/2.txt", "a/5?.txt", "a/b/3.txt", "a/b/x.csv", "z.txt"]),
    ],
)
def test_prefixes_objects_and_patterns_mean_what_they_mean_on_disk(
    bucket: Bucket, source: str, labels: list[str]
) -> None:
    bucket.objects = {key: key.encode() for key in KEYS}
    listed = list_corpus(corpus(source))
    assert [file.label for file in listed] == labels
    for file in listed:
        key = file.path.removeprefix("s3://data/")
        assert (file.size, file.version) == (len(key.encode()), etag(key.encode()))


def test_lists_of_sources_mix_disk_and_s3_and_name_nothing_twice(
    bucket: Bucket, tmp_path: Path, read_corpus: Reader
) -> None:
    (tmp_path / "local.txt").write_text("on disk\n")
    bucket.objects = {"a/1.txt": b"one\ntwo", "a/2.txt.gz": gzip.compress(b"three"), "a/3.txt.bz2": bz2.compress(b"4")}
    mixed = corpus("s3://data/a/2.txt.gz", str(tmp_path / "local.txt"), "s3://data/a/")
    found = read_corpus(mixed)
    assert [(each.id, each.text) for each in found] == [
        ("2.txt.gz:0", "three"),
        ("local.txt:0", "on disk"),
        ("1.txt:0", "one"),
        ("1.txt:1", "two"),
        ("3.txt.bz2:0", "4"),
    ]


def test_a_large_object_is_read_stretch_by_stretch(bucket: Bucket, read_corpus: Reader) -> None:
    bucket.objects = {"big.txt": b"".join(b"line %d\n" % number for number in range(200))}
    spec = corpus("s3://data/big.txt")
    whole = read_corpus(spec)
    assert read_corpus(spec, row_range_bytes=300) == whole
    assert len(whole) == 200
    assert any(wanted for _, _, wanted in bucket.asked)


@pytest.mark.parametrize("form", ["files", "lines", "jsonl", "csv"])
def test_an_object_that_changed_since_it_was_listed_closes_as_such(bucket: Bucket, form: Format) -> None:
    bucket.objects = {"a.txt": b"text\n", "b.txt": b"text\n", "empty.txt": b""}
    spec = corpus("s3://data/", form=form)
    (source_range,) = ranges(spec, list_corpus(spec))
    bucket.objects |= {"a.txt": b"other\n", "empty.txt": b"no more"}
    del bucket.objects["b.txt"]
    found = [block for block in RangeReader(spec, source_range, undecodable="error").blocks() if block.ids]
    codes = [trouble.code for block in found for trouble in block.troubles.values()]
    assert codes == ["INPUT_CHANGED"] * 3


def test_an_object_that_changes_while_it_is_read_is_told_and_never_mixed(bucket: Bucket) -> None:
    data = b"".join(b"line %d\n" % number for number in range(1000))
    bucket.objects = {"a.txt": data}
    spec = corpus("s3://data/a.txt")
    (source_range,) = ranges(spec, list_corpus(spec))
    bucket.breaks = [3000]

    def meddle(key: str, wanted: str | None) -> None:
        if wanted:
            bucket.objects[key] = data.upper()

    bucket.before = meddle
    reader = RangeReader(spec, source_range, undecodable="error", chunk_bytes=100)
    texts = [text for block in reader.blocks() for text in block.texts]
    assert reader.changed_while_read == {0}
    assert all(text.startswith("line") for text in texts)
    assert count_range(spec, source_range) is None


def test_a_body_that_breaks_off_is_asked_for_again_from_there(bucket: Bucket, read_corpus: Reader) -> None:
    bucket.objects = {"a.txt": b"".join(b"line %d\n" % number for number in range(1000))}
    bucket.breaks = [3000, 10]
    found = read_corpus(corpus("s3://data/a.txt"), chunk_bytes=500)
    assert [each.text for each in found] == [f"line {number}" for number in range(1000)]
    assert len([each for each in bucket.asked if each[0] == "GET"]) == 3


@pytest.mark.parametrize(
    ("status", "code", "message", "hint"),
    [
        (403, "AccessDenied", "no permission to read s3://data/a.txt", "s3:GetObject"),
        (403, "InvalidAccessKeyId", "cannot be read with these credentials", "profile"),
        (403, "InvalidObjectState", "archive storage class", "restore it first"),
        (400, "Odd", r"s3://data/a.txt cannot be read \(Odd: as told\)", "mend what S3 says"),
    ],
)
def test_refusals_say_what_and_what_to_do(bucket: Bucket, status: int, code: str, message: str, hint: str) -> None:
    bucket.objects = {"a.txt": b"text"}
    bucket.refused = {"a.txt": (status, code)}
    spec = corpus("s3://data/a.txt")
    with pytest.raises(SourceError, match=message) as caught:
        list_corpus(spec)
    assert hint in str(caught.value.hint)
    bucket.refused = {}
    (source_range,) = ranges(spec, list_corpus(spec))
    bucket.refused = {"a.txt": (status, code)}
    with pytest.raises(SourceError, match=message):
        list(RangeReader(spec, source_range, undecodable="error").blocks())


def test_what_is_not_there_is_told_with_what_is(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.objects = {"reviews/one.txt": b""}
    with pytest.raises(SourceError, match=r"s3://data/reviews/on.txt matches no object") as caught:
        list_corpus(corpus("s3://data/reviews/on.txt"))
    assert "reviews/one.txt" in str(caught.value.hint)
    with pytest.raises(SourceError, match="there is no bucket elsewhere"):
        list_corpus(corpus("s3://elsewhere/"))
    with pytest.raises(SourceError, match="nobody"):
        list_corpus(corpus("s3://data/", profile="nobody"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    sources.forget_source_clients()
    with pytest.raises(SourceError, match="cannot be read with these credentials"):
        list_corpus(corpus("s3://data/"))


def test_a_corpus_is_read_with_its_own_profile(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bucket.objects = {"a.txt": b""}
    (tmp_path / "config").write_text(f"[profile mine]\nregion = eu-west-1\nendpoint_url = {bucket.url}\n")
    (tmp_path / "credentials").write_text("[mine]\naws_access_key_id = k\naws_secret_access_key = s\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    sources.forget_source_clients()
    assert [file.label for file in list_corpus(corpus("s3://data/", profile="mine"))] == ["a.txt"]


def test_a_bucket_in_another_region_is_followed_there_or_named_with_it(bucket: Bucket, read_corpus: Reader) -> None:
    bucket.objects = {"a.txt": b"one\ntwo"}
    bucket.region = "eu-south-2"
    assert [each.text for each in read_corpus(corpus("s3://data/"))] == ["one", "two"]
    sources.forget_source_clients()
    bucket.follows = False
    with pytest.raises(SourceError, match="the bucket data is in eu-south-2") as caught:
        list_corpus(corpus("s3://data/"))
    assert "AWS_REGION=eu-south-2" in str(caught.value.hint)


@pytest.mark.parametrize("row_range_bytes", [1 << 30, 70_000])
def test_parquet_is_read_here_and_there(bucket: Bucket, read_corpus: Reader, row_range_bytes: int) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    columns = {"text": [f"text {number}" for number in range(300)], "other": ["x" * 1000] * 300}
    pq.write_table(pa.table(columns), out, row_group_size=50, compression="none", use_dictionary=False)
    bucket.objects = {"x.parquet": out.getvalue()}
    spec = corpus("s3://data/x.parquet", form="parquet")
    found = read_corpus(spec, row_range_bytes=row_range_bytes)
    assert [(each.position, each.text) for each in found] == [(n, f"text {n}") for n in range(300)]
    asked = [wanted.removeprefix("bytes=").split("-") for _, _, wanted in bucket.asked if wanted]
    if row_range_bytes > len(out.getvalue()):
        assert sum(int(end) + 1 - int(begin) for begin, end in asked) < len(out.getvalue()) / 2
    bucket.before = lambda key, _: bucket.objects.update({key: b"other"})
    (source_range, *_) = ranges(spec, list_corpus(spec))
    (block,) = RangeReader(spec, source_range, undecodable="error").blocks()
    assert [trouble.code for trouble in block.troubles.values()] == ["INPUT_CHANGED"]
