"""The main job as a stranger does it: one command, real worker processes, the embedded lane with real analyzers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.house import FAMILIES, LINES, ROWS, House, ended, serving

PARIS = "\ufeffI love this film. It was shot in Paris by Jean Renoir.\r\nWonderful!\n"
SPLIT = "One line.\u2028Still the same document, about Angela Merkel in Berlin.\x0bIt was awful and boring."


def furnish(house: House) -> None:
    """Every format, with its traps."""
    house.write("data/texts/a/paris.txt", PARIS)
    house.write("data/texts/b.txt", SPLIT)
    house.write("data/texts/empty.txt", b"")
    house.write("data/texts/latin.txt", "voilà".encode("latin-1"))
    house.write("data/texts/packed.txt.gz", gzip.compress(b"A good day in London."))
    house.write("data/lines.txt", LINES)
    house.write("data/rows.jsonl.gz", gzip.compress(ROWS))
    house.tell(
        name="everything",
        corpora=[
            {"name": "texts", "source": "data/texts", "format": "files", "language": "en"},
            {"name": "lines", "source": "data/lines.txt", "format": "lines", "language": "en"},
            {
                "name": "rows",
                "source": "data/*.jsonl.gz",
                "format": "jsonl",
                "text": "text",
                "id": "key",
                "language": "en",
            },
        ],
        analyses=FAMILIES,
        policy={"tolerate": {"errors": 8}},
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house where the main job was done, by `runner run m.yaml`."""
    house = House(root=tmp_path_factory.mktemp("main"))
    house.furnish()
    furnish(house)
    said = ended(house.begin("run", "m.yaml"))
    assert said.code == 0, said.err
    assert said.out == f"{house.directory.root}/results\n"
    assert "Done: 13 of 13 documents written, 4 jobs" in said.talk
    return house


def problem(analysis: str, code: str, message: str) -> dict[str, str]:
    return {"analysis": analysis, "code": code, "message": message, "by": "runner"}


def test_every_document_has_its_line_in_input_order(done: House) -> None:
    ids = {corpus: [line["id"] for line in done.lines(corpus)] for corpus in ("texts", "lines", "rows")}

    assert ids == {
        "texts": ["a/paris.txt", "b.txt", "empty.txt", "latin.txt", "packed.txt.gz"],
        "lines": ["lines.txt:0", "lines.txt:1", "lines.txt:2", "lines.txt:3"],
        "rows": ["x1", "2", "rows.jsonl.gz:2", "x4"],
    }


def test_every_line_of_a_corpus_has_the_same_keys_in_the_same_order(done: House) -> None:
    for corpus in ("texts", "lines", "rows"):
        for line in done.lines(corpus):
            assert list(line) == ["corpus", "id", "language", "outcome", "problems", *FAMILIES]
            assert list(line["outcome"]) == FAMILIES


@pytest.mark.parametrize(
    ("corpus", "index", "outcome", "code"),
    [
        ("texts", 2, "skipped", "EMPTY"),
        ("texts", 3, "error", "UNDECODABLE"),
        ("lines", 1, "skipped", "EMPTY"),
        ("rows", 1, "skipped", "EMPTY"),
        ("rows", 2, "error", "BAD_ROW"),
    ],
)
def test_traps_have_their_fates(done: House, corpus: str, index: int, outcome: str, code: str) -> None:
    line = done.lines(corpus)[index]

    assert set(line["outcome"].values()) == {outcome}
    assert [entry["code"] for entry in line["problems"]] == [code] * 4
    assert [line[family] for family in FAMILIES] == [None] * 4


def test_a_skipped_document_is_told_to_the_byte(done: House) -> None:
    message = "the document is empty or only white space"
    expected = {
        "corpus": "lines",
        "id": "lines.txt:1",
        "language": "en",
        "outcome": dict.fromkeys(FAMILIES, "skipped"),
        "problems": [problem(family, "EMPTY", message) for family in FAMILIES],
        **dict.fromkeys(FAMILIES),
    }

    line = done.results()["lines/00000.jsonl"].splitlines(keepends=True)[1]

    assert line.decode() == json.dumps(expected, separators=(",", ":"), ensure_ascii=False) + "\n"


