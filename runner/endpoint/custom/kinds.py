"""What the two kinds of models differ in on the wire: names, members, order of lists, times in the field."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KINDS", "Kind", "KindName"]

KindName = Literal["classifier", "recognizer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of models.

    `stem` names the operations (`Create{stem}`), `family` the jobs that use such models. `echoes` are the members
    of a Create that Describe repeats. Seconds in the field (COMPREHEND.md section 1.8): from submission to the start
    of training, and how long training takes.
    """

    name: KindName
    stem: str
    family: str
    resource: str
    name_member: str
    metadata_member: str
    echoes: tuple[str, ...]
    oldest_first_filter: str
    prepared_s: float
    trained_s: float

    @property
    def arn_member(self) -> str:
        """The member that names a model of this kind."""
        return f"{self.stem}Arn"

    @property
    def properties(self) -> str:
        """The member that holds one model in an answer to Describe; List's has `List` appended."""
        return f"{self.stem}Properties"


_COMMON = ("LanguageCode", "InputDataConfig", "DataAccessRoleArn", "VolumeKmsKeyId", "VpcConfig", "ModelKmsKeyId")

_ROWS = (
    Kind(
        name="classifier",
        stem="DocumentClassifier",
        family="classification",
        resource="document-classifier",
        name_member="DocumentClassifierName",
        metadata_member="ClassifierMetadata",
        echoes=(*_COMMON, "OutputDataConfig", "Mode", "VersionName"),
        oldest_first_filter="SubmitTimeBefore",
        prepared_s=245.0,
        trained_s=2000.0,
    ),
    Kind(
        name="recognizer",
        stem="EntityRecognizer",
        family="entities",
        resource="entity-recognizer",
        name_member="RecognizerName",
        metadata_member="RecognizerMetadata",
        echoes=(*_COMMON, "VersionName"),
        oldest_first_filter="SubmitTimeAfter",
        prepared_s=233.0,
        trained_s=559.0,
    ),
)

KINDS: Final[Mapping[str, Kind]] = MappingProxyType({row.name: row for row in _ROWS})
"""Name -> its row."""
