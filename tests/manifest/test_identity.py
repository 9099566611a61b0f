"""What makes two runs the same run."""

from __future__ import annotations

import json
import shutil

import pytest

from runner.manifest import (
    describe_form,
    describe_identity,
    identity_difference,
    identity_digest,
    load_manifest,
)

TEXT = """\
version: 1
name: demo
corpora:
  - {name: tickets, source: [t.jsonl, ../up, /abs/x], format: jsonl, text: [subject, body], id: key, language: en}
  - {name: reviews, source: "./data//*.txt", language: en}
analyses:
  - sentiment
  - {family: entities, name: ents, corpora: [tickets]}
"""


def test_an_identity_is_json_and_says_what_is_bought_and_from_whom(load):
    identity = describe_identity(load(TEXT))
    assert json.loads(json.dumps(identity)) == identity
    assert identity == {
        "version": 1,
        "lane": "embedded",
        "corpora": [
            {
                "name": "tickets",
                "sources": ["t.jsonl", "../up", "/abs/x"],
                "format": "jsonl",
                "text": ["subject", "body"],
                "id": "key",
                "language": {"kind": "fixed", "code": "en", "path": None, "among": []},
                "encoding": "utf-8",
                "limit": None,
            },
            {
                "name": "reviews",
                "sources": ["data/*.txt"],
                "format": "files",
                "text": [],
                "id": None,
                "language": {"kind": "fixed", "code": "en", "path": None, "among": []},
                "encoding": "utf-8",
                "limit": None,
            },
        ],
        "analyses": [
            {
                "name": "sentiment",
                "family": "sentiment",
                "corpora": ["tickets", "reviews"],
                "parameters": {},
                "oversize": "split",
                "document_bytes_max": 5120,
                "languages": ["ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "zh", "zh-TW"],
            },
            {
                "name": "ents",
                "family": "entities",
                "corpora": ["tickets"],
                "parameters": {},
                "oversize": "split",
                "document_bytes_max": 1048576,
                "languages": ["ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "zh", "zh-TW"],
            },
        ],
        "policy": {"undecodable": "error"},
    }


def test_the_digest_is_pinned(load):
    """Runs on disk are found by it: it may change only with `IDENTITY_VERSION`, or with what is bought."""
    assert identity_digest(load(TEXT)) == "5998da92045a68864944b88a7f99c4fda2bb1d5b"


REMOTE = (
    TEXT
    + """\
lanes:
  - name: a
    endpoint: aws
    region: us-east-1
    staging: s3://bucket/
    data_access_role: arn:aws:iam::123456789012:role/x
"""
)


@pytest.mark.parametrize(
    "option",
    [
        "policy={budget_usd: 5, tolerate: {errors: 10%}, on_failure: stop, repair_rounds: 0, spool_budget: 1 GB}",
        "policy={max_job_bytes: 1 MB, max_job_documents: 10, allow_unknown_price: true, repair_rounds: 1}",
        "name=other",
        "prices={sentiment: {discount: 10%}}",
        "lanes.a.name=b",
        "lanes.a.region=eu-west-1",
        "lanes.a.account='123456789012'",
        "lanes.a.profile=x",
        "lanes.a.tags={a: b}",
        "lanes.a.job_name_prefix=x",
        "lanes.a.staging=s3://other/",
        "lanes.a.kms={output: x}",
        "lanes.a.quotas={active_jobs: 3, start_per_s: 0.1}",
        "lanes.a.data_access_role=arn:aws:iam::123456789012:role/y",
        "corpora.tickets.language=EN_us",
        "corpora.tickets.encoding=UTF8",
        "output={directory: x, max_file_bytes: 1}",
    ],
)
def test_what_may_change_between_resumes_leaves_the_identity_alone(load, option):
    assert identity_digest(load(REMOTE, option)) == identity_digest(load(REMOTE))


@pytest.mark.parametrize(
    ("option", "difference"),
    [
        ("lanes.a.endpoint=embedded", 'lane: was "aws", is now "embedded"'),
        ("lanes.a.endpoint=http://127.0.0.1:1", 'lane: was "aws", is now "url"'),
        ("corpora.tickets.limit=10", "corpora.tickets.limit: was not there, is now 10"),
        ("corpora.tickets.language=de", 'corpora.tickets.language.code: was "en", is now "de"'),
        ("corpora.tickets.encoding=latin-1", 'corpora.tickets.encoding: was "utf-8", is now "iso8859-1"'),
        ("corpora.tickets.id=null", 'corpora.tickets.id: was "key", is now not there'),
        ("corpora.tickets.text=body", 'corpora.tickets.text: was ["subject", "body"], is now ["body"]'),
        ("corpora.reviews.source=x", 'corpora.reviews.sources: was ["data/*.txt"], is now ["x"]'),
        ("corpora.reviews.format=lines", 'corpora.reviews.format: was "files", is now "lines"'),
        ("analyses.ents.oversize=error", 'analyses.ents.oversize: was "split", is now "error"'),
        (
            "analyses.ents.corpora=null",
            'analyses.ents.corpora: was ["tickets"], is now ["tickets", "reviews"]',
        ),
        ("policy.undecodable=replace", 'policy.undecodable: was "error", is now "replace"'),
    ],
)
def test_what_changes_results_changes_the_identity_and_is_named(load, option, difference):
    old, new = load(REMOTE), load(REMOTE, option)
    assert identity_digest(old) != identity_digest(new)
    assert identity_difference(describe_identity(old), describe_identity(new)) == [difference]


def test_new_lost_and_reordered_entries_are_named(load):
    old = describe_identity(load(TEXT))
    text = TEXT.replace("  - sentiment\n", "").replace("name: reviews", "name: critics")
    new = describe_identity(load(text + "  - key_phrases\n  - {family: sentiment, name: mood}\n"))
    assert identity_difference(old, new) == [
        "corpora.reviews: is gone",
        "corpora.critics: is new",
        "analyses.sentiment: is gone",
        "analyses.key_phrases: is new",
        "analyses.mood: is new",
    ]
    lines = TEXT.splitlines(keepends=True)
    swapped = describe_identity(load("".join([*lines[:3], lines[4], lines[3], *lines[5:]])))
    assert "corpora: was in the order tickets, reviews, is now reviews, tickets" in identity_difference(old, swapped)


def test_equal_identities_do_not_differ(load):
    identity = describe_identity(load(TEXT))
    assert identity_difference(identity, json.loads(json.dumps(identity))) == []


def test_the_languages_of_the_engine_belong_to_it(load):
    narrowed = load(TEXT, languages={"sentiment": frozenset({"en", "de"})})
    assert identity_difference(describe_identity(load(TEXT)), describe_identity(narrowed)) == [
        (
            'analyses.sentiment.languages: was ["ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt"…,'
            ' is now ["de", "en"]'
        )
    ]


def test_a_checkout_that_moved_goes_on(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "m.yaml").write_text(TEXT)
    before = identity_digest(load_manifest(tmp_path / "here" / "m.yaml"))
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert identity_digest(load_manifest(tmp_path / "there" / "m.yaml")) == before


def test_a_source_of_a_base_is_named_as_seen_from_the_manifest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "common").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "common" / "base.yaml").write_text(TEXT)
    (tmp_path / "mine" / "m.yaml").write_text("extends: ../common/base.yaml\n")
    identity = describe_identity(load_manifest("mine/m.yaml"))
    assert identity["corpora"][0]["sources"] == ["../common/t.jsonl", "../common/../up", "/abs/x"]


def test_the_form_of_the_output_is_apart(load):
    form = describe_form(load(TEXT, "output.max_file_bytes=1 MB"))
    assert form == {
        "compression": "none",
        "max_file_bytes": 1_000_000,
        "text": False,
        "keep": {"tickets": [], "reviews": []},
    }
    assert identity_difference(describe_form(load(TEXT)), form) == ["max_file_bytes: was 512000000, is now 1000000"]
