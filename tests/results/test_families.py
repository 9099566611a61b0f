"""Every family from what a job writes to result lines; nothing is lost or doubled, however rows are mixed up."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings, strategies as st

from runner.catalogue import FAMILIES
from runner.errors import OutputError, ServiceError
from runner.model import CollectPart, CollectReport, CollectTask, JobKey, RepairTask
from runner.results import collect, gather_repair
from runner.results.codes import OUTPUT_CORRUPT, OUTPUT_FOREIGN, OUTPUT_MISMATCH, OUTPUT_TRUNCATED

TEXTS = ["Ana met Bo in Łódź 😀", "Bo said no", "Acme bought Bolt"]
SCORES = {"Mixed": 0, "Negative": 0.1, "Neutral": 0.2, "Positive": 0.7}
SPACED = (", ", ": ")

Row = dict[str, Any]


class Kind(NamedTuple):
    """How a family answers a line: the members of its row, and the payload that stands for it."""

    family: str
    members: Callable[[str], Row]
    payload: Callable[[str], Any]
    parameters: tuple[tuple[str, str], ...] = ()
    suffix: str = ".tar.gz"


def span(text: str, word: str, **more: Any) -> Row:
    begin = text.index(word)
    return {"BeginOffset": begin, "EndOffset": begin + len(word), "Score": 0.5, **more}


def last(text: str) -> str:
    return text.rsplit(maxsplit=1)[-1]


def targeted(text: str) -> list[Row]:
    sentiment = {"Sentiment": "NEUTRAL", "SentimentScore": SCORES}
    mention = span(text, last(text), GroupScore=1, Text=last(text), Type="PERSON", MentionSentiment=sentiment)
    return [{"DescriptiveMentionIndex": [0], "Mentions": [mention]}]


def happenings(text: str) -> Row:
    mention = span(text, last(text), GroupScore=1, Text=last(text), Type="ORGANIZATION")
    trigger = span(text, text.split()[1], GroupScore=1, Text=text.split()[1], Type="CORPORATE_ACQUISITION")
    event = {"Type": "CORPORATE_ACQUISITION", "Arguments": [{"EntityIndex": 0, "Role": "INVESTEE", "Score": 1}]}
    return {"Entities": [{"Mentions": [mention]}], "Events": [{**event, "Triggers": [trigger]}]}


def named(text: str) -> list[Row]:
    return [span(text, last(text), Text=last(text), Type="PERSON")]


def found(text: str) -> list[Row]:
    return [span(text, last(text), Type="NAME")]


KINDS = {
    "dominant_language": Kind(
        "dominant_language",
        lambda _: {"Languages": [{"LanguageCode": "en", "Score": 1}]},
        lambda _: [{"LanguageCode": "en", "Score": 1}],
    ),
    "entities": Kind("entities", lambda text: {"Entities": named(text)}, named),
    "custom_entities": Kind("custom_entities", lambda text: {"Entities": named(text)}, named),
    "key_phrases": Kind(
        "key_phrases",
        lambda text: {"KeyPhrases": [span(text, last(text), Text=last(text))]},
        lambda text: [span(text, last(text), Text=last(text))],
    ),
    "sentiment": Kind(
        "sentiment",
        lambda _: {"Sentiment": "POSITIVE", "SentimentScore": SCORES},
        lambda _: {"Sentiment": "POSITIVE", "SentimentScore": SCORES},
    ),
    "targeted_sentiment": Kind("targeted_sentiment", lambda text: {"Entities": targeted(text)}, targeted),
    "events": Kind("events", happenings, happenings, suffix="/"),
    "pii": Kind("pii_entities", lambda text: {"Entities": found(text)}, found, suffix="/"),
    "pii_archived": Kind("pii_entities", lambda text: {"Entities": found(text)}, found),
    "classes": Kind(
        "classification",
        lambda text: {"Classes": [{"Name": text, "Score": 1}]},
        lambda text: [{"Name": text, "Score": 1}],
    ),
    "labels": Kind("classification", lambda _: {"Labels": []}, lambda _: []),
}


def rows_of(kind: Kind, part: CollectPart, *, strings: bool = False, below: str = "") -> list[Row]:
    file = f"{below}{part.id}.txt"
    return [
        {**kind.members(text), "File": file, "Line": str(line) if strings else line} for line, text in enumerate(TEXTS)
    ]


class Bucket:
    """Objects of one output, listed and opened as S3's are."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def open(self, _: object, uri: str) -> io.BytesIO:
        if uri not in self.objects:
            raise ServiceError("NoSuchKey", uri)
        return io.BytesIO(self.objects[uri])

    def list(self, _: object, prefix: str) -> Iterator[str]:
        return (uri for uri in sorted(self.objects) if uri.startswith(prefix))


