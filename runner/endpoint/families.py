"""What this endpoint knows of each job family: one row per family, from COMPREHEND.md sections 1.2, 2.1 and 3.

Its own copy of the facts, on purpose: a double that shared the client's table would share its mistakes.
Knows nothing of requests, jobs or workers. A further family is a further row.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FAMILIES", "Family"]

_KIB = 1024
_MIB = 1024 * 1024

_COMMON = ("JobName", "InputDataConfig", "OutputDataConfig", "DataAccessRoleArn")
_VOLUME = ("VolumeKmsKeyId", "VpcConfig")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One job family.

    `stem` names the operations (`Start{stem}Job`), `resource` the ARN's resource type, `code` the folder of
    the output in S3. `document_bytes_max` counts bytes of UTF-8. `echoes` are the members of a Start that
    Describe and List repeat. `payload_side` says where a row's payload stands beside `File` and `Line`, the
    keys being in alphabetical order; `empty` is what nothing found looks like.
    """

    name: str
    stem: str
    resource: str
    code: str
    document_bytes_max: int
    takes_language: bool
    echoes: tuple[str, ...]
    empty: Mapping[str, Any]
    stoppable: bool = True
    member: str = "output"
    oldest_first_filter: str = "SubmitTimeBefore"

    @property
    def properties(self) -> str:
        """The member that holds one job in an answer to Describe; List's has `List` appended."""
        return f"{self.stem}JobProperties"


_ROWS = (
    Family(
        name="dominant_language",
        stem="DominantLanguageDetection",
        resource="dominant-language-detection-job",
        code="LANGUAGE",
        document_bytes_max=_MIB,
        takes_language=False,
        echoes=(*_COMMON, *_VOLUME),
        empty={"Languages": []},
    ),
    Family(
        name="entities",
        stem="EntitiesDetection",
        resource="entities-detection-job",
        code="NER",
        document_bytes_max=_MIB,
        takes_language=True,
        echoes=(*_COMMON, "EntityRecognizerArn", "LanguageCode", *_VOLUME, "FlywheelArn"),
        empty={"Entities": []},
    ),
    Family(
        name="key_phrases",
        stem="KeyPhrasesDetection",
        resource="key-phrases-detection-job",
        code="KP",
        document_bytes_max=_MIB,
        takes_language=True,
        echoes=(*_COMMON, "LanguageCode", *_VOLUME),
        empty={"KeyPhrases": []},
    ),
    Family(
        name="sentiment",
        stem="SentimentDetection",
        resource="sentiment-detection-job",
        code="SENTIMENT",
        document_bytes_max=5 * _KIB,
        takes_language=True,
        echoes=(*_COMMON, "LanguageCode", *_VOLUME),
        empty={
            "Sentiment": "NEUTRAL",
            "SentimentScore": {"Mixed": 0.0, "Negative": 0.0, "Neutral": 0.0, "Positive": 0.0},
        },
    ),
)

FAMILIES: Mapping[str, Family] = MappingProxyType({row.name: row for row in _ROWS})
"""Family name -> its row."""
