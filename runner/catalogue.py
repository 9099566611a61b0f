"""What is known of each Comprehend job family: one row a family, ten kinds of analysis in nine families.

Sources: COMPREHEND.md sections 1.2 (operations), 2.1 (sizes), 2.5 (languages), 3.1-3.3 (outputs) and 4 (prices),
and botocore's service model, which the tests hold this table to. KB and MB are powers of two here, because
the service's own messages count so (102400, 5120).

This file knows nothing of manifests, jobs or networks; the local endpoint keeps its own copy of these facts
on purpose, since a double that shares code with its client shares its bugs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

KB: Final = 1024
MB: Final = 1024 * KB
GB: Final = 1024 * MB

ALL_LANGUAGES: Final = frozenset({"en", "es", "fr", "de", "it", "pt", "ar", "hi", "ja", "ko", "zh", "zh-TW"})
UNIT_CHARACTERS: Final = 100
UNITS_PER_DOCUMENT_MIN: Final = 3

OutputShape = Literal["rows", "predictions", "topics", "files", "folder"]
"""How a family writes: `rows` one archive member of JSON lines; `predictions` the same under another name;
`topics` two CSVs in an archive; `files` one member per input object; `folder` loose objects, no archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per unit of 100 characters, by monthly volume: `tiers` is ((units up to, USD per unit), …), the last open.

    `None` for tiers means that no price is known; a budget then refuses the run unless the user allows it.
    """

    tiers: tuple[tuple[int | None, float], ...] | None
    as_of: str


# COMPREHEND.md section 4; secondary copies of the list prices, so `plan` prints the date beside the figure.
_STANDARD = Price(tiers=((10_000_000, 0.0001), (50_000_000, 0.00005), (None, 0.000025)), as_of="2026-11")
_CUSTOM = Price(tiers=((None, 0.0005),), as_of="2026-11")
_UNKNOWN = Price(tiers=None, as_of="2026-11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of analysis and the job family that does it. Sizes are bytes of UTF-8."""

    name: str
    stem: str
    """As in `Start{stem}Job`, `List{stem}Jobs`: the operation that slots, rates and sweeps belong to."""
    path_code: str
    """In the output path: `<account>-<path_code>-<job id>`."""
    members: tuple[str, ...]
    """The members of a row that carry the result, as the service names them."""
    spans: tuple[str, ...] = ()
    """Where a payload names stretches of the text: `Entities` has them, or `Entities.Mentions`, one level down."""
    repeats_text: bool = True
    """Whether each of those stretches comes with its `Text`."""
    shape: OutputShape = "rows"
    whole_corpus: bool = False
    """Whether one job must read a whole corpus, because answers mean nothing beside those of another job (topics)."""
    takes_language: bool = True
    languages: frozenset[str] | None = ALL_LANGUAGES
    """Languages the family can analyse; None: any."""
    document_bytes_max: int = 1 * MB
    job_bytes_max: int = 5 * GB
    job_lines_max: int = 1_000_000
    job_files_max: int = 1_000_000
    job_bytes_min: int = 500
    stoppable: bool = True
    volume_and_vpc: bool = True
    """Whether Start takes VolumeKmsKeyId and VpcConfig."""
    price: Price = _STANDARD
    available: bool = True
    """Whether this version of the runner can do it from manifest to merged line."""

    @property
    def start(self) -> str:
        """The operation that starts a job."""
        return f"Start{self.stem}Job"

    @property
    def describe(self) -> str:
        """The operation that looks at one job."""
        return f"Describe{self.stem}Job"

    @property
    def list(self) -> str:
        """The operation that looks at up to 500 jobs."""
        return f"List{self.stem}Jobs"

    @property
    def stop(self) -> str | None:
        """The operation that stops a job; None where the service has none."""
        return f"Stop{self.stem}Job" if self.stoppable else None


_ROWS: Final = (
    Family(
        name="dominant_language",
        stem="DominantLanguageDetection",
        path_code="LANGUAGE",
        members=("Languages",),
        takes_language=False,
        languages=None,
    ),
    Family(
        name="entities",
        stem="EntitiesDetection",
        path_code="NER",
        members=("Entities",),
        spans=("Entities",),
    ),
    Family(
        name="key_phrases",
        stem="KeyPhrasesDetection",
        path_code="KP",
        members=("KeyPhrases",),
        spans=("KeyPhrases",),
    ),
    Family(
        name="sentiment",
        stem="SentimentDetection",
        path_code="SENTIMENT",
        members=("Sentiment", "SentimentScore"),
        document_bytes_max=5 * KB,
    ),
    Family(
        name="targeted_sentiment",
        stem="TargetedSentimentDetection",
        path_code="TS",
        members=("Entities",),
        spans=("Entities.Mentions",),
        shape="files",
        languages=frozenset({"en"}),
        document_bytes_max=10 * KB,
        job_bytes_max=300 * MB,
        job_lines_max=30_000,
        job_files_max=30_000,
        price=_UNKNOWN,
    ),
    Family(
        name="pii_entities",
        stem="PiiEntitiesDetection",
        path_code="PII",
        members=("Entities",),
        spans=("Entities",),
        repeats_text=False,
        shape="folder",
        languages=frozenset({"en", "es"}),
        volume_and_vpc=False,
    ),
    Family(
        name="events",
        stem="EventsDetection",
        path_code="EVENTS",
        members=("Entities", "Events"),
        spans=("Entities.Mentions", "Events.Triggers"),
        shape="folder",
        languages=frozenset({"en"}),
        document_bytes_max=10 * KB,
        job_bytes_max=50 * MB,
        job_lines_max=5_000,
        job_files_max=5_000,
        volume_and_vpc=False,
        price=_UNKNOWN,
    ),
    Family(
        name="topics",
        stem="TopicsDetection",
        path_code="TOPICS",
        members=(),
        shape="topics",
        whole_corpus=True,
        takes_language=False,
        languages=None,
        document_bytes_max=100 * MB,
        stoppable=False,
        price=_UNKNOWN,
    ),
    Family(
        name="classification",
        stem="DocumentClassification",
        path_code="CLN",
        members=("Classes", "Labels"),
        shape="predictions",
        takes_language=False,
        languages=frozenset({"en", "es", "fr", "de", "it", "pt"}),
        document_bytes_max=10 * MB,
        job_bytes_min=1,
        stoppable=False,
        price=_CUSTOM,
    ),
    Family(
        name="custom_entities",
        stem="EntitiesDetection",
        path_code="NER",
        members=("Entities",),
        spans=("Entities",),
        languages=frozenset({"en", "es", "fr", "de", "it", "pt"}),
        job_bytes_min=1,
        price=_CUSTOM,
    ),
)

FAMILIES: Final[dict[str, Family]] = {row.name: row for row in _ROWS}


def units(characters: int) -> int:
    """Billing units of one document of that many characters (code points): hundreds rounded up, three at least.

    Whether the minimum holds per document inside an asynchronous job is not documented; budgets assume it does
    (COMPREHEND.md section 4).
    """
    return max(UNITS_PER_DOCUMENT_MIN, -(-characters // UNIT_CHARACTERS))
