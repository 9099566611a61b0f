"""What this endpoint knows of each job family: one row per family, from COMPREHEND.md sections 1.2, 2.1 and 3.

Its own copy of the facts, on purpose: a double that shared the client's table would share its mistakes.
Knows nothing of requests, jobs or workers. A further family is a further row.

Custom entity recognition is the family `entities`, with a recognizer in the Start: same operation, same slots,
same folder, other limits (`Family.limits`).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FAMILIES", "Family", "JobLimits", "OutputShape"]

_KIB = 1024
_MIB = 1024 * 1024
_GIB = 1024 * 1024 * 1024

_COMMON = ("JobName", "InputDataConfig", "OutputDataConfig", "DataAccessRoleArn")
_VOLUME = ("VolumeKmsKeyId", "VpcConfig")

OutputShape = Literal["rows", "files", "folder", "topics"]
"""How a family writes its output (COMPREHEND.md sections 3.1 and 3.2):

`rows` one member (`Family.member`) of JSON lines in output.tar.gz; `files` one `<input>.out` member per input
object in output.tar.gz; `folder` no archive, one `<input>.out` object per input object; `topics` two CSVs in
output.tar.gz.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLimits:
    """What one job may read, as a whole. Bytes are of UTF-8; `lines` counts documents of one-per-line jobs."""

    bytes_max: int = 5 * _GIB
    files_max: int = 1_000_000
    lines_max: int = 1_000_000
    bytes_min: int = 500

    def breach(self, *, size: int | None = None, files: int | None = None, lines: int | None = None) -> str | None:
        """The Message of the job that these figures make FAIL; None if it may go on.

        None leaves a figure out: sizes and files are known before the work begins, lines only in the course of
        it. That such a job fails after its Start was accepted, and the wording, are this endpoint's choices:
        COMPREHEND.md section 2.1 knows the limits but not the answer.
        """
        if size is not None and size < self.bytes_min:
            return f"INPUT_SIZE_TOO_SMALL: The input has {size} bytes. The minimum for a job is {self.bytes_min} bytes."
        for noun, have, most in (
            ("bytes", size, self.bytes_max),
            ("files", files, self.files_max),
            ("lines", lines, self.lines_max),
        ):
            if have is not None and have > most:
                return f"INPUT_SIZE_LIMIT_EXCEEDED: The input has more than {most} {noun}, the maximum for a job."
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One job family.

    `stem` names the operations (`Start{stem}Job`), `resource` the ARN's resource type, `code` the folder of
    the output in S3. `document_bytes_max` counts bytes of UTF-8. `echoes` are the members of a Start that
    Describe and List repeat, `defaults` those that are filled in where a Start leaves them out. `models` are
    the members that name a custom model; with `needs_model`, a Start must have one of them. `empty` is the
    payload of a row (`rows`, `files` and `folder` alike) that found nothing. `oldest_first_filter` is the filter
    that turns List's order round: topics do it the other way about.
    """

    name: str
    stem: str
    resource: str
    code: str
    takes_language: bool
    echoes: tuple[str, ...]
    empty: Mapping[str, Any]
    document_bytes_max: int = _MIB
    job: JobLimits = JobLimits()
    custom_job: JobLimits | None = None
    shape: OutputShape = "rows"
    member: str = "output"
    line_is_text: bool = False
    defaults: Mapping[str, Any] | None = None
    models: tuple[str, ...] = ()
    needs_model: bool = False
    stoppable: bool = True
    oldest_first_filter: str = "SubmitTimeBefore"

    @property
    def properties(self) -> str:
        """The member that holds one job in an answer to Describe; List's has `List` appended."""
        return f"{self.stem}JobProperties"

    @property
    def output(self) -> str:
        """The end of a job's output location, below `<account>-<code>-<job id>/`: an object, or a folder."""
        return "output/" if self.shape == "folder" else "output/output.tar.gz"

    def limits(self, request: Mapping[str, Any]) -> JobLimits:
        """What a job of this Start may read: a custom model has limits of its own."""
        custom = any(request.get(name) is not None for name in self.models)
        return self.custom_job if custom and self.custom_job is not None else self.job


_ROWS = (
    Family(
        name="dominant_language",
        stem="DominantLanguageDetection",
        resource="dominant-language-detection-job",
        code="LANGUAGE",
        takes_language=False,
        echoes=(*_COMMON, *_VOLUME),
        empty={"Languages": []},
    ),
    Family(
        name="entities",
        stem="EntitiesDetection",
        resource="entities-detection-job",
        code="NER",
        takes_language=True,
        echoes=(*_COMMON, "EntityRecognizerArn", "LanguageCode", *_VOLUME, "FlywheelArn"),
        empty={"Entities": []},
        custom_job=JobLimits(bytes_min=1),
        models=("EntityRecognizerArn", "FlywheelArn"),
    ),
    Family(
        name="key_phrases",
        stem="KeyPhrasesDetection",
        resource="key-phrases-detection-job",
        code="KP",
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
    Family(
        name="targeted_sentiment",
        stem="TargetedSentimentDetection",
        resource="targeted-sentiment-detection-job",
        code="TS",
        document_bytes_max=10 * _KIB,
        job=JobLimits(bytes_max=300 * _MIB, files_max=30_000, lines_max=30_000),
        takes_language=True,
        shape="files",
        echoes=(*_COMMON, "LanguageCode", *_VOLUME),
        empty={"Entities": []},
    ),
    Family(
        name="pii_entities",
        stem="PiiEntitiesDetection",
        resource="pii-entities-detection-job",
        code="PII",
        takes_language=True,
        shape="folder",
        echoes=(*_COMMON, "RedactionConfig", "LanguageCode", "Mode"),
        empty={"Entities": []},
    ),
    Family(
        name="events",
        stem="EventsDetection",
        resource="events-detection-job",
        code="EVENTS",
        document_bytes_max=10 * _KIB,
        job=JobLimits(bytes_max=50 * _MIB, files_max=5_000, lines_max=5_000),
        takes_language=True,
        shape="folder",
        echoes=(*_COMMON, "LanguageCode", "TargetEventTypes"),
        empty={"Entities": [], "Events": []},
    ),
    Family(
        name="topics",
        stem="TopicsDetection",
        resource="topics-detection-job",
        code="TOPICS",
        document_bytes_max=100 * _MIB,
        takes_language=False,
        shape="topics",
        echoes=(*_COMMON, "NumberOfTopics", *_VOLUME),
        empty={},
        defaults={"NumberOfTopics": 10},
        stoppable=False,
        oldest_first_filter="SubmitTimeAfter",
    ),
    Family(
        name="classification",
        stem="DocumentClassification",
        resource="document-classification-job",
        code="CLN",
        document_bytes_max=10 * _MIB,
        job=JobLimits(bytes_min=1),
        takes_language=False,
        member="predictions.jsonl",
        line_is_text=True,
        echoes=(*_COMMON, "DocumentClassifierArn", *_VOLUME, "FlywheelArn"),
        empty={"Classes": []},
        models=("DocumentClassifierArn", "FlywheelArn"),
        needs_model=True,
        stoppable=False,
    ),
)

FAMILIES: Mapping[str, Family] = MappingProxyType({row.name: row for row in _ROWS})
"""Family name -> its row."""
