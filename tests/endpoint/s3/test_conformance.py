"""The S3 subset through boto3: the same tests against this endpoint and, where it is installed, moto's S3."""

from __future__ import annotations

import base64
import hashlib
import uuid
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

MIB = 1024 * 1024


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = pytest.importorskip("moto.server", reason="moto[server] is not installed").ThreadedMotoServer(
        ip_address="127.0.0.1", port=0
    )
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture(scope="module", params=["ours", "moto"])
def s3(request: pytest.FixtureRequest) -> Iterator[Any]:
    url = request.getfixturevalue("endpoint").url if request.param == "ours" else request.getfixturevalue("moto")
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()


# Where moto is known to do otherwise than S3; everywhere else both must agree.
MOTO_DIFFERS = {
    "test_checksums_are_verified_and_given_back": "does not give back checksums of plain puts",
    "test_a_wrong_content_md5_is_refused_and_leaves_nothing": "does not verify Content-MD5",
    "test_an_aborted_upload_leaves_nothing": "answers 500 for a part of an upload that is gone",
    "test_parts_that_are_too_small_or_not_there_are_refused": "judges sizes before order",
    "test_names_that_are_no_buckets_are_refused": "takes any name in us-east-1",
}


@pytest.fixture(autouse=True)
def _where_moto_differs(request: pytest.FixtureRequest) -> None:
    reason = MOTO_DIFFERS.get(request.node.originalname)
    if reason and "moto" in request.node.callspec.id.split("-"):
        pytest.skip(f"moto {reason}")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def keys(answer: dict[str, Any]) -> list[str]:
    return [entry["Key"] for entry in answer.get("Contents", [])]


def body_of(answer: dict[str, Any]) -> bytes:
    with answer["Body"] as body:
        return body.read()


@pytest.mark.parametrize("size", [0, 1, 1000, 3 * MIB + 7])
def test_what_is_put_is_got(s3: Any, bucket: str, size: int) -> None:
    data = hashlib.shake_128(b"seed").digest(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=data, ContentType="text/plain", Metadata={"colour": "blue"})
    got = s3.get_object(Bucket=bucket, Key="k")
    assert body_of(got) == data
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert got["ContentLength"] == size
    assert got["ContentType"] == "text/plain"
    assert got["Metadata"] == {"colour": "blue"}
    assert datetime.now(UTC) - got["LastModified"] < timedelta(minutes=1)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentLength"], head["ETag"], head["Metadata"]) == (size, put["ETag"], {"colour": "blue"})


def test_a_put_replaces(s3: Any, bucket: str) -> None:
    for body in (b"first, and longer", b"second"):
        s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert body_of(s3.get_object(Bucket=bucket, Key="k")) == b"second"


@pytest.mark.parametrize(("asked", "expected", "content_range"), [
    ("bytes=0-3", b"0123", "bytes 0-3/10"),
    ("bytes=4-4", b"4", "bytes 4-4/10"),
    ("bytes=7-", b"789", "bytes 7-9/10"),
    ("bytes=-2", b"89", "bytes 8-9/10"),
    ("bytes=8-99", b"89", "bytes 8-9/10"),
])  # fmt: skip
def test_a_range_is_a_part(s3: Any, bucket: str, asked: str, expected: bytes, content_range: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="k", Range=asked)
    assert body_of(got) == expected
    assert got["ContentRange"] == content_range
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_a_range_past_the_end_is_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")
    assert code_of(error) == "InvalidRange"


def test_a_large_range_is_streamed(s3: Any, bucket: str) -> None:
    data = hashlib.shake_128(b"big").digest(2 * MIB)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    assert body_of(s3.get_object(Bucket=bucket, Key="k", Range=f"bytes=100-{MIB + 99}")) == data[100 : MIB + 100]


def test_reads_hold_to_their_conditions(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    assert body_of(s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)) == b"x"
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="k", IfMatch='"0123"')
    assert code_of(error) == "PreconditionFailed"
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304


def test_writes_hold_to_their_conditions(s3: Any, bucket: str) -> None:
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert code_of(error) == "PreconditionFailed"
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch='"0123"')
    assert code_of(error) == "PreconditionFailed"
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=first["ETag"])
    assert body_of(s3.get_object(Bucket=bucket, Key="k")) == b"3"


