"""What analyses and corpora are made of once a manifest's words are values, and what of it makes another run."""

from __future__ import annotations

from dataclasses import replace

import botocore.session
import pytest

from runner.catalogue import FAMILIES
from runner.manifest import describe_form, describe_identity, identity_difference, identity_digest
from runner.manifest.parameters import PII_TYPES, SPLITTABLE
from runner.model import CsvDialect, LanguageRule, ModelSpec
from runner.results.stitch import _STITCHERS

TEXT = """\
version: 1
name: demo
corpora:
  - {name: a, source: t.jsonl, format: jsonl, text: body, language: en}
  - {name: b, source: "s3://bucket/x/*.csv", format: csv, text: body, language: en}
analyses:
  - {family: pii_entities, name: pii, mode: both, types: [SSN, NAME], mask: "*"}
  - {family: events, types: IPO}
  - {family: topics}
  - {family: classification, name: genre, classifier: {train: data/genres.csv, mode: multi_label, delimiter: ";"}}
  - {family: custom_entities, name: parts, recognizer: {documents: [d.txt, /abs/e.txt], entity_list: list.csv}}
"""
ARN = "arn:aws:comprehend:eu-west-1:123456789012"
LANES = """\
lanes:
  - {name: ireland, endpoint: aws, region: eu-west-1, staging: s3://one/, data_access_role: &role
      "arn:aws:iam::123456789012:role/x"}
  - {name: virginia, endpoint: aws, region: us-east-1, staging: s3://two/, data_access_role: *role}
"""


@pytest.fixture(autouse=True)
def every_family(monkeypatch):
    for name, row in FAMILIES.items():
        monkeypatch.setitem(FAMILIES, name, replace(row, available=True))


def test_parameters_are_text_under_the_names_of_the_family(load):
    parameters = {analysis.name: dict(analysis.parameters) for analysis in load(TEXT).analyses}
    assert parameters == {
        "pii": {"mode": "both", "types": "NAME,SSN", "mask": "*"},
        "events": {"types": "IPO"},
        "topics": {"topics": "10"},
        "genre": {"mode": "multi_label"},
        "parts": {},
    }


def test_pii_is_offsets_of_every_type_unless_said(load):
    (analysis,) = load(TEXT.split("analyses", maxsplit=1)[0] + "analyses: [pii_entities]").analyses
    assert dict(analysis.parameters) == {"mode": "offsets", "types": ""}


def test_what_a_model_is_trained_with_lies_beside_the_manifest(load, tmp_path):
    models = {analysis.name: analysis.model for analysis in load(TEXT).analyses if analysis.model}
    assert models == {
        "genre": ModelSpec(train=f"{tmp_path}/data/genres.csv", mode="multi_label", delimiter=";"),
        "parts": ModelSpec(documents=(f"{tmp_path}/d.txt", "/abs/e.txt"), entity_list=f"{tmp_path}/list.csv"),
    }


@pytest.mark.parametrize("written", ["{arn}", "{{arn: '{arn}'}}"])
@pytest.mark.parametrize("kind", ["document-classifier/x/version/v1", "flywheel/x"])
def test_a_model_by_its_arn_is_a_parameter_too(load, written, kind):
    arn = f"{ARN}:{kind}"
    text = (
        TEXT.split("analyses", maxsplit=1)[0]
        + f"analyses: [{{family: classification, classifier: {written.format(arn=arn)}}}]\n"
    )
    (analysis,) = load(text + LANES, "corpora.a.lanes=ireland", "corpora.b.lanes=[ireland]").analyses
    assert analysis.model == ModelSpec(arn=arn)
    assert dict(analysis.parameters) == {"classifier": arn}


def test_a_model_is_of_use_in_its_own_region_alone(said):
    text = (
        TEXT.split("analyses", maxsplit=1)[0]
        + f"analyses: [{{family: classification, classifier: '{ARN}:flywheel/x'}}]\n"
    )
    (told,) = said(text + LANES, "corpora.a.lanes=ireland")
    assert "is a model in eu-west-1, and lane 'virginia' is in us-east-1" in told


def test_rows_are_chosen_and_read_as_written(load):
    options = [
        'corpora.b.csv={delimiter: tab, quote: "\'", header: false}',
        "corpora.b.where={state: open, n: [1, 1.5, true, null]}",
        "corpora.b.sample=1%",
        "corpora.b.language={detect: [en, de_AT], otherwise: ES}",
        "corpora.b.keep=[a, b.c]",
        "corpora.b.profile=other",
    ]
    corpus = load(TEXT, *options).corpus("b")
    assert corpus.sources == ("s3://bucket/x/*.csv",)
    assert corpus.csv == CsvDialect(delimiter="\t", quote="'", header=False)
    assert corpus.where == (("state", ('"open"',)), ("n", ("1", "1.5", "true", "null")))
    assert corpus.sample == 0.01
    assert corpus.language == LanguageRule(kind="detect", among=("en", "de"), code="es")
    assert corpus.keep == ("a", "b.c")
    assert corpus.profile == "other"


@pytest.mark.parametrize(
    ("option", "address"),
    [
        ("corpora.a.where={state: open}", "corpora.a.where"),
        ("corpora.a.sample=1%", "corpora.a.sample"),
        ("corpora.b.csv={delimiter: tab}", "corpora.b.csv.delimiter"),
        ("corpora.b.language={field: lang}", "corpora.b.language.kind"),
        ("analyses.pii.mode=redaction", "analyses.pii.parameters.mode"),
        ("analyses.pii.types=[SSN]", "analyses.pii.parameters.types"),
        ("analyses.pii.mask=type", "analyses.pii.parameters.mask"),
        ("analyses.pii.oversize=error", "analyses.pii.oversize"),
        ("analyses.topics.topics=11", "analyses.topics.parameters.topics"),
        ("analyses.genre.classifier.train=x.csv", "analyses.genre.model.train"),
        ("analyses.genre.classifier.delimiter=+", "analyses.genre.model.delimiter"),
        ("analyses.parts.recognizer.documents=x", "analyses.parts.model.documents"),
        ("analyses.parts.recognizer.language=de", "analyses.parts.model.language"),
    ],
)
def test_what_is_bought_is_part_of_a_runs_identity(load, option, address):
    old, new = load(TEXT), load(TEXT, option)
    assert identity_digest(old) != identity_digest(new)
    differences = identity_difference(describe_identity(old), describe_identity(new))
    assert any(difference.startswith(f"{address}: ") for difference in differences)
    assert describe_form(old) == describe_form(new)


@pytest.mark.parametrize("option", ["corpora.a.keep=[x]", "output.text=true", "output.compression=zstd"])
def test_what_results_look_like_is_their_form(load, option):
    old, new = load(TEXT), load(TEXT, option)
    assert describe_identity(old) == describe_identity(new)
    assert describe_form(old) != describe_form(new)


@pytest.mark.parametrize(
    "option", ["corpora.b.profile=other", "corpora.a.lanes=local", "analyses.pii.types=[NAME, SSN]"]
)
def test_what_changes_nothing_that_is_bought_is_no_part_of_it(load, option):
    assert describe_identity(load(TEXT)) == describe_identity(load(TEXT, option))
    assert describe_form(load(TEXT)) == describe_form(load(TEXT, option))


def test_the_types_of_pii_are_those_of_the_service():
    model = botocore.session.get_session().get_service_model("comprehend")
    assert {*PII_TYPES, "ALL"} == set(model.shape_for("PiiEntityType").enum)


def test_the_families_that_can_be_split_are_those_that_can_be_stitched():
    assert set(SPLITTABLE) == set(_STITCHERS)
