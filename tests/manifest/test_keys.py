"""Every key of the contract's table is known: it is taken, or refused as not supported yet, never ignored."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from pydantic import ValidationError

from runner.catalogue import FAMILIES
from runner.errors import ManifestError
from runner.manifest.schema import ManifestFile

TAKEN = {
    "": ["version: 1", "name: x", "extends: ~", "lanes: ~", "policy: {}", "output: {}", "prices: {}"],
    "lane": [
        "name: x",
        "endpoint: embedded",
        "region: eu-west-1",
        "account: '012345678901'",
        "profile: x",
        "assume_role: arn:aws:iam::123456789012:role/x",
        "external_id: xyz",
        "staging: s3://bucket/x",
        "data_access_role: arn:aws-cn:iam::123456789012:role/path/x",
        "kms: {staging: alias/x, output: alias/x, volume: x, model: x}",
        "vpc: {subnets: [subnet-1], security_groups: [sg-1]}",
        "tags: {a: b}",
        "job_name_prefix: x",
        "endpoint_urls: {comprehend: 'http://x', s3: 'http://x', sts: 'https://x:8443'}",
        "quotas: {active_jobs: 3, start_per_s: 1, read_per_s: 1, stop_per_s: 1, reserve_slots: 1}",
        "quotas: {active_jobs: {topics: 3}, start_per_s: {topics: 0.1}, read_per_s: {events: 1}, stop_per_s: ~}",
    ],
    "corpus": [
        "name: x",
        "source: x",
        "source: [x, y]",
        "format: files",
        "format: lines",
        "format: jsonl",
        "text: a.b",
        "id: x",
        "format: csv",
        "format: parquet",
        "source: s3://bucket/x",
        "source: [x, 's3://bucket/x/*.csv']",
        "text: [a, b.c]",
        "language: en",
        "language: auto",
        "{language: {field: f}, format: jsonl}",
        "language: {detect: [en, de], otherwise: en}",
        "encoding: utf-8",
        '{csv: {delimiter: tab, quote: "\'", header: false}, format: csv}',
        "{keep: [a, b.c], format: jsonl}",
        "{where: {a: b, c.d: [1, 2.5, true, null]}, format: jsonl}",
        "limit: 3",
        "sample: 10%",
        "sample: 0.1",
        "{profile: other, source: s3://bucket/x}",
        "lanes: [local]",
    ],
    "analysis": [
        "family: entities",
        "name: x",
        "corpora: [reviews]",
        "oversize: split",
        "oversize: skip",
        "oversize: error",
        "{family: targeted_sentiment}",
        "{family: pii_entities, mode: offsets}",
        "{family: pii_entities, mode: redaction, mask: '*'}",
        "{family: pii_entities, mode: both, types: [SSN], mask: type}",
        "{family: events, types: [IPO]}",
        "{family: topics, topics: 10}",
        "{family: classification, classifier: {train: x.csv, mode: multi_class}}",
        "{family: classification, classifier: {train: x.csv, mode: multi_label, delimiter: ';', language: de}}",
        "{family: custom_entities, recognizer: {documents: x, entity_list: y}}",
        "{family: custom_entities, recognizer: {documents: [x, y], annotations: z, language: fr}}",
    ],
    "policy": [
        "tolerate: {errors: 0}",
        "tolerate: {errors: 0.1%}",
        "undecodable: error",
        "undecodable: replace",
        "on_failure: finish",
        "on_failure: stop",
        "budget_usd: 0.5",
        "allow_unknown_price: true",
        "max_job_bytes: 1 GB",
        "max_job_documents: 5",
        "repair_rounds: 2",
        "duplicate_ids: keep",
        "duplicate_ids: stop",
        "spool_budget: 20 GB",
        "reuse: {from: answers}",
        "reuse: {from: answers, max_age: 30d}",
    ],
    "output": [
        "directory: results",
        "directory: s3://bucket/results",
        "compression: none",
        "compression: gzip",
        "compression: zstd",
        "max_file_bytes: 512 MB",
        "text: true",
        "emit: all",
    ],
    "prices": ["as_of: 2026-11", "topics: {tiers: [{usd_per_unit: 1}], used_this_month: 1, discount: 0.1}"],
}

LATER = {
    "policy": ["reuse: {from: s3://bucket/answers/}"],
}


@pytest.fixture(autouse=True)
def every_family(monkeypatch):
    """What families take does not depend on whether this version can do them."""
    for name, row in FAMILIES.items():
        monkeypatch.setitem(FAMILIES, name, replace(row, available=True))


def _manifest(section: str, written: str) -> str:
    """A manifest with one more entry in one section, and what that entry cannot do without."""
    entry = yaml.safe_load(written)
    parts: dict[str, dict[str, object]] = {
        "": {"version": 1},
        "lane": {"name": "local"},
        "corpus": {"name": "reviews", "source": "x", "language": "en"},
        "analysis": {"family": "sentiment"},
        "policy": {},
        "output": {},
        "prices": {},
    }
    if ({"text", "id"} & entry.keys() and section == "corpus") or entry.get("format") in {"jsonl", "csv", "parquet"}:
        parts["corpus"] |= {"format": "jsonl", "text": "body"}
    if "external_id" in entry:
        parts["lane"]["assume_role"] = "arn:aws:iam::123456789012:role/x"
    if entry.get("name") and section == "corpus":
        parts["analysis"]["corpora"] = entry["name"]
    parts[section] |= entry
    lists = {"lanes": [parts["lane"]], "corpora": [parts["corpus"]], "analyses": [parts["analysis"]]}
    mappings = {name: parts[name] for name in ("policy", "output", "prices")}
    return json.dumps({"name": "demo", **lists, **mappings, **parts[""]})


@pytest.mark.parametrize(("section", "written"), [(section, key) for section in TAKEN for key in TAKEN[section]])
def test_a_key_of_this_version_is_taken(load, section, written):
    load(_manifest(section, written), cores=4)


@pytest.mark.parametrize(("section", "written"), [(section, key) for section in LATER for key in LATER[section]])
def test_a_key_or_value_of_later_work_is_refused_as_such(said, section, written):
    (message,) = said(_manifest(section, written))
    assert "not supported yet" in message


def test_a_family_that_this_version_cannot_do_is_refused_as_such(said, monkeypatch):
    monkeypatch.setitem(FAMILIES, "events", replace(FAMILIES["events"], available=False))
    for written in ("events", "{family: events, types: [IPO]}", "{family: events, types: [NOTHING]}"):
        (message,) = said(_manifest("analysis", written if "{" in written else f"{{family: {written}}}"))
        assert "family events is not supported yet; this version takes dominant_language, " in message


@pytest.mark.parametrize(
    "key", ["mode: both", "types: [SSN]", "mask: type", "topics: 3", "classifier: x", "recognizer: x"]
)
def test_parameters_belong_to_the_families_that_take_them(said, key):
    (message,) = said(_manifest("analysis", key))
    assert f"sentiment takes no {key.split(':')[0]}" in message


def test_every_required_key_says_what_it_wants(said):
    text = """\
