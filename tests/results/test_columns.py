"""Rows read by columns say what the decoder of rows says, and what it would refuse is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runner.catalogue import FAMILIES
from runner.errors import OutputError
from runner.model import part_id, segment_id
from runner.results import reading
from runner.results.columns import ColumnReader
from runner.results.layouts import layout_of
from runner.results.reading import RowReader
from runner.results.runs import Rows

TEXTS = ["Ana met Zoë in Łódź", "😀 Bo", 'a "b" \\ c', "x"]
NAMES = [part_id(segment_id(0, 0, 0), number) for number in range(2)]
SPACED, CLOSE = (", ", ": "), (",", ":")


def span(text: str, begin: int, end: int, *, repeats: bool = True) -> dict[str, Any]:
    found = {"BeginOffset": begin, "EndOffset": end, "Score": 0.25}
    return found | ({"Text": text[begin:end]} if repeats else {}) | {"Type": "X"}


def mentions(text: str) -> dict[str, Any]:
    return {"DescriptiveMentionIndex": [0], "Mentions": [span(text, 0, 1)]}


ANSWERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "entities": lambda text: {"Entities": [span(text, 0, len(text)), span(text, 0, 1)]},
    "key_phrases": lambda text: {"KeyPhrases": [span(text, 0, 1)] if len(text) > 1 else []},
    "pii_entities": lambda text: {"Entities": [span(text, 0, 1, repeats=False)]},
    "targeted_sentiment": lambda text: {"Entities": [mentions(text)]},
    "events": lambda text: {
        "Entities": [mentions(text)],
        "Events": [{"Arguments": [], "Triggers": [span(text, 0, 1)]}],
    },
    "dominant_language": lambda text: {"Languages": [{"LanguageCode": "en", "Score": 1 / len(text)}]},
    "sentiment": lambda _: {"Sentiment": "MIXED", "SentimentScore": {"Mixed": 1.0, "Neutral": 5e-1}},
    "classification": lambda text: {"Classes": [{"Name": text, "Score": 0.5}]},
}


def row(family: str, file: str, line: int) -> dict[str, Any]:
    """A row as its family has it, keys sorted."""
    number: int | str = str(line) if family == "classification" else line
    return dict(sorted({"File": file, "Line": number, **ANSWERS[family](TEXTS[line])}.items()))


def line_of(members: dict[str, Any], style: tuple[str, str] = SPACED, *, escaped: bool = False) -> bytes:
    return json.dumps(members, ensure_ascii=escaped, separators=style).encode()


@pytest.mark.parametrize("family", ANSWERS)
@pytest.mark.parametrize("style", [SPACED, CLOSE])
@pytest.mark.parametrize("turned", [False, True])
def test_rows_of_every_family_and_order_of_keys_are_read_by_columns(
    family: str, style: tuple[str, str], turned: bool
) -> None:
    """And say what the decoder says; only File and Line between the members of a result are in the way."""
    files = ["part-1.txt", "part-2.txt"]
    made = [row(family, file, line) for line in range(4) for file in files]
    if turned:
        made = [{"Line": each.pop("Line"), **dict(reversed(each.items()))} for each in made]
    data = b"\n".join(line_of(each, style) for each in made)
    found = ColumnReader(FAMILIES[family], files).read(data)

    if turned and len(FAMILIES[family].members) > 1 and family != "classification":
        assert found is None, "members come in the order of the service"
        return
    assert found is not None
    assert found.others == b""
    strict = RowReader(FAMILIES[family], ()).read(data)
    expected = dict(zip(zip(strict.files, strict.lines, strict.entries, strict=True), strict.lines, strict=True))
    assert {
        (file, line, entry): line
        for file, rows in found.pieces
        for line, entry in zip(rows.lines, Rows.joined([rows]).entries, strict=True)
    } == expected


@pytest.mark.parametrize(
    "first",
    [
        b'{"Entities": [], "File": "part-1.txt", "Line": 1, "Entities": []}',
        b'{"Entities": [], "File": "part-1.txt", "Line": 1, "New": 1}',
        b'{"Entities": [], "New": 1, "File": "part-1.txt", "Line": 1}',
        b'{"Entities": [], "F\\u0069le": "part-1.txt", "Line": 1}',
        b'{"File": "part-1.txt", "Line": 1, "ErrorCode": "C", "ErrorMessage": "m"}',
        b'{"Entities": [], "File": 7, "Line": 1}',
        b'{"Entities": [], "File": "", "Line": 1}',
        b'{"Entities": [], "(": "part-1.txt", "Line": 1}',
        b"{}",
        b"[]",
        b"",
        b"nonsense",
    ],
)
def test_what_is_no_plain_answer_has_no_layout(first: bytes) -> None:
    assert layout_of(first, FAMILIES["entities"]) is None
    assert ColumnReader(FAMILIES["entities"], ["part-1.txt"]).read(first + b"\n" + first) is None


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("part-3.txt", "1"),
        ("part-10.txt", "1"),
        ("a/part-1.txt", "1"),
        ("part-1.txt", "01"),
        ("part-1.txt", "-1"),
        ("part-1.txt", '"1"'),
        ("part-1.txt", "1.0"),
        ("part-1.txt", ""),
        ("part-1.txt", "1234567890"),
        ("part-1.txt", " 1"),
    ],
)
@pytest.mark.parametrize("family", ["entities", "key_phrases", "sentiment"])
def test_other_rows_are_left_to_the_decoder(family: str, file: str, line: str) -> None:
    good = line_of(row(family, "part-1.txt", 0))
    other = good.replace(b'"part-1.txt"', f'"{file}"'.encode()).replace(b'"Line": 0', f'"Line": {line}'.encode())

    found = ColumnReader(FAMILIES[family], ["part-1.txt", "part-2.txt"]).read(b"\n".join([good, other, good]))

    assert found is not None
    assert found.others == other
    assert [(name, list(rows.lines)) for name, rows in found.pieces] == [("part-1.txt", [0, 0])]


def test_a_row_that_cannot_be_decoded_has_the_number_that_it_has_in_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "COLUMNS_BYTES_MIN", 1)
    good = line_of(row("entities", "part-1.txt", 0))
    reader = RowReader(FAMILIES["entities"], ["part-1.txt"])
    assert reader.read(b"\n".join([good] * 3)).pieces

    with pytest.raises(OutputError, match="row 5 of the output"):
        reader.read(b"\n".join([good, b"nonsense", good]))


def test_results_over_several_lines_are_noticed_even_if_as_many_stand_on_one() -> None:
    """As many values as lines are decoded then."""
    head, tail = b'{"File": "part-1.txt", "Languages": ', b', "Line": 1}'
    results = [b"[1]", b"[1,[2]", b"[3]]", b"[4] [5]"]

    assert (
        ColumnReader(FAMILIES["dominant_language"], ["part-1.txt"]).read(
            b"\n".join(head + result + tail for result in results)
        )
        is None
    )


def mangled(chance: Any, line: bytes) -> bytes:
    """A row that is not written as others are, or is none."""
    at = chance.randrange(len(line))
    return chance.choice(
        [
            lambda: line[:at],
            lambda: line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :],
            lambda: line[:at] + b"\n" + line[at:],
            lambda: line[:at] + b" " + line[at:],
            lambda: line + line,
            lambda: line + b"\r",
            lambda: b"",
            lambda: line[:at] + b"\xff" + line[at + 1 :],
            lambda: line[:-1] + b', "New": 1}',
            lambda: line[:-1] + b', "File": "x"}',
            lambda: b'{"New": [], ' + line[1:],
            lambda: line[:-1] + b', "ErrorCode": "C", "ErrorMessage": "m"}',
            lambda: line.replace(b"[", b"null, [", 1),
            lambda: line.replace(b'"Line": ', b'"Line": 0'),
            lambda: line.replace(b'"Line": ', b'"Line": 9'),
            lambda: line.replace(b'Offset": 0', b'Offset": 1', 1),
            lambda: line.replace(b'Text": "', b'Text": "!', 1),
        ]
    )()


@st.composite
def outputs(draw: st.DrawFn) -> tuple[str, list[tuple[int, int, bytes | None]]]:
    """A family, and rows of its output: part, line, and the row; None for an error row."""
    family = draw(st.sampled_from(sorted(ANSWERS)))
    style = draw(st.sampled_from([SPACED, CLOSE]))
    chance = draw(st.randoms(use_true_random=False))
    rows: list[tuple[int, int, bytes | None]] = []
    for part, line in draw(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), min_size=3, max_size=10)):
        kind = draw(st.sampled_from(["good"] * 12 + ["error", "escaped", "mangled"]))
        written = line_of(row(family, f"{NAMES[part]}.txt", line), style, escaped=kind == "escaped")
        written = mangled(chance, written) if kind == "mangled" else written
        rows.append((part, line, None if kind == "error" else written))
    return family, rows


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(output=outputs(), memory=st.sampled_from([1, 64_000_000]))
def test_outputs_end_as_they_do_if_every_row_is_decoded(
    tmp_path_factory: pytest.TempPathFactory, kit: Any, output: tuple[str, list[Any]], memory: int
) -> None:
    """Doubled, missing, failing, damaged and hostile rows: the same entries and counts, or the same complaint."""
    family, found = output
    world = kit.world(tmp_path_factory.mktemp("world"))
    parts = [world.write_part(part, TEXTS) for part in NAMES]
    rows = [line_of(kit.error_row(NAMES[part], line)) if made is None else made for part, line, made in found]
    archive = kit.archive(b"\n".join([*rows, b""]))

    def ending(least: int) -> object:
        """What the spool says and the report counts, or why the output is refused."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(reading, "COLUMNS_BYTES_MIN", least)
            try:
                report = world.collect(family, parts, archive, memory_bytes_max=memory)
            except OutputError as error:
                return error.code, str(error)
        counts = (report.ok, report.errors, report.missing, report.repairable, report.rows, report.bytes)
        return counts, [world.entries(family, part.id) for part in parts]

    assert ending(1) == ending(1 << 60)
