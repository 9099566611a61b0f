"""Values that name things of AWS: ARNs, accounts, regions, S3 locations, keys, networks, tags, endpoints.

Shapes are those of the service's model (COMPREHEND.md section 1.5); whether a thing exists is found out later, by
asking. Validators raise `Wrong`.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from pydantic import PlainValidator

from runner.manifest.problems import Wrong, each, found, nearest
from runner.manifest.values import as_text, unrepeated

STAGING_CHARACTERS_MAX: Final = 700
"""The service takes URIs of 1,024 characters; run, batch and part ids come behind this one."""
JOB_NAME_PREFIX_CHARACTERS_MAX: Final = 128
"""Job names end at 256 characters; token, analysis and batch come behind the prefix."""
TAGS_MAX: Final = 50
SUBNETS_MAX: Final = 16
SECURITY_GROUPS_MAX: Final = 5

_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d{1,2}", re.ASCII)
_ROLE: Final = re.compile(r"arn:aws(-[^:\s]+)?:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)
_S3: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\x00-\x1f\x7f]*)?")
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*|arn:aws(-[^:\s]+)?:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
_ALIAS: Final = re.compile(r"(arn:aws(-[^:\s]+)?:kms:[a-z0-9-]+:\d{12}:)?alias/[A-Za-z0-9/_-]+")
_SUBNET: Final = re.compile(r"subnet-[0-9a-zA-Z]{1,25}", re.ASCII)
_SECURITY_GROUP: Final = re.compile(r"sg-[0-9a-zA-Z]{1,29}", re.ASCII)
_JOB_NAME: Final = re.compile(r"[\w .:/=+%@-]*")
_EXTERNAL_ID: Final = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)


def _account(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and _ACCOUNT.fullmatch(text):
        return text
    hint = "put it in quotes: a number loses its leading zeros" if isinstance(value, int) else None
    raise Wrong(f"expected the 12 digits of an account, found {found(value)}", hint=hint)


def _region(value: object) -> str:
    text = as_text(value)
    if not _REGION.fullmatch(text):
        raise Wrong(f"{found(text)} is no region", hint="for example us-east-1")
    return text


def _role(value: object) -> str:
    text = as_text(value)
    if not _ROLE.fullmatch(text) or not 20 <= len(text) <= 2048:
        raise Wrong(f"{found(text)} is not the ARN of a role", hint="arn:aws:iam::<account>:role/<name>")
    return text


def _staging(value: object) -> str:
    text = as_text(value)
    if not text.startswith("s3://"):
        raise Wrong(f"expected an S3 location, found {found(text)}", hint="s3://<bucket>/<prefix>/")
    if not _S3.fullmatch(text):
        raise Wrong(f"{found(text)} is no S3 location that the service takes", hint="s3://<bucket>/<prefix>/")
    if len(text) > STAGING_CHARACTERS_MAX:
        raise Wrong(f"an S3 location of {len(text)} characters; at most {STAGING_CHARACTERS_MAX}")
    return text if text.endswith("/") else f"{text}/"


def _external_id(value: object) -> str:
    text = as_text(value)
    if not _EXTERNAL_ID.fullmatch(text):
        raise Wrong("expected 2 to 1224 letters, digits and any of _+=,.@:/-")
    return text


def _key(value: object) -> str:
    text = as_text(value)
    if not _KEY.fullmatch(text) and not _ALIAS.fullmatch(text):
        raise Wrong(f"{found(text)} is no KMS key; valid are a key id, its ARN, alias/<name>, or the ARN of an alias")
    return text


def _key_without_alias(value: object) -> str:
    text = as_text(value)
    if _ALIAS.fullmatch(text):
        raise Wrong(f"{found(text)} is an alias; the service takes a key id or the ARN of a key here")
    if not _KEY.fullmatch(text):
        raise Wrong(f"{found(text)} is no KMS key; valid are a key id and its ARN")
    return text


def _ids(value: object, pattern: re.Pattern[str], begin: str, most: int) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        amount = f"a list of {len(value)}" if isinstance(value, list) else found(value)
        raise Wrong(f"expected a list of 1 to {most} ids as in {begin}-0a1b2c3d, found {amount}")

    def as_id(item: object) -> str:
        if not isinstance(item, str) or not pattern.fullmatch(item):
            raise Wrong(f"{found(item)} is no id as in {begin}-0a1b2c3d")
        return item

    return unrepeated(tuple(text for _, text in each(enumerate(value), as_id)))


def _subnets(value: object) -> tuple[str, ...]:
    return _ids(value, _SUBNET, "subnet", SUBNETS_MAX)


def _security_groups(value: object) -> tuple[str, ...]:
    return _ids(value, _SECURITY_GROUP, "sg", SECURITY_GROUPS_MAX)


def _job_name_prefix(value: object) -> str:
    text = as_text(value)
    if not _JOB_NAME.fullmatch(text):
        raise Wrong(f"{found(text)} cannot begin a job name; valid are letters, digits, spaces and _.:/=+-%@")
    if len(text) > JOB_NAME_PREFIX_CHARACTERS_MAX:
        raise Wrong(f"a prefix of {len(text)} characters; at most {JOB_NAME_PREFIX_CHARACTERS_MAX}")
    return text


def _tags(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise Wrong(f"expected a mapping of tags to values, found {found(value)}")
    if len(value) > TAGS_MAX:
        raise Wrong(f"{len(value)} tags; the service takes {TAGS_MAX}")
    faults = {key: fault for key in value if (fault := _fault_of_tag(key))}
    wrong = [Wrong(fault, inside=(key,), at_key=True) for key, fault in faults.items()]
    return tuple(each(value.items(), _tag_value, wrong=wrong))


def _fault_of_tag(key: str) -> str | None:
    if not 1 <= len(key) <= 128:
        return f"a tag's key of {len(key)} characters; from 1 to 128"
    return "a tag that begins with aws: is Amazon's own" if key.lower().startswith("aws:") else None


def _tag_value(value: object) -> str:
    if not isinstance(value, str):
        raise Wrong(f"expected text, found {found(value)}", hint="put it in quotes")
    if len(value) > 256:
        raise Wrong(f"a tag's value of {len(value)} characters; at most 256")
    return value


def as_url(value: object) -> str:
    """An http or https URL without a path's closing slash."""
    text = as_text(value)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
        parts = urlsplit("")
    if not usable or any(character.isspace() for character in text):
        raise Wrong(f"{found(text)} is no http or https URL", hint="for example http://127.0.0.1:8080")
    if parts.username is not None or parts.query or parts.fragment:
        raise Wrong("a URL here has no user, query or fragment")
    return text.rstrip("/")


