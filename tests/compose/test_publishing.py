"""Results for a folder in S3: copied when the run is finished, whatever came in between, and one run's alone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from runner.compose import publishing
from runner.compose.inspecting import verify
from runner.errors import ServiceError
from runner.storage.folder import S3Folder
from tests.acceptance.house import House


def published(house: House, **keys: object) -> str:
    """Have the results copied to a folder of the house's bucket; its URL."""
    house.tell(output={"directory": f"s3://{house.bucket}/results/", **keys})
    return f"{house.endpoint.url}/{house.bucket}/results/"


def fetched(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: bytes = answer.read()
            return found
    except urllib.error.HTTPError:
        return None


def test_finished_results_are_copied_and_verified(house: House) -> None:
    url = published(house)
    said = house.run()
    assert said.code == 0, said.err
    assert f"copies s3://{house.bucket}/results/" in said.talk
    local = house.directory.root / "results"
    names = ["lines/00000.jsonl", "lines.schema.json", "run.json"]
    assert [fetched(url + name) for name in names] == [(local / name).read_bytes() for name in names]
    assert fetched(url + ".run") == f"{house.directory.root.name}\n".encode()
    assert json.loads((local / "run.json").read_bytes())["published"] == f"s3://{house.bucket}/results/"

    said = house.command("verify")
    assert said.code == 0
    assert f"3 copies in s3://{house.bucket}/results/, with the sizes of the files here" in said.out


@pytest.mark.parametrize("stops_at", ["lines/00000.jsonl", "run.json"])
def test_what_breaks_off_is_gone_on_with_where_it_broke(
    house: House, monkeypatch: pytest.MonkeyPatch, stops_at: str
) -> None:
    url = published(house)
    before = house.endpoint.accepted
    put: list[str] = []
    put_file, put_bytes = S3Folder.put_file, S3Folder.put

    def file(self, name, path, digest):
        refuse(name)
        put_file(self, name, path, digest)

    def small(self, name, data):
        refuse(name)
        put_bytes(self, name, data)

    def refuse(name: str) -> None:
        if broken and name == stops_at:
            raise ServiceError("AccessDenied", "no")
        put.append(name)

    monkeypatch.setattr(S3Folder, "put_file", file)
    monkeypatch.setattr(S3Folder, "put", small)
    broken = True
    said = house.run()
    assert said.code == 2
    assert "AccessDenied" in said.err
    assert fetched(url + "run.json") is None
    assert not (house.directory.root / "results" / "run.json").exists()

    broken = False
    assert house.run().code == 0
    assert sorted(put) == [".run", ".run", "lines.schema.json", "lines/00000.jsonl", "run.json"]
    assert verify(house.directory).accounted_for
    assert house.endpoint.accepted == before + 1


def test_a_folder_belongs_to_one_run(house: House) -> None:
    published(house)
    assert house.run().code == 0
    before = house.endpoint.accepted

    said = house.run("--again")

    assert said.code == 2
    first = min(house.directories(), key=lambda run: run.root.name).root.name
    assert f"s3://{house.bucket}/results/: it holds results of run {first}" in said.talk
    assert house.endpoint.accepted == before


def test_a_folder_that_cannot_be_written_ends_the_run_before_anything_is_bought(house: House) -> None:
    house.tell(output={"directory": "s3://no-such-bucket-here/x"})
    before = house.endpoint.accepted
    said = house.run()
    assert said.code == 2
    assert "NoSuchBucket" in said.err
    assert house.endpoint.accepted == before


def test_copies_that_are_missing_or_cut_short_are_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    published(house)
    assert house.run().code == 0
    lane = house.endpoint
    request = urllib.request.Request(f"{lane.url}/{house.bucket}/results/lines/00000.jsonl", b"x", method="PUT")
    urllib.request.urlopen(request, timeout=10).close()
    request = urllib.request.Request(f"{lane.url}/{house.bucket}/results/lines.schema.json", method="DELETE")
    urllib.request.urlopen(request, timeout=10).close()
    said = house.command("verify")
    assert said.code == 3
    for name in ("lines/00000.jsonl", "lines.schema.json"):
        assert f"s3://{house.bucket}/results/{name}: missing, or of another size" in said.out

    def away(*_: object) -> None:
        raise ServiceError("EndpointConnectionError", "nobody answers")

    monkeypatch.setattr(publishing, "folder_of", away)
    said = house.command("verify")
    assert said.code == 0
    assert "could not be looked at: EndpointConnectionError: nobody answers" in " ".join(said.out.split())


def test_where_results_go_is_settled_when_the_run_begins(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(publishing, "publish", full)
        published(house)
        assert house.run().code == 2
    house.tell(output={"directory": "results"})
    said = house.run()
    assert said.code == 2
    assert f"this run began with results that go to s3://{house.bucket}/results/" in said.talk


def full(*_: object) -> None:
    raise ServiceError("SlowDown", "later")


def test_an_embedded_run_copies_with_the_credentials_of_the_environment(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.storage.sources import forget_source_clients

    url = published(house)
    house.tell(lanes=None)
    monkeypatch.setenv("AWS_ENDPOINT_URL", house.endpoint.url)
    forget_source_clients()
    try:
        said = house.run()
    finally:
        forget_source_clients()
    assert said.code == 0, said.err
    assert fetched(url + "run.json") is not None
