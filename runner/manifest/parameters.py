"""What single families take: types, masks, topics, custom models. Values of pydantic's validators; they raise `Wrong`.

Facts: COMPREHEND.md sections 1.5 (PII, events, topics), 1.8 (training) and the service's model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, PlainValidator, ValidationInfo

from runner.manifest.problems import Wrong, closest, each, found
from runner.manifest.values import as_text, unrepeated, whole

PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "mode": ("pii_entities",),
    "types": ("pii_entities", "events"),
    "mask": ("pii_entities",),
    "topics": ("topics",),
    "classifier": ("classification",),
    "recognizer": ("custom_entities",),
}
"""Which families take a parameter."""

SPLITTABLE: Final = (
    "dominant_language",
    "entities",
    "key_phrases",
    "sentiment",
    "targeted_sentiment",
    "pii_entities",
    "events",
    "classification",
    "custom_entities",
)
"""The families whose answers to pieces of a document can be put together again."""

TOPICS_MAX: Final = 100
MASKS: Final = ("type", "!", "@", "#", "$", "%", "&", "*")
EVENT_TYPES: Final = (
    "BANKRUPTCY",
    "CORPORATE_ACQUISITION",
    "CORPORATE_MERGER",
    "EMPLOYMENT",
    "INVESTMENT_GENERAL",
    "IPO",
    "RIGHTS_ISSUE",
    "SECONDARY_OFFERING",
    "SHELF_OFFERING",
    "STOCK_SPLIT",
    "TENDER_OFFERING",
)
PII_TYPES: Final = (
    "ADDRESS",
    "AGE",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "BANK_ACCOUNT_NUMBER",
    "BANK_ROUTING",
    "CA_HEALTH_NUMBER",
    "CA_SOCIAL_INSURANCE_NUMBER",
    "CREDIT_DEBIT_CVV",
    "CREDIT_DEBIT_EXPIRY",
    "CREDIT_DEBIT_NUMBER",
    "DATE_TIME",
    "DRIVER_ID",
    "EMAIL",
    "INTERNATIONAL_BANK_ACCOUNT_NUMBER",
    "IN_AADHAAR",
    "IN_NREGA",
    "IN_PERMANENT_ACCOUNT_NUMBER",
    "IN_VOTER_NUMBER",
    "IP_ADDRESS",
    "LICENSE_PLATE",
    "MAC_ADDRESS",
    "NAME",
    "PASSPORT_NUMBER",
    "PASSWORD",
    "PHONE",
    "PIN",
    "SSN",
    "SWIFT_CODE",
    "UK_NATIONAL_HEALTH_SERVICE_NUMBER",
    "UK_NATIONAL_INSURANCE_NUMBER",
    "UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER",
    "URL",
    "USERNAME",
    "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER",
    "VEHICLE_IDENTIFICATION_NUMBER",
)
"""Those that can be asked for; `ALL`, which the service knows as well, is what is meant without the key."""

_TYPES: Final[Mapping[str, Sequence[str]]] = {"pii_entities": PII_TYPES, "events": EVENT_TYPES}
_PREFIX: Final = r"arn:aws(?:-[^:\s]+)?:comprehend:"
_MODEL_ARN: Final = re.compile(
    _PREFIX + r"(?P<region>[a-z0-9-]+):(?P<account>\d{12}):(?P<kind>[a-z-]+)"
    r"/[a-zA-Z0-9](-*[a-zA-Z0-9])*(/version/[a-zA-Z0-9](-*[a-zA-Z0-9])*)?",
    re.ASCII,
)
_ARN_CHARACTERS_MAX: Final = 256
_DELIMITERS: Final = " ~!@#$%^*-_+=|\\:;\t>?/"


def as_types(value: object, info: ValidationInfo) -> tuple[str, ...]:
    """Types of PII or of events, sorted; which of them, the family before this key says."""
    if "family" not in info.data:
        return ()  # an unknown family is told as such
    valid = _TYPES.get(info.data["family"], ())
    items = value if isinstance(value, list) else [value]
    if not items:
        raise Wrong("expected at least one in the list")

    def as_type(item: object) -> str:
        text = as_text(item)
        if text not in valid:
            near = closest(text.strip().replace(" ", "_").replace("-", "_"), valid)
            hint = "leave the key out for all of them" if text == "ALL" else near and f"did you mean {near}?"
            raise Wrong(f"{found(text)} is no type; valid are {', '.join(valid)}", hint=hint)
        return text

    read = each(enumerate(items), as_type) if isinstance(value, list) else [(0, as_type(value))]
    return tuple(sorted(unrepeated(tuple(text for _, text in read))))


def as_mask(value: object) -> str:
    """`type`, or the character that takes the place of each character."""
    if isinstance(value, str) and value in MASKS:
        return value
    hint = None if isinstance(value, str) else "characters that mean something to YAML stand in quotes"
    raise Wrong(f"expected type, or one of {' '.join(MASKS[1:])}, found {found(value)}", hint=hint)


def as_label_delimiter(value: object) -> str:
    """The character between the labels of a document of several."""
    text = value if isinstance(value, str) else as_text(value)
    if len(text) != 1 or text not in _DELIMITERS:
        raise Wrong(f"expected one character of {_DELIMITERS.strip()}, a space or a tab, found {found(value)}")
    return text


def arn_of(model: object) -> str | None:
    """The ARN in what a manifest says of a model, written short or long; None without one."""
    arn = model.get("arn") if isinstance(model, dict) else model
    return arn if isinstance(arn, str) and _MODEL_ARN.fullmatch(arn) else None


def arn_region(arn: str) -> str:
    """The region in the ARN of a model or flywheel."""
    return arn.split(":")[3]


def _model(kind: str, what: str) -> PlainValidator:
    """The ARN of a model of one kind, or of a flywheel."""

    def as_arn(value: object) -> str:
        text = as_text(value)
        match = _MODEL_ARN.fullmatch(text)
        shape = f"arn:aws:comprehend:<region>:<account>:{kind}/<name>"
        if match is None or len(text) > _ARN_CHARACTERS_MAX:
            raise Wrong(f"{found(text)} is not the ARN of a {what} or flywheel", hint=shape)
        if match["kind"] not in {kind, "flywheel"}:
            raise Wrong(
                f"{found(text)} names a model of another kind, {match['kind']}; expected a {what} or flywheel",
                hint=shape,
            )
        return text

    return PlainValidator(as_arn, json_schema_input_type=str)


TYPES: Final = PlainValidator(as_types, json_schema_input_type=str | list[str])
MASK: Final = PlainValidator(as_mask, json_schema_input_type=Literal["type", "!", "@", "#", "$", "%", "&", "*"])
TOPICS: Final = PlainValidator(whole(1, TOPICS_MAX), json_schema_input_type=Annotated[int, Field(ge=1, le=TOPICS_MAX)])
LABEL_DELIMITER: Final = PlainValidator(as_label_delimiter, json_schema_input_type=str)
CLASSIFIER: Final = _model("document-classifier", "classifier")
RECOGNIZER: Final = _model("entity-recognizer", "recognizer")
