"""From a valid manifest's sections to the values that everybody else reads.

Defaults that depend on other keys, on the machine or on the engine are filled in here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from runner.catalogue import FAMILIES
from runner.manifest.overrides import DEFAULT_LANE
from runner.manifest.parameters import SPLITTABLE
from runner.manifest.paths import absolute, joined
from runner.manifest.schema import ManifestFile
from runner.manifest.schema_lanes import LaneSection, Number, QuotasSection
from runner.manifest.schema_run import OutputSection, PolicySection, PricesSection
from runner.manifest.schema_work import AnalysisSection, CorpusSection
from runner.manifest.tree import Location, Report
from runner.model import (
    AnalysisSpec,
    CorpusSpec,
    CsvDialect,
    FamilyPrice,
    Kms,
    LaneSpec,
    Limit,
    Manifest,
    ModelSpec,
    OutputSpec,
    PolicySpec,
    Quotas,
    Tolerance,
    Vpc,
)

Languages = Mapping[str, frozenset[str] | None]

_REMOTE: Final = Quotas()
_DEFAULT_REGION: Final = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Makes the model's values out of the sections of one manifest.

    Attributes:
        report: knows which file a value was written in.
        languages: per family, those that the embedded engine can do; None: no engine is known.
        cores: the active jobs of an embedded lane.
    """

    report: Report
    languages: Languages | None
    cores: int

    def manifest(self, file: ManifestFile, *, path: str, digest: str) -> Manifest:
        """The whole manifest; `path` is where it is."""
        lanes = tuple(self._lane(lane) for lane in file.lanes or [LaneSection(name=DEFAULT_LANE)])
        corpora = tuple(self._corpus(index, corpus) for index, corpus in enumerate(file.corpora))
        names = tuple(corpus.name for corpus in corpora)
        embedded = not any(lane.remote for lane in lanes)
        return Manifest(
            path=absolute(path),
            name=file.name,
            lanes=lanes,
            corpora=corpora,
            analyses=tuple(
                self._analysis(index, analysis, names, embedded=embedded)
                for index, analysis in enumerate(file.analyses)
            ),
            policy=self._policy(file.policy),
            output=_output(file.output),
            prices=_prices(file.prices),
            prices_as_of=file.prices.as_of,
            sources_digest=digest,
        )

    def _policy(self, policy: PolicySection) -> PolicySpec:
        store = self._path(("policy", "reuse", "from"), policy.reuse.from_ if policy.reuse else None)
        return replace(_policy(policy), reuse=store)

    def _corpus(self, index: int, corpus: CorpusSection) -> CorpusSpec:
        sources = tuple(
            joined(self.report.directory(("corpora", index, "source", position)), source)
            for position, source in enumerate(corpus.source)
        )
        return CorpusSpec(
            name=corpus.name,
            sources=sources,
            format=cast("Any", corpus.format),
            text=corpus.text,
            id=corpus.id,
            language=corpus.language,
            encoding=corpus.encoding,
            keep=corpus.keep,
            where=corpus.where,
            sample=corpus.sample,
            limit=corpus.limit,
            csv=CsvDialect(**corpus.csv.model_dump()) if corpus.csv else CsvDialect(),
            profile=corpus.profile,
            lanes=corpus.lanes,
        )

    def _analysis(
        self, index: int, analysis: AnalysisSection, corpora: tuple[str, ...], *, embedded: bool
    ) -> AnalysisSpec:
        row = FAMILIES[analysis.family]
        languages = row.languages
        reads = frozenset(analysis.corpora or corpora)
        engine = self.languages.get(analysis.family) if embedded and self.languages is not None else None
        if engine is not None:
            languages = engine if languages is None else languages & engine
        return AnalysisSpec(
            name=analysis.name or analysis.family,
            family=analysis.family,
            corpora=tuple(name for name in corpora if name in reads),
            oversize=cast("Any", analysis.oversize or _oversize(analysis.family)),
            document_bytes_max=row.document_bytes_max,
            languages=languages,
            parameters=tuple(_parameters(analysis)),
            model=self._model(index, analysis),
        )

    def _model(self, index: int, analysis: AnalysisSection) -> ModelSpec | None:
        at: Location = ("analyses", index)
        if (classifier := analysis.classifier) is not None:
            at = (*at, "classifier")
            return ModelSpec(
                arn=classifier.arn,
                train=self._path((*at, "train"), classifier.train),
                mode=cast("Any", classifier.mode),
                delimiter=classifier.delimiter,
                language=classifier.language,
            )
        if (recognizer := analysis.recognizer) is not None:
            at = (*at, "recognizer")
            documents = [
                joined(self.report.directory((*at, "documents", position)), text)
                for position, text in enumerate(recognizer.documents)
            ]
            return ModelSpec(
                arn=recognizer.arn,
                documents=tuple(documents),
                entity_list=self._path((*at, "entity_list"), recognizer.entity_list),
                annotations=self._path((*at, "annotations"), recognizer.annotations),
                language=recognizer.language,
            )
        return None

    def _path(self, location: Location, text: str | None) -> str | None:
        return None if text is None else joined(self.report.directory(location), text)

    def _lane(self, lane: LaneSection) -> LaneSpec:
        common: dict[str, Any] = {
            "name": lane.name,
            "region": lane.region or _DEFAULT_REGION,
            "tags": lane.tags,
            "job_name_prefix": lane.job_name_prefix,
        }
        if lane.endpoint == "embedded":
            # What belongs to a real account stays behind, so that the same manifest runs with
            # `--set lanes.<name>.endpoint=embedded` and no account; nor are there others to leave slots to.
            quotas = replace(_quotas(lane.quotas, _embedded(self.cores)), reserve_slots=Limit(default=0))
            return LaneSpec(kind="embedded", quotas=quotas, **common)
        return LaneSpec(
            kind="aws" if lane.endpoint == "aws" else "url",
            url=None if lane.endpoint == "aws" else lane.endpoint,
            account=lane.account,
            profile=lane.profile,
            assume_role=lane.assume_role,
            external_id=lane.external_id,
            staging=lane.staging or "",
            data_access_role=lane.data_access_role or "",
            kms=Kms(**lane.kms.model_dump()),
            vpc=Vpc(**lane.vpc.model_dump()) if lane.vpc else None,
            endpoint_urls=tuple((key, url) for key, url in lane.endpoint_urls.model_dump().items() if url),
            quotas=_quotas(lane.quotas, _REMOTE),
            **common,
        )


