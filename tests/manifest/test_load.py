"""What a valid manifest becomes."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from runner.catalogue import ALL_LANGUAGES
from runner.manifest import load_manifest
from runner.model import FamilyPrice, Kms, LanguageRule, Tolerance, Vpc

REMOTE = """\
version: 1
name: tickets
lanes:
  - name: virginia
    endpoint: aws
    region: us-east-1
    account: 123456789012
    profile: work
    assume_role: arn:aws:iam::123456789012:role/Runner
    external_id: "4711"
    staging: s3://my-bucket/runner
    data_access_role: arn:aws:iam::123456789012:role/ComprehendAccess
    kms: {staging: alias/mine, output: 1234abcd-12ab-34cd-56ef-1234567890ab, volume: mrk-1}
    vpc: {subnets: [subnet-1a], security_groups: [sg-1a, sg-2b]}
    tags: {team: search, cost-center: "0042"}
    job_name_prefix: nightly-
    endpoint_urls: {s3: "https://vpce-1.s3.us-east-1.vpce.amazonaws.com/"}
    quotas: {active_jobs: {entities: 4}, start_per_s: 0.5, reserve_slots: 1}
corpora:
  - {name: reviews, source: "data/*.txt", language: en}
analyses: [sentiment]
"""


def test_the_smallest_manifest_has_one_embedded_lane_without_pacing(load):
    manifest = load(cores=3)
    (lane,) = manifest.lanes
    assert (lane.name, lane.kind, manifest.embedded) == ("local", "embedded", True)
    assert lane.quotas.active_jobs.of("SentimentDetection") == 3
    for paced in (lane.quotas.start_per_s, lane.quotas.read_per_s, lane.quotas.stop_per_s):
        assert paced.of("SentimentDetection") is None


def test_what_is_left_out_has_the_defaults_of_the_contract(load, tmp_path):
    manifest = load()
    (corpus,), (analysis,) = manifest.corpora, manifest.analyses
    assert corpus.sources == (f"{tmp_path}/data/*.txt",)
    assert (corpus.format, corpus.encoding, corpus.limit) == ("files", "utf-8", None)
    assert corpus.language == LanguageRule(kind="fixed", code="en")
    assert (analysis.name, analysis.family, analysis.corpora) == ("sentiment", "sentiment", ("reviews",))
    assert (analysis.oversize, analysis.document_bytes_max, analysis.languages) == ("split", 5120, ALL_LANGUAGES)
    assert manifest.policy.tolerate == Tolerance(count=0)
    assert manifest.policy.spool_budget_bytes == 20_000_000_000
    assert (manifest.output.directory, manifest.output.file_bytes_max) == ("results", 512_000_000)
    assert manifest.path == f"{tmp_path}/m.yaml"


def test_a_remote_lane_carries_every_key_to_the_calls_that_take_it(load):
    (lane,) = load(REMOTE).lanes
    assert (lane.kind, lane.remote, lane.url, lane.region) == ("aws", True, None, "us-east-1")
    assert (lane.account, lane.profile, lane.external_id) == ("123456789012", "work", "4711")
    assert lane.assume_role == "arn:aws:iam::123456789012:role/Runner"
    assert lane.staging == "s3://my-bucket/runner/", "closed by a slash"
    assert lane.data_access_role == "arn:aws:iam::123456789012:role/ComprehendAccess"
    assert lane.kms == Kms(staging="alias/mine", output="1234abcd-12ab-34cd-56ef-1234567890ab", volume="mrk-1")
    assert lane.vpc == Vpc(subnets=("subnet-1a",), security_groups=("sg-1a", "sg-2b"))
    assert lane.tags == (("team", "search"), ("cost-center", "0042"))
    assert lane.job_name_prefix == "nightly-"
    assert lane.endpoint_urls == (("s3", "https://vpce-1.s3.us-east-1.vpce.amazonaws.com"),)


def test_quotas_are_looked_up_by_operation_and_default_to_the_services(load):
    quotas = load(REMOTE).lanes[0].quotas
    assert quotas.active_jobs.of("EntitiesDetection") == 4
    assert quotas.active_jobs.of("SentimentDetection") == 10
    assert (quotas.start_per_s.of("SentimentDetection"), quotas.read_per_s.of("SentimentDetection")) == (0.5, 10)
    assert quotas.reserve_slots.of("TopicsDetection") == 1


def test_the_same_manifest_runs_embedded_without_anything_of_the_account(load):
    (lane,) = load(REMOTE, "lanes.virginia.endpoint=embedded", cores=1).lanes
    assert (lane.kind, lane.name) == ("embedded", "virginia")
    assert (lane.account, lane.profile, lane.assume_role, lane.staging, lane.vpc) == (None, None, None, "", None)
    assert lane.quotas.active_jobs.of("EntitiesDetection") == 4, "what is said of slots holds on any lane"
    assert lane.quotas.reserve_slots.of("EntitiesDetection") == 0, "but there is nobody to leave any to"


def test_an_endpoint_may_be_an_url(load):
    (lane,) = load(REMOTE, "lanes.virginia.endpoint=http://127.0.0.1:8080/").lanes
    assert (lane.kind, lane.url, lane.remote) == ("url", "http://127.0.0.1:8080", True)


def test_languages_of_the_engine_narrow_the_catalogues_on_an_embedded_lane_only(load, smallest):
    languages = {"sentiment": frozenset({"en", "xx"}), "entities": None}
    text = smallest.replace("[sentiment]", "[sentiment, entities, key_phrases, dominant_language]")
    narrowed = {spec.name: spec.languages for spec in load(text, languages=languages).analyses}
    assert narrowed["sentiment"] == {"en"}
    assert narrowed["entities"] == narrowed["key_phrases"] == ALL_LANGUAGES
    assert narrowed["dominant_language"] is None
    assert load(REMOTE, languages=languages).analyses[0].languages == ALL_LANGUAGES


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("EN", "en"),
        ("en-US", "en"),
        ("pt_BR", "pt"),
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh-Hans-TW", "zh"),
        ("zh_TW", "zh-TW"),
        ("zh-Hant", "zh-TW"),
        ("ZH-hk", "zh-TW"),
    ],
)
def test_languages_are_normalised(load, written, code):
    assert load(_with_language(written)).corpora[0].language == LanguageRule(kind="fixed", code=code)


def _with_language(code: str) -> str:
    return f"""\
