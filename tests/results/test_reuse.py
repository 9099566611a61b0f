"""The store of answers, keys, and the look at it: what was bought is found, and nothing else is."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runner.catalogue import FAMILIES, units
from runner.errors import MachineError
from runner.model import (
    AnalysisSpec,
    Document,
    KeepTask,
    LaneSpec,
    Ledger,
    LookupTask,
    ModelSpec,
    PartFacts,
    PartId,
    RenameTask,
    Reusable,
    SegmentFacts,
    part_id,
    part_number,
    segment_id,
)
from runner.results.reuse import (
    context_of,
    find_answers,
    keep_answers,
    put_reused_in_place,
    rename_lines,
    reused_spool,
    written,
)
from runner.results.reuse.keys import digests_of, keys_of
from runner.results.reuse.store import Answers
from runner.results.spool import SpoolReader, SpoolWriter

EMBEDDED = LaneSpec(name="here", kind="embedded")
KEYS = st.binary(min_size=20, max_size=20)


def _analysis(family: str, name: str = "", **fields: Any) -> AnalysisSpec:
    row = FAMILIES[family]
    known = {"corpora": ("c",), "document_bytes_max": row.document_bytes_max, "languages": row.languages}
    return AnalysisSpec(name=name or family, family=family, **{**known, **fields})


def _reusable(family: str, **fields: Any) -> Reusable:
    analysis = _analysis(family, **fields)
    context = context_of(analysis, [EMBEDDED], "1")
    assert context is not None
    return Reusable(analysis=analysis, context=context)


# --- keys ---------------------------------------------------------------------------------------------------------


def _pii(**parameters: str) -> AnalysisSpec:
    return _analysis("pii_entities", parameters=tuple(parameters.items()))


def _classifier(arn: str) -> AnalysisSpec:
    return _analysis("classification", model=ModelSpec(arn=arn), parameters=(("classifier", arn),))


AWS = LaneSpec(name="far", kind="aws")
ARN = "arn:aws:comprehend:us-east-1:1:document-classifier/x/version/"
DIFFERENT = [
    (_analysis("sentiment"), EMBEDDED, "1"),
    (_analysis("sentiment"), EMBEDDED, "2"),
    (_analysis("sentiment"), AWS, "1"),
    (_analysis("sentiment"), LaneSpec(name="x", kind="url", url="http://a"), "1"),
    (_analysis("sentiment"), LaneSpec(name="x", kind="url", url="http://b"), "1"),
    (_analysis("entities"), EMBEDDED, "1"),
    (_pii(mode="offsets", types=""), EMBEDDED, "1"),
    (_pii(mode="redaction", types="", mask="type"), EMBEDDED, "1"),
    (_pii(mode="redaction", types="", mask="*"), EMBEDDED, "1"),
    (_pii(mode="redaction", types="NAME", mask="*"), EMBEDDED, "1"),
    (_classifier(ARN + "a"), AWS, "1"),
    (_classifier(ARN + "b"), AWS, "1"),
    (_analysis("events", parameters=(("types", "IPO"),)), AWS, "1"),
    (_analysis("events", parameters=(("types", "IPO,MERGER"),)), AWS, "1"),
]


def test_whatever_may_change_an_answer_changes_its_key() -> None:
    contexts = [context_of(analysis, [lane], version) for analysis, lane, version in DIFFERENT]
    assert None not in contexts
    assert len(set(contexts)) == len(contexts)
    digests = digests_of([b"one", b"two"])
    english, german = (keys_of(_reusable("sentiment"), pool, digests) for pool in ("en", "de"))
    assert len({*english, *german}) == 4


def test_what_changes_no_answer_changes_no_key() -> None:
    def context(analysis: AnalysisSpec, *lanes: LaneSpec, version: str = "1") -> bytes | None:
        return context_of(analysis, lanes or [EMBEDDED], version)

    named = _analysis("sentiment", "other", corpora=("d", "e"), oversize="split")
    assert context(named) == context(_analysis("sentiment"))
    both = _pii(mode="both", types="NAME", mask="*")
    assert context(both) == context(_pii(mode="offsets", types=""))
    two = LaneSpec(name="second", kind="aws", region="eu-west-1")
    assert context(named, AWS, two) == context(named, AWS, version="2")
    events = [_analysis("events", parameters=(("types", types),)) for types in ("IPO,MERGER", "MERGER,IPO")]
    assert context(events[0]) == context(events[1])
    detected = _reusable("dominant_language")
    assert keys_of(detected, "en", digests_of([b"x"])) == keys_of(detected, "rest", digests_of([b"x"]))


@pytest.mark.parametrize(
    "analysis",
    [
        _analysis("topics"),
        _classifier("arn:aws:comprehend:us-east-1:1:flywheel/x"),
        _analysis("classification", model=ModelSpec(train="x.csv")),
    ],
    ids=["topics", "flywheel", "data not read"],
)
def test_answers_that_cannot_be_told_apart_are_not_reused(analysis: AnalysisSpec) -> None:
    assert context_of(analysis, [AWS], "1") is None


@given(st.integers(0, 999 + 26 * 36 * 36))
def test_the_number_of_a_part_is_found_again(number: int) -> None:
    assert part_number(part_id(segment_id(0, 1, 2), number)) == number


# --- the store ----------------------------------------------------------------------------------------------------


@given(
    batches=st.lists(
        st.tuples(st.dictionaries(KEYS, st.binary(min_size=1), max_size=20), st.integers(0, 5)), max_size=4
    ),
    oldest=st.none() | st.integers(0, 5),
)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_latest_answer_of_each_key_is_found(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[dict[bytes, bytes], int]], oldest: int | None
) -> None:
    folder = str(tmp_path_factory.mktemp("store"))
    model: dict[bytes, tuple[int, bytes]] = {}
    for answers, at in [*batches, *batches]:
        news = {key for key in answers if key not in model or model[key][0] < at}
        model |= {key: (at, answers[key]) for key in news}
        with Answers(folder) as store:
            assert store.add("sentiment", answers.items(), at) == len(news)
    with Answers(folder) as store:
        found = store.find("sentiment", [*model, b"\0" * 20], oldest)
    assert found == {key: payload for key, (at, payload) in model.items() if oldest is None or at >= oldest}


def test_an_answer_is_one_of_its_family(tmp_path: Path) -> None:
    key = b"k" * 20
    with Answers(str(tmp_path)) as store:
        store.add("sentiment", [(key, b"{}")], 1)
        with pytest.raises(MachineError, match="does not agree with its checksum"):
            store.find("entities", [key])


def _spoil_bytes(path: Path) -> None:
    path.write_bytes(b"x" * 8192)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _drop_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE answers")


def _make_newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")


@pytest.mark.parametrize("spoil", [_spoil_bytes, _empty, _drop_table, _make_newer])
def test_a_file_that_is_no_store_is_named_with_what_to_do(tmp_path: Path, spoil: Any) -> None:
    key = b"k" * 20
    with Answers(str(tmp_path)) as store:
        store.add("sentiment", [(key, b"{}")], 1)
    spoil(tmp_path / "answers-1.sqlite")
    for act in (lambda store: store.find("sentiment", [key]), lambda store: store.add("sentiment", [(key, b"1")], 2)):
        with Answers(str(tmp_path)) as store, pytest.raises(MachineError) as caught:
            act(store)
        assert "answers-1.sqlite" in caught.value.message
        assert caught.value.hint


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Answers(str(tmp_path / "file/store")) as store, pytest.raises(MachineError, match="cannot be made"):
        store.add("sentiment", [(b"k" * 20, b"{}")], 1)


_WRITER = """
import sys
from runner.results.reuse.store import Answers
folder, me = sys.argv[1:]
for batch in range(20):
    with Answers(folder) as store:
        rows = [(bytes([n]) * 19 + bytes([batch]), b"%d %d" % (n, batch)) for n in range(0, 256, 5)]
        store.add("sentiment", rows, batch)
