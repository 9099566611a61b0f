"""The manifest's keys (version 1): every key there is, and what it takes.

Only shapes of single values are decided here; how values go together is `checks`' business, and what they mean to
the rest of the program `build`'s. Keys and values of later work are known and refused, never ignored.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, PlainValidator, model_validator

from runner.catalogue import FAMILIES
from runner.manifest import addresses as at, values as is_
from runner.manifest.languages import as_language
from runner.manifest.problems import Wrong, found

AVAILABLE: Final = tuple(name for name, row in FAMILIES.items() if row.available)
LATER_FAMILIES: Final = tuple(name for name in FAMILIES if name not in AVAILABLE)
FAMILY_NAMES: Final = tuple(FAMILIES)
FORMATS: Final = ("files", "lines", "jsonl")
LATER_FORMATS: Final = ("csv", "parquet")
VERSION: Final = 1

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Section(BaseModel):
    """A mapping of the manifest; a key without a value is as good as left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if item is not None or key not in cls.model_fields}
        return value


def _version(value: object) -> int:
    if value != VERSION or isinstance(value, bool):
        raise Wrong(f"this program reads manifests of version {VERSION}, found {found(value)}")
    return VERSION


Number = tuple[float | None, dict[str, float]]
"""Of a quota: (one number for all, a number per family)."""


def as_sources(value: object) -> tuple[str, ...]:
    """Local paths and patterns."""
    return is_.as_texts(value, _as_source)


def _as_source(value: object) -> str:
    text = is_.as_text(value)
    if text.startswith("s3://"):
        raise Wrong(f"a source in S3 is {is_.LATER}; this version reads local files")
    if _SCHEME.match(text):
        raise Wrong(f"{found(text)} is neither a path nor an S3 location")
    return text


def as_output_directory(value: object) -> str:
    """A folder, relative to the run directory or absolute."""
    text = is_.as_text(value)
    if text.startswith("s3://"):
        raise Wrong(f"an output directory in S3 is {is_.LATER}; results are written to local files")
    return text


def as_price(value: object) -> float:
    """USD, nothing or more."""
    number = is_.as_number(value)
    if number < 0:
        raise Wrong(f"expected a price of 0 or more, found {found(value)}")
    return float(number)


def as_discount(value: object) -> float:
    """A share of one: 0.1, or 10%."""
    if isinstance(value, str):
        return is_.as_share(value)
    number = is_.as_number(value)
    if not 0 <= number <= 1:
        raise Wrong(f"expected a discount from 0 to 1, or a percentage, found {found(value)}")
    return float(number)


class KmsSection(Section):
    """KMS keys."""

    staging: Annotated[str | None, at.KEY] = None
    """For the objects that are staged."""
    output: Annotated[str | None, at.KEY] = None
    """For what the service writes."""
    volume: Annotated[str | None, at.KEY_WITHOUT_ALIAS] = None
    """For the volumes of the service's machines."""
    model: Annotated[str | None, at.KEY_WITHOUT_ALIAS] = None
    """For trained models."""


class VpcSection(Section):
    """The VPC in which jobs run."""

    subnets: Annotated[tuple[str, ...], at.SUBNETS]
    security_groups: Annotated[tuple[str, ...], at.SECURITY_GROUPS]


class EndpointUrls(Section):
    """Where a service is reached, if not at its usual endpoint."""

    comprehend: Annotated[str | None, at.URL] = None
    s3: Annotated[str | None, at.URL] = None
    sts: Annotated[str | None, at.URL] = None


class QuotasSection(Section):
    """What the account allows, per operation; on an embedded lane what the machine can do."""

    active_jobs: Annotated[Number | None, is_.per_family(is_.whole(1), FAMILY_NAMES)] = None
    """Jobs active at once."""
    start_per_s: Annotated[Number | None, is_.per_family(is_.as_positive, FAMILY_NAMES)] = None
    """Start calls per second."""
    read_per_s: Annotated[Number | None, is_.per_family(is_.as_positive, FAMILY_NAMES)] = None
    """Describe and List calls per second."""
    stop_per_s: Annotated[Number | None, is_.per_family(is_.as_positive, FAMILY_NAMES)] = None
    """Stop calls per second."""
    reserve_slots: Annotated[Number | None, is_.per_family(is_.whole(0), FAMILY_NAMES)] = None
    """Slots that are left to others."""


class LaneSection(Section):
    """Where jobs run."""

    name: Annotated[str, is_.NAME]
    endpoint: Annotated[str, at.ENDPOINT] = "embedded"
    """`embedded`, `aws`, or the URL of an endpoint."""
    region: Annotated[str | None, at.REGION] = None
    account: Annotated[str | None, at.ACCOUNT] = None
    """Any other identity than one of this account is refused."""
    profile: Annotated[str | None, is_.TEXT] = None
    """A profile of the AWS configuration files."""
    assume_role: Annotated[str | None, at.ROLE] = None
    """A role that the runner takes on."""
    external_id: Annotated[str | None, at.EXTERNAL_ID] = None
    """What the role's trust policy asks for."""
    staging: Annotated[str | None, at.STAGING] = None
    """`s3://<bucket>/<prefix>/`: where inputs and outputs of jobs are kept."""
    data_access_role: Annotated[str | None, at.ROLE] = None
    """The role with which the service reads and writes there."""
    kms: KmsSection = KmsSection()
    vpc: VpcSection | None = None
    tags: Annotated[tuple[tuple[str, str], ...], at.TAGS] = ()
    """Of the jobs."""
    job_name_prefix: Annotated[str, at.JOB_NAME_PREFIX] = ""
    endpoint_urls: EndpointUrls = EndpointUrls()
    quotas: QuotasSection = QuotasSection()