@pytest.mark.parametrize(("algorithm", "digest"), [
    ("CRC32", lambda data: zlib.crc32(data).to_bytes(4, "big")),
    ("SHA1", lambda data: hashlib.sha1(data).digest()),
    ("SHA256", lambda data: hashlib.sha256(data).digest()),
])  # fmt: skip
def test_checksums_are_verified_and_given_back(s3: Any, bucket: str, algorithm: str, digest: Any) -> None:
    right = base64.b64encode(digest(b"body")).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=b"body", **{f"Checksum{algorithm}": right})
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"] == right


def test_a_wrong_content_md5_is_refused_and_leaves_nothing(s3: Any, bucket: str) -> None:
    wrong = base64.b64encode(hashlib.md5(b"another").digest()).decode()
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"body", ContentMD5=wrong)
    assert code_of(error) == "BadDigest"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_copies_share_content_and_outlive_their_source(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="from/ä b+c", Body=b"body", ContentType="text/plain", Metadata={"a": "1"})
    s3.copy_object(Bucket=bucket, Key="to/1", CopySource={"Bucket": bucket, "Key": "from/ä b+c"})
    s3.copy_object(
        Bucket=bucket,
        Key="to/2",
        CopySource={"Bucket": bucket, "Key": "to/1"},
        MetadataDirective="REPLACE",
        Metadata={"b": "2"},
        ContentType="text/csv",
    )
    s3.delete_object(Bucket=bucket, Key="from/ä b+c")
    one, two = (s3.get_object(Bucket=bucket, Key=f"to/{number}") for number in (1, 2))
    assert body_of(one) == body_of(two) == b"body"
    assert (one["ContentType"], one["Metadata"]) == ("text/plain", {"a": "1"})
    assert (two["ContentType"], two["Metadata"]) == ("text/csv", {"b": "2"})
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=bucket, Key="to/3", CopySource={"Bucket": bucket, "Key": "gone"})
    assert code_of(error) == "NoSuchKey"


def test_what_is_deleted_is_gone_and_deleting_nothing_succeeds(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for _ in range(2):
        assert s3.delete_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="k")
    assert code_of(error) == "NoSuchKey"
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket=bucket, Key="k")
    assert code_of(error) == "404"


def test_many_keys_are_deleted_at_once(s3: Any, bucket: str) -> None:
    names = [f"dir/{number:03d} <&>" for number in range(30)]
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": name} for name in [*names[:20], "absent"]]})
    assert {entry["Key"] for entry in answer["Deleted"]} == {*names[:20], "absent"}
    assert keys(s3.list_objects_v2(Bucket=bucket)) == names[20:]


AWKWARD = [
    "a",
    "a b",
    "a&<b>\"'",
    "a+b",
    "a/../../etc",
    "a//b",
    "a%2Fb",
    "a/",
    "ä/ö",
    "日本/語",
    "😀",
    "~",
    ".",
    "..",
    "a?b#c",
]


def test_any_key_is_just_a_name_and_lists_in_the_order_of_its_bytes(s3: Any, bucket: str) -> None:
    for key in AWKWARD:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert keys(s3.list_objects_v2(Bucket=bucket)) == sorted(AWKWARD, key=str.encode)
    for key in AWKWARD:
        assert body_of(s3.get_object(Bucket=bucket, Key=key)) == key.encode()


