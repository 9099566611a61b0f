"""The keys of corpora and analyses: what is read, and what is found out about it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import PlainValidator, model_validator

from runner.catalogue import FAMILIES
from runner.manifest import choices as choose, parameters as of, values as is_
from runner.manifest.languages import LANGUAGE, TRAINING_LANGUAGE
from runner.manifest.problems import Wrong, found, listed, nearest
from runner.manifest.section import Section
from runner.model import LanguageRule

FORMATS: Final = ("files", "lines", "jsonl", "csv", "parquet")


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


class CsvSection(Section):
    """How CSV files are written."""

    delimiter: Annotated[str, choose.DELIMITER] = ","
    """One character, or `tab`."""
    quote: Annotated[str, choose.QUOTE] = '"'
    """One character."""
    header: Annotated[bool, is_.FLAG] = True
    """Whether the first row names the columns; without, they are named by their places, from `"0"`."""


class CorpusSection(Section):
    """One input set."""

    name: Annotated[str, is_.NAME]
    """What the corpus is called: a folder of the results, and the name analyses refer to."""
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
    """Of the texts, as in utf-8 or cp1252."""
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
    """Of a document classifier or flywheel."""
    train: Annotated[str | None, choose.LOCAL_FILE] = None
    """A CSV file without a header: label, text."""
    mode: Annotated[str, is_.one_of("mode", ("multi_class", "multi_label"))] = "multi_class"
    """Whether a document has one label, or several."""
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
    """Of an entity recognizer or flywheel."""
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

    family: Annotated[str, PlainValidator(as_family, json_schema_input_type=Literal[tuple(FAMILIES)])]
    """What is found out."""
    name: Annotated[str | None, is_.ANALYSIS_NAME] = None
    """The family's, if left out."""
    corpora: Annotated[tuple[str, ...], is_.TEXTS] = ()
    """The corpora that it reads; all, if left out."""
    oversize: Annotated[str | None, is_.one_of("oversize", ("split", "skip", "error"))] = None
    """What becomes of documents longer than the family's limit; left out, they are split where that is possible."""
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
