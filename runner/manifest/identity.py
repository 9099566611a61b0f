"""What a run is: what is bought, and from whom; and the form of its output, which is fixed when it begins.

A source is identified by its text: as written, after `${}` and `--set`, relative to the manifest's folder; the
absolute path counts only where the source lies elsewhere and was written so, or with `~`. So a checkout that moved,
with its run directory, goes on with its run. (Two texts for one folder, `data` and `../x/data`, are two identities:
the safe side, since ids and order may follow the text.)
Credentials, quotas, budget, tolerance, packing and prices are no part of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from runner.manifest.detector import detector_version
from runner.manifest.paths import folder_of, within
from runner.manifest.problems import shortened
from runner.model import AnalysisSpec, CorpusSpec, Manifest, ModelSpec

IDENTITY_VERSION: Final = 1
"""Raised when the same manifest comes to mean other results."""
_NOTHING: Final = object()


def describe_identity(manifest: Manifest) -> dict[str, object]:
    """The identity of a run of this manifest, as data that JSON can hold."""
    folder = folder_of(manifest.path)
    return {
        "version": IDENTITY_VERSION,
        # Several lanes of a run are of one kind, and which of them does a job changes no byte.
        "lane": manifest.lanes[0].kind,
        "corpora": [_corpus(corpus, folder) for corpus in manifest.corpora],
        "analyses": [_analysis(analysis, folder) for analysis in manifest.analyses],
        "policy": {"undecodable": manifest.policy.undecodable},
    }


def describe_form(manifest: Manifest) -> dict[str, object]:
    """The form of the output, as data that JSON can hold; a resume that changes it is refused."""
    return {
        "compression": manifest.output.compression,
        "max_file_bytes": manifest.output.file_bytes_max,
        "text": manifest.output.text,
        "keep": {corpus.name: list(corpus.keep) for corpus in manifest.corpora},
        **({} if manifest.output.emit == "all" else {"emit": manifest.output.emit}),
    }


def identity_digest(manifest: Manifest) -> str:
    """blake2b (160 bits, hex) of the identity's canonical JSON."""
    text = json.dumps(describe_identity(manifest), ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


def identity_difference(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """What differs between two identities (or two forms), one sentence each; empty if nothing does.

    `corpora.reviews.language.code: was 'en', is now 'de'`
    """
    return list(_differences(old, new, ""))


def _corpus(corpus: CorpusSpec, folder: str) -> dict[str, object]:
    rule = corpus.language
    language: dict[str, object] | None = None
    if rule is not None:
        language = {"kind": rule.kind, "code": rule.code, "path": rule.path, "among": list(rule.among)}
        if rule.kind in {"auto", "detect"}:
            language["detector"] = detector_version()
    return {
        "name": corpus.name,
        "sources": [within(folder, source) for source in corpus.sources],
        "format": corpus.format,
        "text": list(corpus.text),
        "id": corpus.id,
        "language": language,
        "encoding": corpus.encoding,
        "limit": corpus.limit,
        **_rows(corpus),
    }


def _rows(corpus: CorpusSpec) -> dict[str, object]:
    """What few corpora have; it is left out of the identity of the others."""
    rows: dict[str, object] = {}
    if corpus.where:
        rows["where"] = {path: list(values) for path, values in corpus.where}
    if corpus.sample is not None:
        rows["sample"] = corpus.sample
    if corpus.format == "csv":
        rows["csv"] = asdict(corpus.csv)
    return rows


def _analysis(analysis: AnalysisSpec, folder: str) -> dict[str, object]:
    model = {} if analysis.model is None else {"model": _model(analysis.model, folder)}
    return {
        "name": analysis.name,
        "family": analysis.family,
        "corpora": list(analysis.corpora),
        "parameters": dict(analysis.parameters),
        "oversize": analysis.oversize,
        "document_bytes_max": analysis.document_bytes_max,
        "languages": None if analysis.languages is None else sorted(analysis.languages),
        **model,
    }


def _model(model: ModelSpec, folder: str) -> dict[str, object]:
    if model.arn is not None:
        return {"arn": model.arn}
    trained: dict[str, object] = {"language": model.language}
    if model.train is not None:
        trained |= {"train": within(folder, model.train), "mode": model.mode, "delimiter": model.delimiter}
    if model.documents:
        trained["documents"] = [within(folder, path) for path in model.documents]
    for key, path in (("entity_list", model.entity_list), ("annotations", model.annotations)):
        if path is not None:
            trained[key] = within(folder, path)
    if model.digest:
        trained["data"] = model.digest
    return trained


def _differences(old: object, new: object, path: str) -> Iterable[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            below = f"{path}.{key}" if path else str(key)
            yield from _differences(old.get(key, _NOTHING), new.get(key, _NOTHING), below)
    elif (old_items := _by_name(old)) is not None and (new_items := _by_name(new)) is not None:
        yield from _differences(old_items, new_items, path)
        common = [name for name in old_items if name in new_items]
        order = [name for name in new_items if name in old_items]
        if common != order:
            yield f"{path}: was in the order {', '.join(common)}, is now {', '.join(order)}"
    elif old is _NOTHING:
        yield f"{path}: is new{_shown_short(new)}"
    elif new is _NOTHING:
        yield f"{path}: is gone{_shown_short(old)}"
    elif old != new:
        yield f"{path}: was {_shown(old)}, is now {_shown(new)}"


def _by_name(value: object) -> dict[str, Any] | None:
    if isinstance(value, list) and all(isinstance(item, Mapping) and "name" in item for item in value):
        return {str(item["name"]): item for item in value}
    return None


def _shown(value: object) -> str:
    return "not there" if value is None else shortened(json.dumps(value, ensure_ascii=False, default=str))


def _shown_short(value: object) -> str:
    return "" if isinstance(value, Mapping | list) else f" ({_shown(value)})"