"""


def test_several_processes_write_at_a_time(tmp_path: Path) -> None:
    folder = str(tmp_path / "store")
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, folder, str(n)]) for n in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    keys = [bytes([n]) * 19 + bytes([batch]) for n in range(0, 256, 5) for batch in range(20)]
    with Answers(folder) as store:
        assert len(store.find("sentiment", keys)) == len(keys)
    assert list(Path(folder).glob("*.tmp*")) == []


# --- looking up ---------------------------------------------------------------------------------------------------

SENTIMENT, ENTITIES = _reusable("sentiment"), _reusable("entities")
ANALYSES = (SENTIMENT, ENTITIES)


def _payload(family: str, line: bytes) -> bytes:
    return b'{"%b":"%b"}' % (family.encode(), line)


def _part(directory: Path, number: int, lines: Sequence[bytes], segment: int = 0) -> PartFacts:
    part = part_id(segment_id(0, 0, segment), number)
    text = b"".join(line + b"\n" for line in lines)
    (directory / "parts").mkdir(exist_ok=True)
    (directory / "parts" / f"{part}.txt").write_bytes(text)
    return PartFacts(
        id=part,
        pool="en",
        line_bytes_max=5000,
        lines=len(lines),
        bytes=len(text),
        units=sum(units(len(line)) for line in lines),
        digest="",
    )


def _lines_of(directory: Path, part: PartId) -> list[bytes]:
    return (directory / "parts" / f"{part}.txt").read_bytes().split(b"\n")[:-1]


def _segment(directory: Path, number: int, parts: Sequence[PartFacts], rows: Sequence[tuple[PartId, int]]) -> Any:
    segment = segment_id(0, 0, number)
    named = tuple(dict.fromkeys(part for part, _ in rows))
    ledger = Ledger(
        segment=segment,
        corpus="c",
        parts=named,
        documents=tuple(
            Document(f"{place}", 0, place, 10, 10, "en", part=named.index(part), line=line)
            for place, (part, line) in enumerate(rows)
        ),
    )
    (directory / "ledger").mkdir(exist_ok=True)
    (directory / "ledger" / f"{segment}.msgpack").write_bytes(msgspec.msgpack.encode(ledger))
    foreign = tuple(part for part in named if not part.startswith(segment))
    return SegmentFacts(
        id=segment,
        corpus="c",
        documents=len(rows),
        bytes=0,
        ledger_digest="",
        parts=tuple(parts),
        foreign_parts=foreign,
    )


LINES = st.lists(st.sampled_from([b"line %d" % n for n in range(12)]), min_size=1, max_size=12, unique=True)
KNOWN = st.sets(st.sampled_from([b"line %d" % n for n in range(12)]))


@given(own=LINES, other=LINES, sentiment=KNOWN, entities=KNOWN)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_every_line_is_answered_or_read_and_every_document_finds_its_line(
    tmp_path_factory: pytest.TempPathFactory,
    own: list[bytes],
    other: list[bytes],
    sentiment: set[bytes],
    entities: set[bytes],
) -> None:
    """Two segments, the second of which has all of its documents' lines in parts of the first, too."""
    directory = tmp_path_factory.mktemp("run")
    known = {"sentiment": sentiment, "entities": entities}
    for reusable in ANALYSES:
        _keep(directory, reusable, sorted(known[reusable.analysis.name]))
    parts = [_part(directory, 0, own), _part(directory, 3, other)]
    rows = [(part.id, line) for part in parts for line in range(part.lines)]
    first = _segment(directory, 0, parts, rows)
    second = _segment(directory, 1, [], rows[::-1])

    task = LookupTask(
        directory=str(directory),
        store=str(directory / "store"),
        bought_after=None,
        reusable=ANALYSES,
        segments=(first, second),
    )
    report = find_answers(task)
    assert find_answers(task) == report
    if not report.segments:
        assert not ({*own, *other} & (sentiment | entities))
        return
    (found,) = report.segments
    rename = RenameTask(
        directory=str(directory),
        analyses=tuple(each.analysis for each in ANALYSES),
        segments=(first, second),
        units=((first.id, found.units),),
        answered=tuple((part.id, part.answered) for part in found.parts if part.answered),
        divided=found.divided,
    )
    facts = rename_lines(rename).segments
    put_reused_in_place(directory)
    put_reused_in_place(directory)

    for segment, texts in zip(facts, ([*own, *other], [*own, *other][::-1]), strict=True):
        path = directory / "ledger" / f"{segment.id}.msgpack"
        ledger = msgspec.msgpack.decode(path.read_bytes(), type=Ledger)
        at = [(ledger.parts[document.part], document.line) for document in ledger.documents]
        assert [_lines_of(directory, part)[line] for part, line in at] == texts
        for name, of_analysis in known.items():
            reused = [name in ledger.reused[document.part] for document in ledger.documents]
            assert reused == [text in of_analysis for text in texts]
        left = [text for text in texts if not (text in sentiment and text in entities)]
        shown = written(ledger, rename.analyses, changed=True)
        assert [texts[document.position] for document in shown] == left
        tallies = {tally.analysis: tally.documents for tally in segment.reused if tally.documents}
        counts = {name: sum(text in of for text in texts) for name, of in known.items()}
        assert tallies == {name: count for name, count in counts.items() if count}
    for name, bought in found.units:
        with SpoolReader(reused_spool(str(directory), first.id, name)) as spool:
            answers = {(part, line): entry for part in spool for line, entry in enumerate(spool.entries(part)) if entry}
        assert bought == sum(part.units for part in found.parts if name in part.answered)
        texts_of = {place: _lines_of(directory, place[0])[place[1]] for place in answers}
        assert all(entry == _payload(name, texts_of[place]) for place, entry in answers.items())


def _keep(directory: Path, reusable: Reusable, lines: Sequence[bytes]) -> None:
    """Put answers into the store, by the way of a spool, with an error and a line without an answer among them."""
    name = reusable.analysis.family
    facts = _part(directory, 9, [*lines, b"failed", b"missing"], segment=7)
    spool = directory / f"{name}.spool"
    with spool.open("wb") as file:
        writer = SpoolWriter(file, name)
        writer.add(facts.id, [*(_payload(name, line) for line in lines), b'!["CODE",""]', b""])
        writer.finish()
    task = KeepTask(
        store=str(directory / "store"),
        spool_path=str(spool),
        reusable=reusable,
        directory=str(directory),
        pools=((facts.id, "en"),),
    )
    assert keep_answers(task).kept == len(lines)