def _oversize(family: str) -> str:
    """What becomes of long documents unless the manifest says."""
    return "split" if family in SPLITTABLE else "skip"


def _parameters(analysis: AnalysisSection) -> Iterator[tuple[str, str]]:
    """The parameters of a family, as text; lists are joined by commas, and of PII no types are all."""
    classifier, recognizer = analysis.classifier, analysis.recognizer
    match analysis.family:
        case "pii_entities":
            yield "mode", analysis.mode
            yield "types", ",".join(analysis.types)
            if analysis.mode != "offsets":
                yield "mask", analysis.mask
        case "events":
            yield "types", ",".join(analysis.types)
        case "topics":
            yield "topics", str(analysis.topics)
        case "classification" if classifier is not None:
            yield ("classifier", classifier.arn) if classifier.arn else ("mode", classifier.mode)
        case "custom_entities" if recognizer is not None and recognizer.arn:
            yield "recognizer", recognizer.arn
        case _:
            pass


def _embedded(cores: int) -> Quotas:
    """Nobody waits for a quota that is not there: slots are cores, calls are not paced."""
    unpaced = Limit(default=None)
    return Quotas(active_jobs=Limit(default=cores), start_per_s=unpaced, read_per_s=unpaced, stop_per_s=unpaced)


def _quotas(section: QuotasSection, default: Quotas) -> Quotas:
    return Quotas(
        active_jobs=_limit(section.active_jobs, default.active_jobs),
        start_per_s=_limit(section.start_per_s, default.start_per_s),
        read_per_s=_limit(section.read_per_s, default.read_per_s),
        stop_per_s=_limit(section.stop_per_s, default.stop_per_s),
        reserve_slots=_limit(section.reserve_slots, default.reserve_slots),
    )


def _limit(written: Number | None, default: Limit) -> Limit:
    if written is None:
        return default
    number, by_family = written
    by_operation = {FAMILIES[family].stem: value for family, value in by_family.items()}
    return replace(
        default if number is None else Limit(default=number), by_operation=tuple(sorted(by_operation.items()))
    )


def _policy(policy: PolicySection) -> PolicySpec:
    count, share = policy.tolerate.errors
    return PolicySpec(
        tolerate=Tolerance(count=count, share=share),
        undecodable=cast("Any", policy.undecodable),
        on_failure=cast("Any", policy.on_failure),
        budget_usd=policy.budget_usd,
        allow_unknown_price=policy.allow_unknown_price,
        max_job_bytes=policy.max_job_bytes,
        max_job_documents=policy.max_job_documents,
        repair_rounds=policy.repair_rounds,
        duplicate_ids=cast("Any", policy.duplicate_ids),
        spool_budget_bytes=policy.spool_budget,
        reuse_max_age_s=policy.reuse.max_age if policy.reuse else None,
    )


def _output(output: OutputSection) -> OutputSpec:
    return OutputSpec(
        directory=output.directory,
        compression=cast("Any", output.compression),
        file_bytes_max=output.max_file_bytes,
        text=output.text,
        emit=cast("Any", output.emit),
    )


def _prices(prices: PricesSection) -> tuple[tuple[str, FamilyPrice], ...]:
    return tuple(
        (
            family,
            FamilyPrice(
                tiers=tuple((tier.up_to, tier.usd_per_unit) for tier in price.tiers) if price.tiers else None,
                units_used_this_month=price.used_this_month,
                discount=price.discount,
            ),
        )
        for family in FAMILIES
        if (price := getattr(prices, family)) is not None
    )
