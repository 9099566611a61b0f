"""The keys of policy, output and prices: how a run behaves, what it writes and what it costs."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import Field, PlainValidator

from runner.manifest import values as is_
from runner.manifest.problems import Wrong, found
from runner.manifest.section import Section

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def as_output_directory(value: object) -> str:
    """A folder, relative to the run directory or absolute; or one in S3, which is given its closing `/`."""
    text = is_.as_text(value)
    if not text.startswith("s3://"):
        return text
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    if not _BUCKET.fullmatch(bucket) or "//" in prefix:
        raise Wrong(f"{found(text)} is no folder in S3", hint="for example s3://my-bucket/results/")
    return f"{text.rstrip('/')}/"


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


class TolerateSection(Section):
    """What a run may end with and still be done."""

    errors: Annotated[tuple[int | None, float | None], is_.COUNT_OR_SHARE] = (0, None)
    """A count, or a percentage of all pairs of document and analysis."""


def as_store(value: object) -> str:
    """A folder."""
    text = is_.as_text(value)
    if text.startswith("s3://"):
        raise Wrong(f"a store of answers in S3 is {is_.LATER}; name a folder on a local disk")
    return text


class ReuseSection(Section):
    """Where answers are kept for later runs, and looked for."""

    from_: Annotated[str, PlainValidator(as_store, json_schema_input_type=str)] = Field(alias="from")
    """A folder on a local disk; it is made if it is not there."""
    max_age: Annotated[float | None, is_.DURATION] = None
    """Older answers are bought anew, as in 30d; if left out, answers are reused whatever their age."""


class PolicySection(Section):
    """How a run behaves when things go wrong or cost money."""

    tolerate: TolerateSection = TolerateSection()
    """What a run may end with and still be done."""
    undecodable: Annotated[str, is_.one_of("undecodable", ("error", "replace"))] = "error"
    """Whether bytes that are no text make a document an error, or are replaced by U+FFFD."""
    on_failure: Annotated[str, is_.one_of("on_failure", ("finish", "stop"))] = "finish"
    """Whether other work goes on when a job fails for good, or nothing new is started."""
    budget_usd: Annotated[float | None, is_.POSITIVE] = None
    """A run that would cost more is not begun."""
    allow_unknown_price: Annotated[bool, is_.FLAG] = False
    """Whether analyses without a known price may run under a budget."""
    max_job_bytes: Annotated[int | None, is_.SIZE] = None
    """The largest job; the service's limit, if left out."""
    max_job_documents: Annotated[int | None, is_.COUNT] = None
    """The documents of the largest job; the service's limit, if left out."""
    repair_rounds: Annotated[int, is_.COUNT_FROM_ZERO] = 2
    """How often documents without an answer are sent again."""
    reuse: ReuseSection | None = None
    """Answers that earlier runs have bought are not bought again."""
    duplicate_ids: Annotated[str, is_.one_of("duplicate_ids", ("keep", "stop"))] = "keep"
    """Whether two documents of one id, in one corpus, are documents like all others, or end the run before its gate."""
    spool_budget: Annotated[int, is_.SIZE] = 20_000_000_000
    """How much of the disk answers may fill that wait for earlier ones."""


class OutputSection(Section):
    """The form of the results."""

    directory: Annotated[str, PlainValidator(as_output_directory, json_schema_input_type=str)] = "results"
    """Relative to the run directory; or s3://bucket/folder/, where the finished files are copied."""
    compression: Annotated[str, is_.one_of("compression", ("none", "gzip", "zstd"))] = "none"
    """Of the result files."""
    max_file_bytes: Annotated[int, is_.SIZE] = 512_000_000
    """Where a result file ends and the next begins."""
    text: Annotated[bool, is_.FLAG] = False
    """Whether the results hold the documents' texts."""
    emit: Annotated[str, is_.one_of("emit", ("all", "changed"))] = "all"
    """Whether every document has a line, or those whose answers `policy.reuse` has not had before."""


class TierSection(Section):
    """A range of monthly volume and its price."""

    up_to: Annotated[int | None, is_.COUNT] = None
    """Units of 100 characters; left out in the last tier."""
    usd_per_unit: Annotated[float, PlainValidator(as_price, json_schema_input_type=float)]
    """USD."""


class PriceSection(Section):
    """What one family costs this account."""

    tiers: list[TierSection] | None = None
    """Prices by monthly volume; the list prices, if left out."""
    used_this_month: Annotated[int, is_.COUNT_FROM_ZERO] = 0
    """Units bought already, which the tiers count."""
    discount: Annotated[float, PlainValidator(as_discount, json_schema_input_type=float | str)] = 0.0
    """A share of one, or a percentage."""


class PricesSection(Section):
    """What things cost, where the list prices do not hold."""

    as_of: Annotated[str | None, is_.TEXT] = None
    """When these prices were looked up."""
    dominant_language: PriceSection | None = None
    """Of this family."""
    entities: PriceSection | None = None
    """Of this family."""
    key_phrases: PriceSection | None = None
    """Of this family."""
    sentiment: PriceSection | None = None
    """Of this family."""
    targeted_sentiment: PriceSection | None = None
    """Of this family."""
    pii_entities: PriceSection | None = None
    """Of this family."""
    events: PriceSection | None = None
    """Of this family."""
    topics: PriceSection | None = None
    """Of this family."""
    classification: PriceSection | None = None
    """Of this family."""
    custom_entities: PriceSection | None = None
    """Of this family."""
