"""`runner doctor` as a user sees it."""

from __future__ import annotations

import json

from tests.acceptance.house import House


def test_a_lane_of_runner_serve_is_well(house: House) -> None:
    said = house.command("doctor", "m.yaml")
    assert said.code == 0, said.out
    for line in (
        "near\n",
        "  ok      identity: arn:aws:iam::000000000000:root, account 000000000000\n",
        f"  ok      staging: s3://{house.bucket}/ can be written to, listed, read and cleaned up\n",
        "  ok      Comprehend: SentimentDetection: 0 of ",
        "  unknown role: there is no IAM here\n",
    ):
        assert line in said.out
    assert said.err.endswith(" 0 wrong, 1 unknown\n")


def test_what_was_put_is_deleted_and_no_job_is_started(house: House) -> None:
    import urllib.request

    assert house.endpoint is not None
    before = house.endpoint.accepted
    house.command("doctor", "m.yaml")
    with urllib.request.urlopen(f"{house.endpoint.url}/{house.bucket}?list-type=2", timeout=10) as answer:
        assert b"<Key>" not in answer.read()
    assert house.endpoint.accepted == before
    assert not (house.root / "runs").exists()


def test_what_is_wrong_ends_with_code_2_and_the_policy_to_paste(house: House) -> None:
    assert house.endpoint is not None
    house.endpoint.set_faults({"operation": "PutObject", "do": "access_denied"})
    said = house.command("doctor", "m.yaml")
    assert said.code == 2
    assert f"wrong   staging: s3://{house.bucket}/ cannot be written to: AccessDenied" in said.out
    assert "near: the policy for whoever runs this\n{" in said.out
    assert f'"arn:aws:s3:::{house.bucket}/*"' in said.out


def test_a_missing_bucket_is_told_with_the_command_that_makes_it(house: House) -> None:
    house.tell(lanes=[house.lane(staging="s3://nowhere/x/")])
    said = house.command("doctor", "m.yaml")
    assert said.code == 2
    assert (
        "wrong   bucket: there is no bucket nowhere\n          → aws s3 mb s3://nowhere --region us-east-1\n"
        in said.out
    )
    assert "cannot be written to" not in said.out


def test_findings_and_policies_are_there_as_json(house: House) -> None:
    told = json.loads(house.command("doctor", "m.yaml", "--json").out)
    assert {finding["place"] for finding in told["findings"]} == {"machine", "corpora", "near"}
    assert json.loads(house.command("doctor", "m.yaml", "--policies").out) == told["policies"]
    assert told["policies"]["near"].keys() == {"caller", "role", "trust"}


def test_on_an_embedded_lane_there_is_nobody_to_ask(empty: House) -> None:
    said = empty.command("doctor", "m.yaml")
    assert said.code == 0
    assert "the run brings its own local Comprehend" in said.out
    assert json.loads(empty.command("doctor", "m.yaml", "--policies").out) == {}
