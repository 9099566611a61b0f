"""Bad manifests and the whole of what is said of them: where, what was found, what is valid, what is nearest."""

from __future__ import annotations

import pytest

BAD = """\
version: 2
name: Tickets
budget_usd: 3
lanes:
  - name: v
    endpoint: aws
    tags: {a: 1, "aws:b": x}
    kms: {volume: alias/mine, output: "a key"}
    vpc: {subnets: []}
    account: 012345678901
    external_id: abc
    staging: my-bucket/runner
    quotas: {active_jobs: {sentment: 3}, start_per_s: 0, reserve_slots: 12}
corpora:
  - {name: reviews, source: "data/reviews/**/*.txt", format: jsonlines, langage: en}
  - {name: tickets, source: [s3://a/b, 5], format: csv, text: [subject, 2, 3], language: {detect: [en]}, keep: [a]}
  - {name: tickets, format: lines, text: x, language: englisch, limit: 0}
analyses:
  - sentimnt
  - pii_entities
  - {family: entities, name: text, corpora: [tickts], oversize: split, mode: both}
policy: {budget_usd: "100", tolerate: {errors: 0.001}, spool_budget: 1.5 XB, reuse: true}
output: {text: true, emit: changed, directory: s3://x, a: 1, a: 2}
"""

SAID = """\
m.yaml:1:10: version: this program reads manifests of version 1, found the number 2
m.yaml:2:7: name: 'Tickets' is no name; a name is a lower-case letter, then a-z, 0-9, _ and -
m.yaml:3:1: budget_usd: unknown key 'budget_usd'; valid are version, name, extends, lanes, corpora, analyses, \
policy, output and prices (budget_usd is a key of policy)
m.yaml:5:5: lanes.v.data_access_role: missing: a lane with endpoint 'aws' needs it \
(arn:aws:iam::<account>:role/<name>, with which the service reads and writes there)
m.yaml:5:5: lanes.v.region: missing: a lane with endpoint 'aws' needs it (for example us-east-1)
m.yaml:7:15: lanes.v.tags.a: expected text, found the number 1 (put it in quotes)
m.yaml:7:18: lanes.v.tags.aws:b: a tag that begins with aws: is Amazon's own
m.yaml:8:19: lanes.v.kms.volume: 'alias/mine' is an alias; the service takes a key id or the ARN of a key here
m.yaml:8:39: lanes.v.kms.output: 'a key' is no KMS key; valid are a key id, its ARN, alias/<name>, or the ARN of \
an alias
m.yaml:9:10: lanes.v.vpc.security_groups: missing (a list of ids as in sg-0a1b2c3d)
m.yaml:9:20: lanes.v.vpc.subnets: expected a list of 1 to 16 ids as in subnet-0a1b2c3d, found a list of 0
m.yaml:10:14: lanes.v.account: expected the 12 digits of an account, found the number 12345678901 (put it in quotes: \
a number loses its leading zeros)
m.yaml:11:5: lanes.v.external_id: is of use with assume_role only
m.yaml:12:14: lanes.v.staging: expected an S3 location, found 'my-bucket/runner' (s3://<bucket>/<prefix>/)
m.yaml:13:28: lanes.v.quotas.active_jobs.sentment: unknown family 'sentment'; valid are dominant_language, entities, \
key_phrases, sentiment, targeted_sentiment, pii_entities, events, topics, classification and custom_entities \
(did you mean sentiment?)
m.yaml:13:55: lanes.v.quotas.start_per_s: expected a number above 0, found the number 0
m.yaml:13:73: lanes.v.quotas.reserve_slots: 12 of 10 active jobs are left to others, so that none could start
m.yaml:15:5: corpora.reviews.language: missing: pii_entities takes documents of one language (a code such as en)
m.yaml:15:62: corpora.reviews.format: 'jsonlines' is no format; valid are files, lines and jsonl (did you mean jsonl?)
m.yaml:15:73: corpora.reviews.langage: unknown key 'langage'; valid are name, source, format, text, id, language, \
encoding, keep, where, limit, sample, profile and lanes (did you mean language?)
m.yaml:16:30: corpora.tickets.source[0]: a source in S3 is not supported yet; this version reads local files
m.yaml:16:40: corpora.tickets.source[1]: expected text, found the number 5 (put it in quotes)
m.yaml:16:52: corpora.tickets.format: format csv is not supported yet; this version takes files, lines and jsonl
m.yaml:16:73: corpora.tickets.text[1]: expected text, found the number 2 (put it in quotes)
m.yaml:16:76: corpora.tickets.text[2]: expected text, found the number 3 (put it in quotes)
m.yaml:16:90: corpora.tickets.language: language {detect: …} is not supported yet; this version takes a code such as en
m.yaml:16:112: corpora.tickets.keep: keep (columns carried to the output) is not supported yet; leave the key out
m.yaml:17:5: corpora.tickets.source: missing (a file, a folder or a pattern; or a list of them)
m.yaml:17:12: corpora.tickets.name: the name 'tickets' is taken (by the one at line 16)
m.yaml:17:36: corpora.tickets.text: format lines takes no text: a line is a document as a whole (for rows with keys: \
format jsonl)
m.yaml:17:55: corpora.tickets.language: 'englisch' is no language of the service; valid are ar, de, en, es, fr, hi, \
it, ja, ko, pt, zh and zh-TW (did you mean en?)
m.yaml:17:72: corpora.tickets.limit: expected a whole number of 1 or more, found the number 0
m.yaml:19:5: analyses.sentimnt: 'sentimnt' is no family; valid are dominant_language, entities, key_phrases and \
sentiment (did you mean sentiment?)
m.yaml:20:5: analyses.pii_entities: family pii_entities is not supported yet; this version takes dominant_language, \
entities, key_phrases and sentiment
m.yaml:21:30: analyses.text.name: an analysis may not be called text: result lines have a key of that name already
m.yaml:21:46: analyses.text.corpora[0]: no corpus is called 'tickts'; there are reviews and tickets \
(did you mean tickets?)
m.yaml:21:65: analyses.text.oversize: oversize split is not supported yet; this version takes skip and error
m.yaml:21:72: analyses.text.mode: entities takes no mode; pii_entities does
m.yaml:22:22: policy.budget_usd: expected a number, found '100' (write it as 100, without quotes)
m.yaml:22:48: policy.tolerate.errors: expected a count such as 10, or a percentage such as 0.1%, \
found the number 0.001 (write 0.1%)
m.yaml:22:70: policy.spool_budget: 'XB' is no unit of size; valid are B, KB, MB, GB or TB
m.yaml:22:85: policy.reuse: reuse (of earlier runs' results) is not supported yet; leave the key out
m.yaml:23:16: output.text: true (documents' texts in the results) is not supported yet; leave the key out
m.yaml:23:28: output.emit: emit changed is not supported yet; this version takes all
m.yaml:23:48: output.directory: an output directory in S3 is not supported yet; results are written to local files
m.yaml:23:56: output.a: unknown key 'a'; valid are directory, compression, max_file_bytes, text and emit
m.yaml:23:62: the key 'a' is here twice (first at 23:56; keep one of them)"""