class CorpusSection(Section):
    """One input set."""

    name: Annotated[str, is_.NAME]
    source: Annotated[tuple[str, ...], PlainValidator(as_sources, json_schema_input_type=str | list[str])]
    """Files, folders or patterns (`*`, `**`, `?`, `[…]`), relative to the manifest; one or a list."""
    format: Annotated[str, is_.one_of("format", FORMATS, later=LATER_FORMATS)] = "files"
    text: Annotated[tuple[str, ...], is_.TEXTS] = ()
    """The path of the text in a row, or several, joined by a line break."""
    id: Annotated[str | None, is_.TEXT] = None
    """The path of a row's id."""
    language: Annotated[str | None, PlainValidator(as_language, json_schema_input_type=str)] = None
    """The code of the language that all documents are in."""
    encoding: Annotated[str, is_.ENCODING] = "utf-8"
    keep: Annotated[None, is_.not_yet("keep (columns carried to the output)")] = None
    where: Annotated[None, is_.not_yet("where (a choice of rows)")] = None
    limit: Annotated[int | None, is_.COUNT] = None
    """Only this many documents, the first."""
    sample: Annotated[None, is_.not_yet("sample (a random choice of documents)")] = None
    profile: Annotated[None, is_.not_yet("profile (credentials of a corpus's own)")] = None
    lanes: Annotated[None, is_.not_yet("lanes (a choice of lanes per corpus)")] = None


class AnalysisSection(Section):
    """One analysis: a family with its parameters."""

    family: Annotated[str, is_.one_of("family", AVAILABLE, later=LATER_FAMILIES)]
    name: Annotated[str | None, is_.ANALYSIS_NAME] = None
    """The family's, if left out."""
    corpora: Annotated[tuple[str, ...], is_.TEXTS] = ()
    """The corpora that it reads; all, if left out."""
    oversize: Annotated[str, is_.one_of("oversize", ("skip", "error"), later=("split",))] = "skip"
    """What becomes of documents that are longer than the family's limit."""
    mode: Any = None
    types: Any = None
    mask: Any = None
    topics: Any = None
    classifier: Any = None
    recognizer: Any = None

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Any) -> Any:
        return {"family": value} if isinstance(value, str) else value


class TolerateSection(Section):
    """What a run may end with and still be done."""

    errors: Annotated[tuple[int | None, float | None], is_.COUNT_OR_SHARE] = (0, None)
    """A count, or a percentage of all pairs of document and analysis."""


class PolicySection(Section):
    """How a run behaves when things go wrong or cost money."""

    tolerate: TolerateSection = TolerateSection()
    undecodable: Annotated[str, is_.one_of("undecodable", ("error", "replace"))] = "error"
    on_failure: Annotated[str, is_.one_of("on_failure", ("finish", "stop"))] = "finish"
    budget_usd: Annotated[float | None, is_.POSITIVE] = None
    allow_unknown_price: Annotated[bool, is_.FLAG] = False
    max_job_bytes: Annotated[int | None, is_.SIZE] = None
    max_job_documents: Annotated[int | None, is_.COUNT] = None
    repair_rounds: Annotated[int, is_.COUNT_FROM_ZERO] = 2
    reuse: Annotated[None, is_.not_yet("reuse (results of earlier runs)")] = None
    duplicate_ids: Annotated[str, is_.one_of("duplicate_ids", ("keep",), later=("stop",))] = "keep"
    spool_budget: Annotated[int, is_.SIZE] = 20_000_000_000


class OutputSection(Section):
    """The form of the results."""

    directory: Annotated[str, PlainValidator(as_output_directory, json_schema_input_type=str)] = "results"
    """Relative to the run directory."""
    compression: Annotated[str, is_.one_of("compression", ("none",), later=("gzip", "zstd"))] = "none"
    max_file_bytes: Annotated[int, is_.SIZE] = 512_000_000
    text: Annotated[bool, is_.false_for_now("true (documents' texts in the results)")] = False
    emit: Annotated[str, is_.one_of("emit", ("all",), later=("changed",))] = "all"


class TierSection(Section):
    """A range of monthly volume and its price."""

    up_to: Annotated[int | None, is_.COUNT] = None
    """Units of 100 characters; left out in the last tier."""
    usd_per_unit: Annotated[float, PlainValidator(as_price, json_schema_input_type=float)]


class PriceSection(Section):
    """What one family costs this account."""

    tiers: list[TierSection] | None = None
    used_this_month: Annotated[int, is_.COUNT_FROM_ZERO] = 0
    """Units bought already, which the tiers count."""
    discount: Annotated[float, PlainValidator(as_discount, json_schema_input_type=float | str)] = 0.0
    """A share of one, or a percentage."""


class PricesSection(Section):
    """What things cost, where the list prices do not hold."""

    as_of: Annotated[str | None, is_.TEXT] = None
    dominant_language: PriceSection | None = None
    entities: PriceSection | None = None
    key_phrases: PriceSection | None = None
    sentiment: PriceSection | None = None
    targeted_sentiment: PriceSection | None = None
    pii_entities: PriceSection | None = None
    events: PriceSection | None = None
    topics: PriceSection | None = None
    classification: PriceSection | None = None
    custom_entities: PriceSection | None = None


class ManifestFile(Section):
    """A manifest, after `extends`, `--set` and `${}`."""

    version: Annotated[int, PlainValidator(_version, json_schema_input_type=int)]
    name: Annotated[str, is_.NAME]
    extends: Annotated[str | None, is_.TEXT] = None
    """A manifest that this one is laid over."""
    lanes: list[LaneSection] | None = None
    corpora: list[CorpusSection]
    analyses: list[AnalysisSection]
    policy: PolicySection = PolicySection()
    output: OutputSection = OutputSection()
    prices: PricesSection = PricesSection()
