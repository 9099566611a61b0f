"""What a manifest means, as plain values: made by `runner.manifest`, read by everybody, pickled to workers.

A value here is valid once built; where a default depends on something else (the kind of lane, the corpora of an
analysis), the manifest has already filled it in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from runner.catalogue import FAMILIES, Family

Format = Literal["files", "lines", "jsonl", "csv", "parquet"]
Oversize = Literal["split", "skip", "error"]
LaneKind = Literal["embedded", "aws", "url"]
Compression = Literal["none", "gzip", "zstd"]
QuotaSource = Literal["manifest", "observed", "assumed"]
"""Who says a quota: the user, the account (Service Quotas), or nobody: the service's defaults are assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageRule:
    """How the language of a corpus's documents is found.

    `fixed`: `code` for all; `field`: the value of `path` in each row; `auto` and `detect`: by a local detector, the
    latter among `among` and else `code`; `from`: by the results of the analysis named `path`.
    """

    kind: Literal["fixed", "field", "auto", "detect", "from"]
    code: str | None = None
    path: str | None = None
    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvDialect:
    """How a CSV file is written. Without a header, columns are named by their places, from `0`."""

    delimiter: str = ","
    quote: str = '"'
    header: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusSpec:
    """One input set. `sources` are absolute local patterns or s3:// URIs, in the manifest's order.

    `where` is ((path, the values that pass, as JSON texts), …): a row is taken if every path has one of its values.
    `sample` is the share of documents taken, chosen by a hash of where they stand. `limit` counts what both let pass.
    """

    name: str
    sources: tuple[str, ...]
    format: Format
    text: tuple[str, ...] = ()
    """Paths of the text in a row (`a.b` descends); several are joined by a line break. Empty for files and lines."""
    id: str | None = None
    language: LanguageRule | None = None
    encoding: str = "utf-8"
    keep: tuple[str, ...] = ()
    """Paths carried to the output's `fields`."""
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sample: float | None = None
    limit: int | None = None
    csv: CsvDialect = CsvDialect()
    profile: str | None = None
    """Whose credentials read the sources in S3; None: the ambient ones."""
    lanes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """The custom model of an analysis: `arn` of a model or flywheel, or what it is trained with. Paths are absolute.

    A classifier is trained with `train` (a CSV: label, text), a recognizer with `documents` (files of lines)
    and one of `entity_list` and `annotations`. `language` is that of the training data.
    """

    arn: str | None = None
    train: str | None = None
    mode: Literal["multi_class", "multi_label"] = "multi_class"
    delimiter: str = "|"
    documents: tuple[str, ...] = ()
    entity_list: str | None = None
    annotations: str | None = None
    language: str = "en"
    digest: str = ""
    """Of the training data and of what it is trained for, once that was read; empty before, and with an ARN."""
    samples: int = 0
    """How many documents the training data has."""
    types: tuple[str, ...] = ()
    """The types of a recognizer, as its data names them."""

    @property
    def trained(self) -> bool:
        """Whether runs train it."""
        return self.arn is None

    @property
    def kind(self) -> Literal["classifier", "recognizer"]:
        """What it is, if runs train it."""
        return "classifier" if self.train is not None else "recognizer"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisSpec:
    """One analysis: a family with its parameters. `corpora` are names, in the manifest's order of corpora."""

    name: str
    family: str
    corpora: tuple[str, ...]
    oversize: Oversize = "skip"
    document_bytes_max: int
    """The longest document (bytes of UTF-8 after folding) that is sent whole."""
    languages: frozenset[str] | None
    """The languages that are sent, of those the family takes; None: any."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Of the family: `mode`, `types` (joined by commas), `mask`, `topics`; only those that the family has."""
    model: ModelSpec | None = None

    @property
    def row(self) -> Family:
        """The family's row in the catalogue."""
        return FAMILIES[self.family]

    @property
    def operation(self) -> str:
        """The stem whose slots, rates and sweeps this analysis uses."""
        return self.row.stem


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A number per operation: `by_operation` (stem, value) where given, else `default`. None: no limit.

    `source` says whose number `default` is; those in `by_operation` are the manifest's, but for the `observed` ones.
    """

    default: float | None
    by_operation: tuple[tuple[str, float], ...] = ()
    source: QuotaSource = "manifest"
    observed: tuple[str, ...] = ()

    def of(self, operation: str) -> float | None:
        """The limit of one operation (a catalogue stem)."""
        return dict(self.by_operation).get(operation, self.default)

    def source_of(self, operation: str) -> QuotaSource:
        """Whose number that is."""
        if operation in self.observed:
            return "observed"
        return "manifest" if operation in dict(self.by_operation) else self.source

    def observing(self, numbers: Mapping[str, float]) -> Limit:
        """The limit with an account's own numbers wherever the manifest says nothing."""
        silent = {stem: number for stem, number in numbers.items() if self.source_of(stem) != "manifest"}
        return replace(
            self,
            by_operation=tuple(sorted((dict(self.by_operation) | silent).items())),
            observed=tuple(sorted({*self.observed, *silent})),
        )

    @property
    def account_says(self) -> dict[str, float]:
        """The account's own numbers among these, by operation."""
        return {stem: number for stem, number in self.by_operation if stem in self.observed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What a lane allows, per operation: jobs active at once, and calls per second (None: unpaced).

    The numbers that stand here are those of the service's own quotas (COMPREHEND.md section 2.3).
    """

    active_jobs: Limit = Limit(default=10, source="assumed")
    start_per_s: Limit = Limit(default=1.0, source="assumed")
    read_per_s: Limit = Limit(default=10.0, source="assumed")
    stop_per_s: Limit = Limit(default=1.0, source="assumed")
    reserve_slots: Limit = Limit(default=0, source="assumed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kms:
    """KMS keys: of objects we stage, of the service's output, of its volumes, of trained models."""

    staging: str | None = None
    output: str | None = None
    volume: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vpc:
    """The VPC in which jobs run."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSpec:
    """Where jobs run. `staging` is an s3:// URI closed by `/`; an embedded lane gets its own from `compose`."""

    name: str
    kind: LaneKind
    url: str | None = None
    """The endpoint of a lane of kind `url`; of an embedded lane once its endpoint has started."""
    region: str = "us-east-1"
    account: str | None = None
    profile: str | None = None
    assume_role: str | None = None
    external_id: str | None = None
    staging: str = ""
    data_access_role: str = ""
    kms: Kms = Kms()
    vpc: Vpc | None = None
    tags: tuple[tuple[str, str], ...] = ()
    job_name_prefix: str = ""
    endpoint_urls: tuple[tuple[str, str], ...] = ()
    """(`comprehend` | `s3` | `sts`, URL): overrides per service."""
    quotas: Quotas = Quotas()

    @property
    def remote(self) -> bool:
        """Whether jobs on this lane may cost money: everything but the embedded endpoint."""
        return self.kind != "embedded"

    def endpoint_url(self, service: str) -> str | None:
        """The URL that a client of `service` must use; None: the SDK's own."""
        return dict(self.endpoint_urls).get(service, self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How many errors a run may end with and still be done: a count, or a share of (document, analysis) pairs."""

    count: int | None = 0
    share: float | None = None

    def allows(self, errors: int, pairs: int) -> bool:
        """Whether `errors` of `pairs` are within the tolerance."""
        if self.share is not None:
            return errors <= self.share * pairs
        return errors <= (self.count or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySpec:
    """How a run behaves when things go wrong or cost money."""

    tolerate: Tolerance = Tolerance()
    undecodable: Literal["error", "replace"] = "error"
    on_failure: Literal["finish", "stop"] = "finish"
    budget_usd: float | None = None
    allow_unknown_price: bool = False
    max_job_bytes: int | None = None
    max_job_documents: int | None = None
    repair_rounds: int = 2
    duplicate_ids: Literal["keep", "stop"] = "keep"
    reuse: str | None = None
    """A folder whose store of answers is read, and added to."""
    reuse_max_age_s: float | None = None
    """Answers bought longer before the run began are not reused."""
    spool_budget_bytes: int = 20_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """The form of the results; fixed when a run begins.

    `directory` is relative to the run directory, or absolute, or an s3:// URI closed by `/`.
    """

    directory: str = "results"
    compression: Compression = "none"
    file_bytes_max: int = 512_000_000
    text: bool = False
    emit: Literal["all", "changed"] = "all"

    @property
    def published(self) -> str | None:
        """The folder in S3 that finished results are copied to, if there is one."""
        return self.directory if self.directory.startswith("s3://") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyPrice:
    """What the user says a family costs; `tiers` as in the catalogue, None: the catalogue's."""

    tiers: tuple[tuple[int | None, float], ...] | None = None
    units_used_this_month: int = 0
    discount: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One manifest, whole and valid."""

    path: str
    name: str
    lanes: tuple[LaneSpec, ...]
    corpora: tuple[CorpusSpec, ...]
    analyses: tuple[AnalysisSpec, ...]
    policy: PolicySpec = PolicySpec()
    output: OutputSpec = OutputSpec()
    prices: tuple[tuple[str, FamilyPrice], ...] = ()
    prices_as_of: str | None = None
    sources_digest: str = field(default="", compare=False)
    """blake2b of the manifest's text as read (with `extends`), for the record only."""

    @property
    def embedded(self) -> bool:
        """Whether this run uses the embedded lane (never together with remote ones)."""
        return not any(lane.remote for lane in self.lanes)

    def corpus(self, name: str) -> CorpusSpec:
        """The corpus of that name."""
        return next(corpus for corpus in self.corpora if corpus.name == name)

    def analyses_of(self, corpus: str) -> tuple[AnalysisSpec, ...]:
        """The analyses that read a corpus, in the manifest's order."""
        return tuple(analysis for analysis in self.analyses if corpus in analysis.corpora)