BASE = """\
version: 1
name: demo
"""
REVIEWS = "corpora: [{name: reviews, source: x, language: en}]\n"
LANE = """\
version: 1
name: demo
corpora: [{name: reviews, source: x, language: en}]
analyses: [sentiment]
lanes:
  - {name: a, endpoint: http://127.0.0.1:1, region: us-east-1, staging: s3://bucket/, data_access_role: "arn:aws:iam::123456789012:role/x", %s}
"""


def test_everything_wrong_with_a_manifest_is_told_at_once_in_the_order_of_the_file(said):
    assert "\n".join(said(BAD)) == SAID


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["m.yaml:1:1: the file is empty; a manifest is a mapping (begin with `version: 1` and `name: …`)"]),
        (
            "- a\n- b\n",
            ["m.yaml:1:1: a manifest is a mapping of keys, and this is a list (begin with `version: 1` and `name: …`)"],
        ),
        (
            "just words\n",
            [
                (
                    "m.yaml:1:1: a manifest is a mapping of keys, and this is 'just words'"
                    " (begin with `version: 1` and `name: …`)"
                )
            ],
        ),
        (
            "{}",
            [
                "m.yaml:1:1: analyses: missing (at least one, for example `- sentiment`)",
                "m.yaml:1:1: corpora: missing (at least one, each with name and source)",
                "m.yaml:1:1: name: missing (it names the folder of the runs)",
                "m.yaml:1:1: version: missing (write `version: 1`)",
            ],
        ),
        (
            BASE + "corpora: []\nanalyses: []\nlanes: []\n",
            [
                "m.yaml:3:10: corpora: expected at least one in the list",
                "m.yaml:4:11: analyses: expected at least one in the list",
                "m.yaml:5:8: lanes: expected at least one in the list (leave the key out for one embedded lane)",
            ],
        ),
        (
            BASE + REVIEWS + "analyses: {sentiment: {}}\npolicy: 3\n",
            [
                "m.yaml:4:11: analyses: expected a list, found a mapping",
                (
                    "m.yaml:5:9: policy: expected a mapping, found the number 3 (its keys are tolerate, undecodable,"
                    " on_failure, budget_usd, allow_unknown_price, max_job_bytes, max_job_documents, repair_rounds, reuse,"
                    " duplicate_ids and spool_budget)"
                ),
            ],
        ),
        (
            BASE + "corpora: [reviews, ~, 3]\nanalyses: [sentiment, 5]\n",
            [
                (
                    "m.yaml:3:11: corpora.reviews: expected a mapping, found 'reviews' (its keys are name, source, format,"
                    " text, id, language, encoding, keep, where, limit, sample, profile and lanes)"
                ),
                (
                    "m.yaml:3:20: corpora[1]: expected a mapping, found nothing (its keys are name, source, format, text,"
                    " id, language, encoding, keep, where, limit, sample, profile and lanes)"
                ),
                (
                    "m.yaml:3:23: corpora[2]: expected a mapping, found the number 3 (its keys are name, source, format,"
                    " text, id, language, encoding, keep, where, limit, sample, profile and lanes)"
                ),
                (
                    "m.yaml:4:23: analyses[1]: expected a mapping, found the number 5 (its keys are family, name, corpora,"
                    " oversize, mode, types, mask, topics, classifier and recognizer)"
                ),
            ],
        ),
        (
            BASE + REVIEWS + "analyses:\n  - sentiment\n  - {family: sentiment}\n",
            ["m.yaml:6:5: analyses.sentiment.name: the name 'sentiment' is taken (give it a `name` of its own)"],
        ),
        (
            BASE
            + "corpora: [{name: a, source: x, language: en}, {name: b, source: x}]\n"
            + "analyses: [{family: sentiment, corpora: [a, a]}, {family: entities, name: e, corpora: []}]\n",
            [
                "m.yaml:3:47: corpora.b: no analysis reads it (name it in an analysis, or leave it out)",
                "m.yaml:4:45: analyses.sentiment.corpora[1]: 'a' is in the list twice",
                "m.yaml:4:87: analyses.e.corpora: expected at least one in the list",
            ],
        ),
        (
            BASE + "corpora: [{name: a, source: x, format: jsonl}]\nanalyses: [sentiment, entities]\n",
            [
                (
                    "m.yaml:3:11: corpora.a.language: missing: sentiment and entities take documents of one language"
                    " (a code such as en)"
                ),
                (
                    "m.yaml:3:11: corpora.a.text: missing: format jsonl needs it"
                    " (the path of the text in a row, for example body)"
                ),
            ],
        ),
        (
            LANE % "quotas: {active_jobs: {entities: 3, custom_entities: 4}}",
            [
                (
                    "m.yaml:6:194: lanes.a.quotas.active_jobs.custom_entities: custom_entities and entities are one"
                    " operation of the service, so they have one number"
                )
            ],
        ),
        (
            LANE % "}\n  - {name: b",
            ["m.yaml:7:5: lanes.b: a run uses embedded or remote lanes, never both"],
        ),
        (
            BASE + REVIEWS + "analyses: [sentiment]\nlanes: [{name: a}, {name: b}]\n",
            ["m.yaml:5:20: lanes.b: several lanes are not supported yet; keep one of them"],
        ),
        (
            BASE + REVIEWS + "analyses: [sentiment]\nlanes: [{name: a, endpoint: emdedded}]\n",
            [
                (
                    "m.yaml:5:29: lanes.a.endpoint: 'emdedded' is no endpoint; valid are embedded, aws, or an http or"
                    " https URL (did you mean embedded?)"
                )
            ],
        ),
        (
            BASE
            + REVIEWS
            + "analyses: [sentiment]\nprices:\n  sentiment: {tiers: [{up_to: 9, usd_per_unit: 1}, {up_to: 5,"
            + " usd_per_unit: 1}, {up_to: 7, usd_per_unit: -1}], discount: 1.5}\n  entities: {tiers: []}\n",
            [
                "m.yaml:6:60: prices.sentiment.tiers[1].up_to: tiers ascend; the one before goes up to 9",
                "m.yaml:6:89: prices.sentiment.tiers[2].up_to: the last tier has no end; leave up_to out",
                (
                    "m.yaml:6:106: prices.sentiment.tiers[2].usd_per_unit: expected a price of 0 or more,"
                    " found the number -1"
                ),
                (
                    "m.yaml:6:122: prices.sentiment.discount: expected a discount from 0 to 1, or a percentage,"
                    " found the number 1.5"
                ),
                "m.yaml:7:21: prices.entities.tiers: expected at least one tier",
            ],
        ),
        (
            BASE + 'corpora: [{name: "a\\nm.yaml:1:1: forged", source: x, language: en}]\nanalyses: [sentiment]\n',
            [
                (
                    "m.yaml:3:18: corpora[0].name: 'a\\nm.yaml:1:1: forged' is no name; a name is a lower-case letter,"
                    " then a-z, 0-9, _ and -"
                )
            ],
        ),
        (
            BASE + REVIEWS + 'analyses: [sentiment]\n"a\\nb": 1\n',
            [
                (
                    "m.yaml:5:1: 'a\\nb': unknown key 'a\\nb'; valid are version, name, extends, lanes, corpora, analyses,"
                    " policy, output and prices"
                )
            ],
        ),
    ],
)
def test_whole_messages(said, text, messages):
    assert said(text) == messages


def test_of_very_many_problems_the_first_thousand_are_told(said):
    text = BASE + "corpora:\n" + "  - {name: 1}\n" * 2_000 + "analyses: [sentiment]\n"
    assert len(said(text)) == 1_000