@pytest.mark.parametrize(("index", "text"), [(0, PARIS.removeprefix("\ufeff")), (1, SPLIT)])
def test_offsets_select_in_the_original_what_they_repeat(done: House, index: int, text: str) -> None:
    """Line breaks of every kind were folded on the way, one code point for one; a mark at the start is no text."""
    line = done.lines("texts")[index]

    found = [*line["entities"], *line["key_phrases"]]
    assert found
    for entity in found:
        assert text[entity["BeginOffset"] : entity["EndOffset"]].replace("\r\n", "  ") == entity["Text"]


def test_the_answers_are_real(done: House) -> None:
    paris = done.lines("texts")[0]

    assert paris["dominant_language"][0]["LanguageCode"] == "en"
    assert paris["sentiment"]["Sentiment"] == "POSITIVE"
    assert "Paris" in {entity["Text"] for entity in paris["entities"]}


def test_books_are_closed_and_can_be_read(done: House) -> None:
    """`verify`, `status` and `why` as a stranger calls them, one in a process of its own."""
    said = ended(done.begin("verify"))
    assert said.code == 0, said.out
    assert "Verified: 13 of 13 documents in their lines" in said.out

    assert "finished, exit code 0" in done.command("status", "runs/everything/latest").out

    said = done.command("why", "runs/everything/latest", "rows", "x4")
    assert said.code == 0
    for family in FAMILIES:
        assert f"{family}-b" in said.out


def test_the_summary_says_what_the_results_are(done: House) -> None:
    summary: dict[str, Any] = json.loads((done.directory.root / "results/run.json").read_bytes())

    assert summary["exit_code"] == 0
    assert summary["lanes"] == [{"lane": "local", "engine": "embedded", "account": "000000000000"}]
    assert {entry["name"] for entry in summary["files"]} == set(done.results())
    for corpus in ("texts", "lines", "rows"):
        schema = json.loads((done.directory.root / f"results/{corpus}.schema.json").read_bytes())
        assert set(schema["properties"]) >= set(FAMILIES)


def test_nothing_is_left_aside_and_nobody_else_may_read_it(done: House) -> None:
    assert done.leftovers() == []
    assert done.directory.root.stat().st_mode & 0o777 == 0o700
    assert list(done.directory.spools.iterdir()) == []


def test_no_text_and_no_secret_is_in_log_and_journal(done: House) -> None:
    root = done.directory.root
    for path in (root / "journal.db", root / "log.jsonl", root / "plan.json", root / "endpoint.log"):
        content = path.read_bytes()
        for text in (b"Renoir", b"Merkel", b"Hello from", b"second line"):
            assert text not in content, path


def test_the_same_bytes_come_from_an_endpoint_beside_by_one_worker(done: House, tmp_path: Path) -> None:
    """Neither the lane nor the number of workers changes a byte."""
    with serving(tmp_path / "serve", "--workers", "1") as endpoint:
        house = House(root=tmp_path, endpoint=endpoint, bucket=endpoint.make_bucket("staging"))
        house.furnish()
        furnish(house)

        said = ended(house.begin("run", "m.yaml", "--yes", "--workers", "1"))

        assert said.code == 0, said.err
        assert endpoint.accepted == 4
    assert house.results() == done.results()


def test_a_mixed_up_archive_is_never_a_result(tmp_path: Path) -> None:
    """Rows that bear another document's answer show by what they repeat of the text; the next generation answers."""
    with serving(tmp_path / "serve", "--workers", "1") as endpoint:
        house = House(root=tmp_path, endpoint=endpoint, bucket=endpoint.make_bucket("staging"))
        house.furnish("entities")
        house.write(
            "data/lines.txt", "Anna lives in Paris.\nIt was in Rome that we met Bruno.\nCarla lives in London.\n"
        )
        endpoint.set_faults({"operation": "StartEntities*", "do": "rows_altered", "share": 1.0, "times": 1})

        said = house.run()

        assert said.code == 0, said.err
        assert endpoint.accepted == 2
    texts = [{entity["Text"] for entity in line["entities"]} for line in house.lines()]
    assert ["Paris" in texts[0], "Rome" in texts[1], "London" in texts[2]] == [True] * 3
    assert house.command("verify").code == 0


def test_a_second_run_tells_the_summary_and_changes_nothing(done: House) -> None:
    before = {path: path.stat().st_mtime_ns for path in (done.directory.root / "results").rglob("*")}

    said = ended(done.begin("run", "m.yaml"))

    assert said.code == 0
    assert "Done: 13 of 13 documents written" in said.talk
    assert {path: path.stat().st_mtime_ns for path in (done.directory.root / "results").rglob("*")} == before
