"""The manifest's keys (version 1): every key there is, and what it takes.

Only shapes of single values are decided here; how values go together is `checks`' business, and what they mean to
the rest of the program `build`'s. Keys and values of later work are known and refused, never ignored.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, PlainValidator, model_validator

from runner.catalogue import FAMILIES
from runner.manifest import addresses as at, choices as choose, parameters as of, values as is_
from runner.manifest.languages import LANGUAGE, TRAINING_LANGUAGE
from runner.manifest.problems import Wrong, found, listed, nearest
from runner.model import LanguageRule

FAMILY_NAMES: Final = tuple(FAMILIES)
FORMATS: Final = ("files", "lines", "jsonl", "csv", "parquet")
VERSION: Final = 1


class Section(BaseModel):
    """A mapping of the manifest; a key without a value is as good as left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

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


def available() -> tuple[str, ...]:
    """The families that this version can do."""
    return tuple(name for name, row in FAMILIES.items() if row.available)


def as_family(value: object) -> str:
    """A family that this version can do."""
    if isinstance(value, str) and value in FAMILIES:
        if FAMILIES[value].available:
            return value
        raise Wrong(f"family {value} is {is_.LATER}; this version takes {listed(available(), 'or')}")
    hint = nearest(value, FAMILIES) if isinstance(value, str) else None
    raise Wrong(f"expected {listed(available(), 'or')}, found {found(value)}", hint=hint)


def as_sources(value: object) -> tuple[str, ...]:
    """Local paths and patterns, and S3 locations."""
    return is_.as_texts(value, choose.as_source)


def as_files(value: object) -> tuple[str, ...]:
    """Local paths and patterns."""
    return is_.as_texts(value, choose.as_local_file)


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


class CsvSection(Section):
    """How CSV files are written."""

    delimiter: Annotated[str, choose.DELIMITER] = ","
    """One character, or `tab`."""
    quote: Annotated[str, choose.QUOTE] = '"'
    header: Annotated[bool, is_.FLAG] = True
    """Whether the first row names the columns; without, they are named by their places, from `"0"`."""


class CorpusSection(Section):
    """One input set."""

    name: Annotated[str, is_.NAME]
    source: Annotated[tuple[str, ...], PlainValidator(as_sources, json_schema_input_type=str | list[str])]
    """Files, folders or patterns (`*`, `**`, `?`, `[…]`), relative to the manifest, or `s3://` URIs; one or a list."""
    format: Annotated[str, is_.one_of("format", FORMATS)] = "files"
    """A document is a file, a line, or a row of JSON lines, CSV or Parquet."""
    text: Annotated[tuple[str, ...], is_.TEXTS] = ()
    """The path of the text in a row, or several, joined by a line break."""
    id: Annotated[str | None, is_.TEXT] = None
    """The path of a row's id."""
    language: Annotated[LanguageRule | None, LANGUAGE] = None
    """The code of the language that all documents are in; `auto`; or a rule that finds it for each."""
    encoding: Annotated[str, is_.ENCODING] = "utf-8"
    csv: CsvSection | None = None
    """How CSV files are written, where it is not with commas, double quotes and a header."""
    keep: Annotated[tuple[str, ...], is_.TEXTS] = ()
    """Paths in a row that are carried to the results, as `fields`."""
    where: Annotated[choose.Where, choose.WHERE] = ()
    """Only rows whose value at each of these paths is the one given, or one of the list."""
    limit: Annotated[int | None, is_.COUNT] = None
    """Only this many documents, the first."""
    sample: Annotated[float | None, choose.SAMPLE] = None
    """Only this share of the documents, 0.01 or 1%, always the same ones."""
    profile: Annotated[str | None, is_.TEXT] = None
    """A profile of the AWS configuration files, with which the sources in S3 are read."""
    lanes: Annotated[tuple[str, ...], is_.TEXTS] = ()
    """The lanes that may do its jobs; all, if left out."""


class ClassifierSection(Section):
    """A custom classifier: its ARN, or what it is trained with."""

    arn: Annotated[str | None, of.CLASSIFIER] = None
    train: Annotated[str | None, choose.LOCAL_FILE] = None
    """A CSV file without a header: label, text."""
    mode: Annotated[str, is_.one_of("mode", ("multi_class", "multi_label"))] = "multi_class"
    delimiter: Annotated[str, of.LABEL_DELIMITER] = "|"
    """Between the labels of a document, with mode multi_label."""
    language: Annotated[str, TRAINING_LANGUAGE] = "en"
    """Of the training data."""

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Any) -> Any:
        return {"arn": value} if isinstance(value, str) else value


class RecognizerSection(Section):
    """A custom entity recognizer: its ARN, or what it is trained with."""

    arn: Annotated[str | None, of.RECOGNIZER] = None
    documents: Annotated[tuple[str, ...], PlainValidator(as_files, json_schema_input_type=str | list[str])] = ()
    """Text files, one document a line."""
    entity_list: Annotated[str | None, choose.LOCAL_FILE] = None
    """A CSV file: Text, Type."""
    annotations: Annotated[str | None, choose.LOCAL_FILE] = None
    """A CSV file: File, Line, Begin Offset, End Offset, Type."""
    language: Annotated[str, TRAINING_LANGUAGE] = "en"
    """Of the training data."""

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Any) -> Any:
        return {"arn": value} if isinstance(value, str) else value


class AnalysisSection(Section):
    """One analysis: a family with its parameters."""

    family: Annotated[str, PlainValidator(as_family, json_schema_input_type=Literal[FAMILY_NAMES])]
    name: Annotated[str | None, is_.ANALYSIS_NAME] = None
    """The family's, if left out."""
    corpora: Annotated[tuple[str, ...], is_.TEXTS] = ()
    """The corpora that it reads; all, if left out."""
    oversize: Annotated[str | None, is_.one_of("oversize", ("split", "skip", "error"))] = None
    """What becomes of documents that are longer than the family's limit."""
    mode: Annotated[str, is_.one_of("mode", ("offsets", "redaction", "both"))] = "offsets"
    """Of PII: where it is, or the text without it, or both from one job."""
    types: Annotated[tuple[str, ...], of.TYPES] = ()
    """Of PII: those that are redacted, all if left out. Of events: those that are looked for."""
    mask: Annotated[str, of.MASK] = "type"
    """What redacted PII becomes: its type in brackets, or this character."""
    topics: Annotated[int, of.TOPICS] = 10
    """How many topics there are."""
    classifier: ClassifierSection | None = None
    """The ARN of a document classifier or flywheel, or what one is trained with."""
    recognizer: RecognizerSection | None = None
    """The ARN of an entity recognizer or flywheel, or what one is trained with."""

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"family": value}
        if not isinstance(value, dict):
            return value
        if "mask" in value and value["mask"] is None:
            message = "no value; characters that mean something to YAML, such as # and *, stand in quotes"
            raise Wrong(message, inside=("mask",))
        # Parameters of other families are told by `checks`, and what they hold is then of no interest.
        family = str(value.get("family"))
        foreign = [key for key, takers in of.PARAMETERS.items() if family in FAMILIES and family not in takers]
        return {key: item for key, item in value.items() if key not in foreign}


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
    compression: Annotated[str, is_.one_of("compression", ("none", "gzip", "zstd"))] = "none"
    max_file_bytes: Annotated[int, is_.SIZE] = 512_000_000
    text: Annotated[bool, is_.FLAG] = False
    """Whether the results hold the documents' texts."""
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
