"""Keys of answers: equal for lines that the same model is asked the same about, and for no others. Pure.

An answer depends on the text that is sent, the language of its job where the operation takes one, and the *context*:
family, parameters that reach the service, model, and who answers. So pieces of long documents have keys like whole
ones, names of analyses and corpora play no part, and PII with `mode: both`, which is masked here, has the answers of
`offsets`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from runner.model import AnalysisSpec, LaneSpec, Reusable

KEY_BYTES: Final = 20
CONTEXT_BYTES: Final = 32
KEY_VERSION: Final = 1
"""Raised when payloads come to be kept in another form."""

_encode: Final = msgspec.json.Encoder(order="sorted").encode


def context_of(analysis: AnalysisSpec, lanes: Sequence[LaneSpec], version: str) -> bytes | None:
    """What decides an analysis's answers beside text and language, on the lanes of a run; None: they are not reused.

    `version` is that of an embedded lane's analyzer. Not reused are analyses that read a corpus as a whole (topics),
    models behind a flywheel, which change under their name, and models to be trained whose data has not been read.
    """
    model = _model(analysis)
    remote = any(lane.remote for lane in lanes)
    if analysis.row.whole_corpus or model is None:
        return None
    meaning = {
        "version": KEY_VERSION,
        "family": analysis.family,
        "parameters": _parameters(analysis),
        "model": model,
        "lanes": sorted({lane.url or "" if lane.kind == "url" else lane.kind for lane in lanes}),
        "analyzer": None if remote else version,
    }
    return blake2b(_encode(meaning), digest_size=CONTEXT_BYTES).digest()


def keys_of(reusable: Reusable, pool: str, digests: Sequence[bytes]) -> list[bytes]:
    """The keys of lines, from their digests (`digests_of`), in a part of a pool."""
    language = pool if reusable.analysis.row.takes_language else ""
    asked = blake2b(language.encode(), digest_size=KEY_BYTES, key=reusable.context)
    keys = []
    for digest in digests:
        key = asked.copy()
        key.update(b"\0" + digest)
        keys.append(key.digest())
    return keys


def digests_of(lines: Sequence[bytes]) -> list[bytes]:
    """What lines are known by, whoever reads them."""
    return [blake2b(line, digest_size=KEY_BYTES).digest() for line in lines]


def _parameters(analysis: AnalysisSpec) -> dict[str, str]:
    """Those that reach the service, lists in one order."""
    given = dict(analysis.parameters)
    if analysis.family == "pii_entities" and given.get("mode", "offsets") != "redaction":
        return {"mode": "offsets"}
    if given.get("types"):
        given["types"] = ",".join(sorted(given["types"].split(",")))
    return given


def _model(analysis: AnalysisSpec) -> str | None:
    """Which model it is; empty for the service's own, None for one that cannot be told from its later versions."""
    if analysis.model is None:
        return ""
    if analysis.model.arn is None:
        return analysis.model.digest or None
    return None if ":flywheel/" in analysis.model.arn else analysis.model.arn
