"""Whatever stands in a manifest, the answer is a manifest or a list of problems, and soon."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings, strategies as st

from runner.errors import ManifestError, UserError
from runner.manifest import json_schema, load_manifest

WHOLE: dict[str, Any] = yaml.safe_load("""\
version: 1
name: whole
extends: ~
lanes:
  - name: virginia
    endpoint: aws
    region: us-east-1
    account: "123456789012"
    assume_role: arn:aws:iam::123456789012:role/Runner
    external_id: "4711"
    staging: s3://my-bucket/runner
    data_access_role: arn:aws:iam::123456789012:role/ComprehendAccess
    kms: {staging: alias/mine, output: x}
    vpc: {subnets: [subnet-1a], security_groups: [sg-1a]}
    tags: {team: search}
    job_name_prefix: nightly-
    endpoint_urls: {s3: "https://host:443/"}
    quotas: {active_jobs: {entities: 4}, start_per_s: 0.5, reserve_slots: 1}
corpora:
  - {name: reviews, source: "data/*.txt", format: files, language: en, limit: 3, encoding: utf-8}
  - {name: tickets, source: [a, b], format: jsonl, text: [subject, body], id: key, language: de}
analyses:
  - sentiment
  - {family: entities, name: ents, corpora: [tickets], oversize: error}
policy: {tolerate: {errors: 0.1%}, undecodable: replace, budget_usd: 100, max_job_bytes: 1 GB, repair_rounds: 2}
output: {directory: results, compression: none, max_file_bytes: 512 MB, text: false, emit: all}
prices: {as_of: 2026-11, sentiment: {tiers: [{up_to: 5, usd_per_unit: 0.1}, {usd_per_unit: 0.05}], discount: 0.1}}
""")

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            " ",
            "${X}",
            "${",
            "$${",
            "s3://",
            "s3://a/b",
            "http://[",
            "100%",
            "9" * 400 + " GB",
            "١ GB",
            "0x" + "f" * 190,
            "auto",
            "csv",
            "split",
            "events",
            "embedded",
            "aws",
            "en-",
            "zh_",
            "a\nb",
            "\u2028",
            "utf-16",
            "undefined",
            "reviews",
            10**300,
            1e308,
            -0.0,
        ]
    ),
    st.lists(st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(
        st.text(max_size=5) | st.sampled_from(["name", "family", "field", "entities"]), st.integers(), max_size=3
    ),
)


def _paths(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(child, (*path, key))


PATHS = list(_paths(WHOLE))


def outcome(path: Any, **options: Any) -> None:
    """Load it; a refusal must be one that can be printed, a line for each problem, with a place in the file."""
    try:
        load_manifest(path, environment={"X": "x"}, **options)
    except ManifestError as error:
        refusal = error
    except UserError as error:
        error.message.encode("utf-8", "backslashreplace")
        return
    else:
        return
    assert refusal.problems
    assert len(str(refusal).split("\n")) == len(refusal.problems)
    assert "pydantic" not in str(refusal)
    str(refusal).encode()
    for problem in refusal.problems:
        assert problem.file.startswith("--set") or min(problem.line, problem.column) >= 1


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("fuzz") / "m.yaml"


QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def test_the_whole_manifest_is_valid(path):
    path.write_text(json.dumps(WHOLE))
    assert load_manifest(path).name == "whole"


@QUICK
@given(text=st.text())
def test_any_text(path, text):
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    outcome(path)


@QUICK
@given(data=st.binary())
def test_any_bytes(path, data):
    path.write_bytes(data)
    outcome(path)


@QUICK
@given(text=st.text(alphabet="abn:-[]{}&*!|>'\"#%@`,?<~$ \n\t0.1"))
def test_texts_full_of_yaml(path, text):
    path.write_text(text)
    outcome(path)


@settings(QUICK, max_examples=150)
@example(changes=[(("corpora", 1, "name"), "\n")], drop=("version",))
@given(changes=st.lists(st.tuples(st.sampled_from(PATHS), ODD), min_size=1, max_size=3), drop=st.sampled_from(PATHS))
def test_mutated_manifests(path, changes, drop):
    data = copy.deepcopy(WHOLE)
    for (*above, last), value in [*changes, (drop, ...)]:
        target: Any = data
        try:
            for step in above:
                target = target[step]
            if value is ...:
                del target[last]
            else:
                target[last] = value
        except (KeyError, IndexError, TypeError):
            continue
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    outcome(path)


@QUICK
@given(text=st.text(), key=st.sampled_from(PATHS))
def test_any_option(path, text, key):
    path.write_text(json.dumps(WHOLE))
    outcome(path, overrides=[text, f"{'.'.join(map(str, key))}={text}"])


def test_two_thousand_corpora_are_one_manifest(path):
    path.write_text(
        "version: 1\nname: big\ncorpora:\n"
        + "".join(
            f"  - name: corpus{number}\n    source: data/{number}/many/folders/deep/**/*.jsonl.gz\n    format: jsonl\n"
            f"    text: body\n    language: en\n    limit: 100000\n"
            for number in range(2_000)
        )
        + "analyses: [sentiment, entities]\n"
    )
    assert path.stat().st_size > 280_000
    assert len(load_manifest(path).corpora) == 2_000


def test_the_schema_for_editors_names_every_section():
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert {"CorpusSection", "LaneSection", "AnalysisSection", "PolicySection"} <= schema["$defs"].keys()
    assert schema["required"] == ["version", "name", "corpora", "analyses"]
    assert schema["additionalProperties"] is False