def tar_gz(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


def written(kind: Kind, members: dict[str, bytes]) -> tuple[str, Bucket]:
    """An output's URI and objects: one archive of the members, or a folder of them."""
    root = "s3://bucket/out/123-CODE-1/output/"
    if kind.suffix == "/":
        return root, Bucket({f"{root}{name}": data for name, data in members.items()})
    return f"{root}output{kind.suffix}", Bucket({f"{root}output{kind.suffix}": tar_gz(members)})


def run(world: Any, kit: Any, kind: Kind, part: CollectPart, members: dict[str, bytes], **more: Any) -> CollectReport:
    uri, bucket = written(kind, members)
    task = CollectTask(
        job=JobKey("job"),
        generation=1,
        family=kind.family,
        lane=kit.lane,
        output_uri=uri,
        parts=(part,),
        spool_path=world.spool("job"),
        parameters=kind.parameters,
        **more,
    )
    return collect(task, open_object=bucket.open, list_objects=bucket.list)


def jsonl(rows: Sequence[Row]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


@contextmanager
def fresh(kit: Any) -> Iterator[Any]:
    """A world of its own for each example."""
    with TemporaryDirectory() as folder:
        yield kit.world(Path(folder))


# --- rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strings", [False, True])
@pytest.mark.parametrize("below", ["", "some/folder/"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_payloads_of_every_family_stand_as_the_contract_has_them(
    world: Any, kit: Any, kind: Kind, below: str, *, strings: bool
) -> None:
    """Whether Line is a number or a string, and File a base name or a path; offsets are checked on the way."""
    part = world.simple_segment(TEXTS)
    rows = rows_of(kind, part, strings=strings, below=below)

    report = run(world, kit, kind, part, {f"{part.id}.txt.out": jsonl(rows[1:]), "anything.out": jsonl(rows[:1])})

    assert (report.ok, report.missing, report.errors) == (len(TEXTS), 0, ())
    world.merge([kit.analysis(kind.family, "x", parameters=kind.parameters)], spools=[("x", "job")])
    assert [line["x"] for line in world.lines()] == [kind.payload(text) for text in TEXTS]
    assert all(line["outcome"] == {"x": "ok"} for line in world.lines())


@settings(max_examples=60, deadline=None)
@given(data=st.data(), kind=st.sampled_from(sorted(KINDS)))
def test_rows_unordered_doubled_and_missing_lose_and_double_nothing(kit: Any, data: st.DataObject, kind: str) -> None:
    """Each line ends as its row has it: an answer, the service's error, or missing; wherever the rows were put."""
    chosen = KINDS[kind]
    fates = data.draw(st.lists(st.sampled_from(["ok", "twice", "error", "both", "none"]), min_size=3, max_size=3))
    with fresh(kit) as world:
        part = world.simple_segment(TEXTS)
        rows: list[Row] = []
        for line, (row, fate) in enumerate(zip(rows_of(chosen, part), fates, strict=True)):
            error = kit.error_row(part.id, line, "DOCUMENT_SIZE_EXCEEDED")
            rows += {"ok": [row], "twice": [row, row], "error": [error], "both": [error, row], "none": []}[fate]
        shuffled = data.draw(st.permutations(rows))
        cut = data.draw(st.integers(0, len(shuffled)))

        report = run(world, kit, chosen, part, {"a.out": jsonl(shuffled[:cut]), "b.out": jsonl(shuffled[cut:])})

        assert report.missing == fates.count("none")
        assert dict(report.errors).get("DOCUMENT_SIZE_EXCEEDED", 0) == fates.count("error")
        endings = ["error" if fate in {"error", "none"} else "ok" for fate in fates]
        world.merge([kit.analysis(chosen.family, "x")], spools=[("x", "job")])
        assert [line["outcome"]["x"] for line in world.lines()] == endings
        assert [line["x"] for line in world.lines()] == [
            chosen.payload(text) if ending == "ok" else None for text, ending in zip(TEXTS, endings, strict=True)
        ]


@pytest.mark.parametrize("kind", ["entities", "custom_entities", "key_phrases", "targeted_sentiment", "events"])
def test_an_answer_to_another_text_refuses_the_whole_output(world: Any, kit: Any, kind: str) -> None:
    """Mentions and triggers are one level down, and are checked all the same."""
    part = world.simple_segment(TEXTS)
    rows = rows_of(KINDS[kind], part)
    rows[0]["Line"], rows[1]["Line"] = 1, 0

    with pytest.raises(OutputError) as caught:
        run(world, kit, KINDS[kind], part, {"a.out": jsonl(rows)})

    assert caught.value.code == OUTPUT_MISMATCH
    assert world.spools() == []


@pytest.mark.parametrize("path", ["Entities", "Events"])
def test_each_kind_of_span_of_events_is_checked(world: Any, kit: Any, path: str) -> None:
    part = world.simple_segment(TEXTS)
    rows = rows_of(KINDS["events"], part)
    inner = "Mentions" if path == "Entities" else "Triggers"
    rows[2][path][0][inner][0]["Text"] = "Else"

    with pytest.raises(OutputError) as caught:
        run(world, kit, KINDS["events"], part, {"a.out": jsonl(rows)})

    assert caught.value.code == OUTPUT_MISMATCH


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_cut_output_is_a_fault_or_lacks_lines(world: Any, kit: Any, kind: Kind) -> None:
    """A loose object may end anywhere, so a row that breaks off is refused, and a row that is not there is missing."""
    part = world.simple_segment(TEXTS)
    whole = jsonl(rows_of(kind, part))
    line_ends = {at + 1 for at, byte in enumerate(whole) if byte == 10} | {0}

    for cut in [*line_ends, *range(1, len(whole) - 1, 17)]:
        members = {"a.out": whole[:cut]}
        if cut in line_ends or cut + 1 in line_ends:
            assert run(world, kit, kind, part, members).missing == len(TEXTS) - whole[: cut + 1].count(b"\n")
        else:
            with pytest.raises(OutputError):
                run(world, kit, kind, part, members)


def test_hidden_objects_and_markers_of_folders_are_no_output(world: Any, kit: Any) -> None:
    part = world.simple_segment(TEXTS)
    kind = KINDS["events"]
    members = {".write_access_check_file.temp": b"check", "": b"", "sub/": b"", "sub/x.out": jsonl(rows_of(kind, part))}

    assert run(world, kit, kind, part, members).ok == len(TEXTS)


def test_a_folder_without_objects_is_an_absent_output(world: Any, kit: Any) -> None:
    part = world.simple_segment(TEXTS)

    with pytest.raises(ServiceError) as caught:
        run(world, kit, KINDS["events"], part, {".write_access_check_file.temp": b""})

    assert caught.value.code == "NoSuchKey"
    assert run(world, kit, KINDS["events"], part, {}, partial=True).missing == len(TEXTS)


# --- redacted copies --------------------------------------------------------------------------------------------------

STARS = Kind("pii_entities", lambda _: {}, lambda _: None, (("mode", "redaction"), ("mask", "*")), "/")
TYPES = STARS._replace(parameters=(("mode", "redaction"),))


def test_line_i_of_a_copy_answers_line_i(world: Any, kit: Any) -> None:
    part = world.simple_segment(TEXTS)
    copy = "Ana met Bo in [ADDRESS] 😀\nBo said [X]\nAcme bought Bolt\n".encode()

    report = run(world, kit, TYPES, part, {f"{part.id}.txt.out": copy})

    assert (report.ok, report.rows) == (3, 3)
    world.merge([kit.analysis("pii_entities", "x", parameters=TYPES.parameters)], spools=[("x", "job")])
    assert [line["x"] for line in world.lines()] == copy.decode().splitlines()


@pytest.mark.parametrize(
    ("copy", "code"),
    [
        (b"Bo said no\n", OUTPUT_TRUNCATED),
        ("".join(f"{text}\n" for text in [*TEXTS, "more"]).encode(), OUTPUT_CORRUPT),
        ("".join(f"{text}\n" for text in TEXTS[::-1]).encode(), OUTPUT_MISMATCH),
        ("\n".join(TEXTS).encode()[:-1], OUTPUT_MISMATCH),
        (b"\xff\n\n\n", OUTPUT_CORRUPT),
        (b"", OUTPUT_TRUNCATED),
    ],
)
@pytest.mark.parametrize("kind", [STARS, TYPES], ids=["stars", "types"])
def test_another_or_a_cut_copy_refuses_the_whole_output(
    world: Any, kit: Any, kind: Kind, copy: bytes, code: str
) -> None:
    part = world.simple_segment(TEXTS)

    with pytest.raises(OutputError) as caught:
        run(world, kit, kind, part, {f"{part.id}.txt.out": copy})

    assert caught.value.code == code


def test_a_copy_may_lack_its_last_line_feed_and_lie_in_an_archive(world: Any, kit: Any) -> None:
    part = world.simple_segment(TEXTS)
    copy = "\n".join(TEXTS).encode()

    assert run(world, kit, STARS._replace(suffix=".tar.gz"), part, {f"x/{part.id}.txt.out": copy}).ok == 3


def test_copies_of_foreign_objects_are_refused_and_of_the_pad_dropped(world: Any, kit: Any) -> None:
    part = world.simple_segment(TEXTS)
    copy = "".join(f"{text}\n" for text in TEXTS).encode()

    assert run(world, kit, STARS, part, {f"{part.id}.txt.out": copy, "pad.out": b"a\nb\n"}, pad_name="pad").ok == 3
    with pytest.raises(OutputError) as caught:
        run(world, kit, STARS, part, {f"{part.id}.txt.out": copy, "other.out": b"a\n"})
    assert caught.value.code == OUTPUT_FOREIGN


def test_an_error_row_in_a_copy_is_told_from_a_text_that_looks_like_one(world: Any, kit: Any) -> None:
    row = '{"File":"a","Line":0,"ErrorCode":"INTERNAL_ERROR","ErrorMessage":"m"}'
    part = world.simple_segment(["some text", row])

    report = run(world, kit, STARS, part, {f"{part.id}.txt.out": f"{row}\n{row}\n".encode()})

    assert (report.ok, report.errors, report.repairable) == (1, (("INTERNAL_ERROR", 1),), 1)


def test_a_missing_copy_is_lines_to_be_sent_again(world: Any, kit: Any) -> None:
    part = world.simple_segment(TEXTS)

    report = run(world, kit, STARS, part, {"pad.out": b"a\n"}, pad_name="pad")

    assert (report.missing, report.repairable) == (3, 3)


def test_lines_without_a_copy_are_repaired_by_a_copy_of_their_own(world: Any, kit: Any) -> None:
    parts = [world.simple_segment(TEXTS, number) for number in range(2)]
    uri, bucket = written(STARS, {f"{parts[1].id}.txt.out": "".join(f"{text}\n" for text in TEXTS).encode()})
    task = CollectTask(
        job=JobKey("job"),
        generation=1,
        family="pii_entities",
        lane=kit.lane,
        output_uri=uri,
        parts=tuple(parts),
        spool_path=world.spool("job"),
        parameters=STARS.parameters,
    )
    assert collect(task, open_object=bucket.open, list_objects=bucket.list).repairable == 3
    spools = ((world.spool("job"), tuple(parts)),)
    repair = world.repair_part(gather_repair(RepairTask(serial=1, spools=spools, directory=str(world.directory))))
    copy = "Ana met ** in **** 😀\nBo said **\n**** bought Bolt\n"

    uri, bucket = written(STARS, {f"{repair.id}.txt.out": copy.encode()})
    again = replace(task, parts=(repair,), output_uri=uri, spool_path=world.spool("again"))
    assert collect(again, open_object=bucket.open, list_objects=bucket.list).ok == 3

    analysis = kit.analysis("pii_entities", "x", parameters=STARS.parameters)
    world.merge([analysis], range(2), spools=[("x", "job"), ("x", "again")])
    assert [line["x"] for line in world.lines()] == [*copy.splitlines(), *TEXTS]


# --- topics -----------------------------------------------------------------------------------------------------------

TOPICS = Kind("topics", lambda _: {}, lambda _: None)
TERMS = b'topic,term,weight\r\n000,"a, b",0.5\r\n001,caf\xc3\xa9,1\r\n000,c,.25\r\n'


def topic_rows(part: CollectPart) -> list[str]:
    return [
        f"in:out/{part.id}.txt:2,001,0.25",
        f"in:out/{part.id}.txt:2,000,0.75",
        f"{part.id}.txt:0,010,1.0",
        f"{part.id}.txt:1,002,0.5",
        f"{part.id}.txt:1,001,0.500",
    ]


@given(order=st.permutations(range(6)), cut=st.integers(0, 6))
@settings(max_examples=30, deadline=None)
def test_topics_of_a_document_come_together_highest_first(kit: Any, order: list[int], cut: int) -> None:
    """In whatever order their rows come, one of them twice, in however many tables."""
    with fresh(kit) as world:
        part = world.simple_segment(TEXTS)
        rows = [*topic_rows(part), topic_rows(part)[0]]
        lines = [rows[place] for place in order]
        head = "docname,topic,proportion"
        tables = ["\n".join([head, *some, ""]).encode() for some in (lines[:cut], lines[cut:])]
        path = world.directory / "topics/reviews.x.jsonl"

        report = run(
            world,
            kit,
            TOPICS,
            part,
            {"any": tables[0], "terms": TERMS, "doc-topics.csv": tables[1]},
            terms_path=str(path),
        )

        assert (report.ok, report.missing, report.repairable) == (3, 0, 0)
        world.merge([kit.analysis("topics", "x", languages=None)], spools=[("x", "job")])
        whole = world.result().decode()
        assert '"x":[{"topic":"010","proportion":1.0}]}' in whole
        assert '"x":[{"topic":"001","proportion":0.500},{"topic":"002","proportion":0.5}]}' in whole
        assert '"x":[{"topic":"000","proportion":0.75},{"topic":"001","proportion":0.25}]}' in whole
        assert path.read_text(encoding="utf-8").splitlines() == [
            '{"topic":"000","terms":[{"term":"a, b","weight":0.5},{"term":"c","weight":0.25}]}',
            '{"topic":"001","terms":[{"term":"café","weight":1}]}',
        ]


def test_a_document_without_a_topic_has_no_result_and_is_not_sent_again(world: Any, kit: Any) -> None:
    part = world.simple_segment(TEXTS)
    table = "\n".join(["docname,topic,proportion", *topic_rows(part)[2:]]).encode()

    report = run(world, kit, TOPICS, part, {"d": table, "t": TERMS}, terms_path=None)

    assert (report.ok, report.missing, report.repairable) == (2, 1, 0)


@pytest.mark.parametrize(
    "members",
    [
        {"t": TERMS},
        {"d": b"docname,topic,proportion\n"},
        {"d": b"docname,topic,proportion\nPART.txt,000,1.0\n", "t": TERMS},
        {"d": b"docname,topic,proportion\nPART.txt:0,000\n", "t": TERMS},
        {"d": b"docname,topic,proportion\nPART.txt:0,000,nan\n", "t": TERMS},
        {"d": b"docname,topic,proportion\nPART.txt:0,000,much\n", "t": TERMS},
        {"d": b"docname,topic,proportion\nPART.txt:3,000,1\n", "t": TERMS},
        {"d": b"docname,topic,proportion\nother.txt:0,000,1\n", "t": TERMS},
        {"d": b"docname,topic,proportion\nPART.txt:\xff,000,1\n", "t": TERMS},
        {"d": b"docname,topic,proportion\n", "t": b"topic,term,weight\n000,a\n"},
        {"rows.json": b"{}\n"},
    ],
)
def test_tables_that_are_not_topics_are_refused(world: Any, kit: Any, members: dict[str, bytes]) -> None:
    part = world.simple_segment(TEXTS)
    named = {name: data.replace(b"PART", part.id.encode()) for name, data in members.items()}

    with pytest.raises(OutputError) as caught:
        run(world, kit, TOPICS, part, named)

    assert caught.value.code in {OUTPUT_CORRUPT, OUTPUT_FOREIGN}


def test_every_family_is_tried_here() -> None:
    assert {kind.family for kind in (*KINDS.values(), TOPICS)} == set(FAMILIES)