def _endpoint(value: object) -> str:
    text = as_text(value)
    if text in {"embedded", "aws"}:
        return text
    if "://" not in text:
        hint = nearest(text, ["embedded", "aws"])
        raise Wrong(f"{found(text)} is no endpoint; valid are embedded, aws, or an http or https URL", hint=hint)
    return as_url(text)


ACCOUNT: Final = PlainValidator(_account, json_schema_input_type=str | int)
REGION: Final = PlainValidator(_region, json_schema_input_type=str)
ROLE: Final = PlainValidator(_role, json_schema_input_type=str)
STAGING: Final = PlainValidator(_staging, json_schema_input_type=str)
EXTERNAL_ID: Final = PlainValidator(_external_id, json_schema_input_type=str)
KEY: Final = PlainValidator(_key, json_schema_input_type=str)
KEY_WITHOUT_ALIAS: Final = PlainValidator(_key_without_alias, json_schema_input_type=str)
SUBNETS: Final = PlainValidator(_subnets, json_schema_input_type=list[str])
SECURITY_GROUPS: Final = PlainValidator(_security_groups, json_schema_input_type=list[str])
JOB_NAME_PREFIX: Final = PlainValidator(_job_name_prefix, json_schema_input_type=str)
TAGS: Final = PlainValidator(_tags, json_schema_input_type=dict[str, str])
URL: Final = PlainValidator(as_url, json_schema_input_type=str)
ENDPOINT: Final = PlainValidator(_endpoint, json_schema_input_type=str)