lanes: [{vpc: {}}]
corpora: [{}]
analyses: [{}]
prices: {sentiment: {tiers: [{}]}}
"""
    missing = [message for message in said(text) if "missing" in message]
    assert len(missing) == 9
    assert all(message.endswith(")") for message in missing), "each has a hint"


@pytest.mark.parametrize("data", [{}, [], None, 3, {"corpora": [{}], "lanes": 3, "policy": []}])
def test_the_schema_fails_only_in_ways_that_have_a_sentence(data):
    """The words in `messages` cover every type of error that the schema can make."""
    with pytest.raises(ValidationError) as caught:
        ManifestFile.model_validate(data)
    kinds = {error["type"] for error in caught.value.errors()}
    assert kinds <= {"missing", "extra_forbidden", "value_error", "model_type", "list_type"}


@pytest.mark.parametrize("name", ["corpus", "id", "language", "outcome", "problems", "fields", "text"])
def test_an_analysis_may_not_have_the_name_of_a_key_of_the_results(load, smallest, name):
    with pytest.raises(ManifestError, match=f"may not be called {name}"):
        load(smallest.replace("[sentiment]", f"[{{family: sentiment, name: {name}}}]"))


@pytest.mark.parametrize("name", ["", "A", "1a", "_a", "a b", "a.b", "a/b", "ä", "a" * 101, "../x"])
def test_names_that_could_not_be_folders_are_refused(load, smallest, name):
    with pytest.raises(ManifestError, match="name"):
        load(smallest.replace("name: reviews", f'name: "{name}"'))