version: 1
name: demo
corpora: [{{name: reviews, source: x, language: {code}}}]
analyses: [sentiment]
"""


def test_no_language_is_needed_where_only_dominant_language_reads(load, smallest):
    text = smallest.replace(", language: en", "").replace("[sentiment]", "[dominant_language]")
    assert load(text).corpora[0].language is None


def test_rows_have_text_and_id(load, tmp_path):
    corpus = load(
        """\
version: 1
name: demo
corpora:
  - {name: a, source: [t/*.jsonl.gz, /abs/x, ../up], format: jsonl, text: [subject, body.html], id: key, language: de,
     limit: 10, encoding: Latin-1}
  - {name: b, source: b.txt, format: lines, language: de}
analyses:
  - {family: entities, name: first, corpora: [b, a], oversize: error}
  - {family: entities, corpora: b}
"""
    )
    first, second = corpus.analyses
    rows = corpus.corpora[0]
    assert rows.sources == (f"{tmp_path}/t/*.jsonl.gz", "/abs/x", f"{tmp_path}/../up")
    assert (rows.format, rows.text, rows.id) == ("jsonl", ("subject", "body.html"), "key")
    assert (rows.limit, rows.encoding) == (10, "iso8859-1")
    assert (first.name, first.corpora, first.oversize) == ("first", ("a", "b"), "error"), "in the corpora's order"
    assert (second.name, second.corpora) == ("entities", ("b",))


def test_policy_output_and_prices_are_carried_over(load, smallest):
    manifest = load(
        smallest
        + """\
policy:
  tolerate: {errors: 0.1%}
  undecodable: replace
  on_failure: stop
  budget_usd: 100
  allow_unknown_price: true
  max_job_bytes: 1.5 MiB
  max_job_documents: 1000
  repair_rounds: 0
  duplicate_ids: keep
  spool_budget: 20 gb
output: {directory: out, compression: none, max_file_bytes: 1000, text: false, emit: all}
prices:
  as_of: 2026-11
  sentiment: {tiers: [{up_to: 10, usd_per_unit: 0.1}, {usd_per_unit: 0}], used_this_month: 5, discount: 10%}
"""
    )
    policy, output = manifest.policy, manifest.output
    assert policy.tolerate == Tolerance(count=None, share=0.001)
    assert (policy.undecodable, policy.on_failure, policy.duplicate_ids) == ("replace", "stop", "keep")
    assert (policy.budget_usd, policy.allow_unknown_price, policy.repair_rounds) == (100.0, True, 0)
    assert (policy.max_job_bytes, policy.max_job_documents) == (1_572_864, 1000)
    assert policy.spool_budget_bytes == 20_000_000_000
    assert (output.directory, output.file_bytes_max, output.text) == ("out", 1000, False)
    assert manifest.prices_as_of == "2026-11"
    price = FamilyPrice(tiers=((10, 0.1), (None, 0.0)), units_used_this_month=5, discount=0.1)
    assert manifest.prices == (("sentiment", price),)


def test_a_key_without_a_value_is_as_good_as_left_out(load, smallest):
    manifest = load(smallest + "lanes:\npolicy: {budget_usd: }\noutput: ~\n".replace("output: ~\n", ""))
    assert manifest.lanes[0].name == "local"
    assert manifest.policy.budget_usd is None


def test_a_manifest_travels_to_worker_processes(load):
    manifest = load(REMOTE)
    assert pickle.loads(pickle.dumps(manifest)) == manifest


def test_a_byte_order_mark_before_a_manifest_is_no_text(tmp_path, smallest):
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + smallest.encode())
    assert load_manifest(path).name == "demo"


def test_a_home_folder_is_found(load, smallest, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    assert load(smallest.replace("data/*.txt", "~/texts")).corpora[0].sources == ("/home/ada/texts",)


def test_the_path_may_be_a_path_object(tmp_path, smallest):
    path = Path(tmp_path, "x.yaml")
    path.write_text(smallest)
    assert load_manifest(path).path == str(path)