def test_listing_pages_through_prefixes_and_delimiters(s3: Any, bucket: str) -> None:
    for key in ("a/1", "a/2", "b", "c/d/1", "c/e", "d"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"xyz")
    whole = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert keys(whole) == ["b", "d"]
    assert [entry["Prefix"] for entry in whole["CommonPrefixes"]] == ["a/", "c/"]
    assert keys(s3.list_objects_v2(Bucket=bucket, Prefix="c/", Delimiter="/")) == ["c/e"]
    assert keys(s3.list_objects_v2(Bucket=bucket, StartAfter="b")) == ["c/d/1", "c/e", "d"]
    seen: list[str] = []
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
    for page in pages:
        found = keys(page) + [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        assert len(found) <= 1
        seen += found
    assert seen == ["a/", "b", "c/", "d"]
    (entry,) = s3.list_objects_v2(Bucket=bucket, Prefix="b")["Contents"]
    assert (entry["Size"], entry["ETag"]) == (3, f'"{hashlib.md5(b"xyz").hexdigest()}"')


def test_the_first_version_of_listing_pages_by_marker(s3: Any, bucket: str) -> None:
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"")
    pages = list(s3.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
    assert [keys(page) for page in pages] == [["k0", "k1"], ["k2", "k3"], ["k4"]]


def test_an_upload_in_parts_becomes_one_object(s3: Any, bucket: str) -> None:
    pieces = [hashlib.shake_128(bytes([number])).digest(5 * MIB) for number in (1, 2)] + [b"the end"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ContentType="text/plain", Metadata={"a": "1"})
    upload_id = upload["UploadId"]
    parts = []
    for number, piece in reversed(list(enumerate(pieces, start=1))):
        etag = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=number, Body=piece)["ETag"]
        parts.insert(0, {"PartNumber": number, "ETag": etag})
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload_id)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in listed] == [(1, 5 * MIB), (2, 5 * MIB), (3, 7)]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    done = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload_id, MultipartUpload={"Parts": parts})
    digests = b"".join(hashlib.md5(piece).digest() for piece in pieces)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert body_of(got) == b"".join(pieces)
    assert (got["ContentType"], got["Metadata"]) == ("text/plain", {"a": "1"})
    with pytest.raises(ClientError) as error:
        s3.list_parts(Bucket=bucket, Key="k", UploadId=upload_id)
    assert code_of(error) == "NoSuchUpload"


def test_parts_can_be_copied_from_ranges_of_objects(s3: Any, bucket: str) -> None:
    data = hashlib.shake_128(b"source").digest(6 * MIB)
    s3.put_object(Bucket=bucket, Key="source", Body=data)
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    parts = []
    for number, span in enumerate((f"bytes=0-{5 * MIB - 1}", f"bytes={5 * MIB}-{6 * MIB - 1}"), start=1):
        answer = s3.upload_part_copy(
            Bucket=bucket,
            Key="k",
            UploadId=upload_id,
            PartNumber=number,
            CopySource={"Bucket": bucket, "Key": "source"},
            CopySourceRange=span,
        )
        parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload_id, MultipartUpload={"Parts": parts})
    assert body_of(s3.get_object(Bucket=bucket, Key="k")) == data


def test_an_aborted_upload_leaves_nothing(s3: Any, bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=1, Body=b"x")
    assert [entry["UploadId"] for entry in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload_id]
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload_id)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    with pytest.raises(ClientError) as error:
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=2, Body=b"x")
    assert code_of(error) == "NoSuchUpload"


def test_parts_that_are_too_small_or_not_there_are_refused(s3: Any, bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    etags = [
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=number, Body=b"small")["ETag"]
        for number in (1, 2)
    ]
    both = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, start=1)]
    for parts, code in (
        (both, "EntityTooSmall"),
        ([both[1], both[0]], "InvalidPartOrder"),
        ([{"PartNumber": 1, "ETag": '"00000000000000000000000000000000"'}], "InvalidPart"),
    ):
        with pytest.raises(ClientError) as error:
            s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload_id, MultipartUpload={"Parts": parts})
        assert code_of(error) == code


def test_what_is_not_there_is_said_to_be_missing(s3: Any) -> None:
    for call in (
        lambda: s3.put_object(Bucket="absent-bucket", Key="k", Body=b"x"),
        lambda: s3.get_object(Bucket="absent-bucket", Key="k"),
        lambda: s3.list_objects_v2(Bucket="absent-bucket"),
        lambda: s3.delete_bucket(Bucket="absent-bucket"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert code_of(error) == "NoSuchBucket"
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket="absent-bucket")
    assert code_of(error) == "404"


def test_buckets_are_made_listed_located_and_removed(s3: Any) -> None:
    name = f"b.{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    assert s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket=name)
    assert code_of(error) == "BucketNotEmpty"
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket=name)
    assert code_of(error) == "404"


def test_names_that_are_no_buckets_are_refused(s3: Any) -> None:
    with pytest.raises(ClientError) as error:
        s3.create_bucket(Bucket="Upper-Case")
    assert code_of(error) == "InvalidBucketName"
