"""`--set path=value`, the last word over a manifest."""

from __future__ import annotations

import pytest

from runner.model import LanguageRule

TEXT = """\
version: 1
name: demo
corpora:
  - {name: tickets, source: t.jsonl, format: jsonl, text: body, language: en}
  - {name: reviews, source: "data/*.txt", language: en}
analyses:
  - sentiment
  - {family: entities, name: ents, corpora: [tickets]}
"""


def test_items_are_addressed_by_name(load):
    manifest = load(TEXT, "corpora.tickets.limit=10", "corpora.reviews.language=no-one", "corpora.reviews.language=de")
    tickets, reviews = manifest.corpora
    assert (tickets.limit, reviews.limit) == (10, None)
    assert reviews.language == LanguageRule(kind="fixed", code="de"), "the last one wins"


def test_values_are_yaml(load):
    manifest = load(
        TEXT,
        "corpora.tickets.text=[subject, body]",
        "policy={tolerate: {errors: 5%}, budget_usd: 3}",
        "policy.on_failure=stop",
        "name='on'",
        "analyses.ents.corpora=null",
    )
    assert manifest.corpora[0].text == ("subject", "body")
    assert (manifest.policy.tolerate.share, manifest.policy.on_failure, manifest.policy.budget_usd) == (0.05, "stop", 3)
    assert manifest.name == "on"
    assert manifest.analyses[1].corpora == ("tickets", "reviews")


def test_an_analysis_in_its_short_form_is_addressed_by_its_family(load):
    assert load(TEXT, "analyses.sentiment.oversize=error").analyses[0].oversize == "error"


def test_the_lane_of_a_manifest_without_lanes_is_called_local(load):
    quotas = load(TEXT, "lanes.local.quotas.active_jobs=7").lanes[0].quotas
    assert quotas.active_jobs.of("SentimentDetection") == 7


def test_an_equals_sign_may_stand_in_the_value(load):
    assert load(TEXT, "corpora.reviews.source=a=b").corpora[1].sources[0].endswith("/a=b")


def test_variables_stand_in_a_value_too(load):
    assert load(TEXT, "corpora.tickets.limit=${N}", environment={"N": "3"}).corpora[0].limit == 3


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "corpora.tickets.limt=10",
            (
                "unknown key 'limt'; valid are name, source, format, text, id, language, encoding, csv, keep, where,"
                " limit, sample, profile and lanes (did you mean limit?)"
            ),
        ),
        ("corpora.tickets.limit=ten", "expected a number, found 'ten'"),
        ("corpora.tikets.limit=10", "corpora has no 'tikets' (did you mean tickets?)"),
        ("corpora.x.limit=10", "corpora has no 'x' (there are tickets and reviews)"),
        ("corpora=3", "expected a list, found the number 3"),
        ("corpora.tickets=3", "corpora[0]: expected a mapping, found the number 3"),
        ("analyses.ents.corpora.tickets=3", "analyses.ents.corpora is a list without names; set it as a whole"),
        ("name.first=x", "name holds a single value, so nothing can be set in it"),
        ("policy.tolerate={errors: 3, error: 4}", "policy.tolerate.error: unknown key 'error'; valid is errors"),
        ("policy.tolerate.errors=[1", "not valid YAML: a list in brackets lacks a ',' or its ']'"),
        ("name", "expected path=value (for example corpora.tickets.limit=10)"),
        ("=3", "expected path=value (for example corpora.tickets.limit=10)"),
        ("a..b=3", "expected path=value (for example corpora.tickets.limit=10)"),
        ("extends=x.yaml", "what a manifest extends is written in the manifest"),
        ("a" + ".a" * 9_999 + "=3", "a path of 10000 steps; no key is deeper than 8"),
        ("corpora.tickets.limit=$N", "expected a number, found '$N'"),
        ("corpora.tickets.limit=${N}", "the environment variable N is not set"),
    ],
)
def test_what_is_wrong_is_told_under_the_option_itself(said, option, message):
    (told,) = said(TEXT, option)
    assert told.startswith(f"--set {option}: ")
    assert told.removeprefix(f"--set {option}: ").startswith(message)


def test_problems_of_options_come_behind_those_of_the_file_in_their_order(said):
    told = said(TEXT.replace("version: 1", "version: 3"), "name=A", "policy.x=1")
    assert [line.split(": ")[0] for line in told] == ["m.yaml:1:10", "--set name=A", "--set policy.x=1"]


def test_an_option_that_is_no_text_is_shown_escaped(said):
    (told,) = said(TEXT, "name=\udcff\n")
    assert told == r"--set 'name=\udcff\n': a character that YAML does not allow: '\udcff'"
