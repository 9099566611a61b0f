"""Ledgers that name lines where they stand once answered ones were parted from the others, and say which these are.

`ledger.reused` has, per part that the ledger names, the analyses whose answers for its lines came from the store. What
is written below `reused/` is put in place once its facts are recorded, and again after a crash. Its spool files stay
there until the run is finished.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec

from runner.model import AnalysisSpec, Ledger, PartId, RenameReport, RenameTask, Tally, segment_of
from runner.planning.fates import REUSED, closing
from runner.results.pieces import lines_of
from runner.results.reuse.lookup import PARTS, PLACES, REUSED_DIRECTORY, Places, current, places_path
from runner.storage.atomic import make_directory, replacing_all, sync_directory

LEDGER: Final = "ledger"

# Places in a ledger's rows: `runner.model.Document` is an array. No values are made of them where nothing is counted.
_PART, _LINE, _PIECES = 7, 8, 11
_DIGEST_BYTES: Final = 16
_decode_places: Final = msgspec.msgpack.Decoder(Places).decode


def rename_lines(task: RenameTask) -> RenameReport:
    """Write the ledgers of a task's segments anew, below `reused/`; their facts, with what is reused of them.

    Raises OSError for a file that is missing.
    """
    folder = Path(task.directory) / REUSED_DIRECTORY / LEDGER
    make_directory(folder)
    answered, bought = dict(task.answered), dict(task.units)
    places = {part: _read_places(task.directory, part) for part in task.divided}
    renamed = []
    with replacing_all() as files:
        for facts in task.segments:
            path = current(task.directory, LEDGER, f"{facts.id}.msgpack")
            rows: dict[str, Any] = msgspec.msgpack.decode(Path(path).read_bytes())
            _rename(rows, places)
            rows["reused"] = [answered.get(part, ()) for part in rows["parts"]]
            data = msgspec.msgpack.encode(rows)
            with files.open(folder / f"{facts.id}.msgpack") as file:
                file.write(data)
            ledger = msgspec.convert(rows, Ledger, strict=False)
            renamed.append(
                replace(
                    facts,
                    ledger_digest=blake2b(data, digest_size=_DIGEST_BYTES).hexdigest(),
                    foreign_parts=tuple(sorted(part for part in ledger.parts if segment_of(part) != facts.id)),
                    reused=_tallies(ledger, task.analyses, dict(bought.get(facts.id, ()))),
                )
            )
    return RenameReport(segments=tuple(renamed))


def put_reused_in_place(directory: Path) -> None:
    """Put what was written for the plan in place; repeated after a crash. Comes after shared lines are in place."""
    aside = directory / REUSED_DIRECTORY
    for kind in (PARTS, LEDGER):
        if (aside / kind).is_dir():
            for path in (aside / kind).iterdir():
                path.replace(directory / kind / path.name)
            sync_directory(directory / kind)
    for kind in (PARTS, LEDGER, PLACES):
        shutil.rmtree(aside / kind, ignore_errors=True)


def discard_reused(directory: Path) -> None:
    """Delete everything: before its facts were recorded, or once the run is finished."""
    shutil.rmtree(directory / REUSED_DIRECTORY, ignore_errors=True)


def _read_places(directory: str, part: PartId) -> Places:
    return _decode_places(places_path(directory, part).read_bytes())


def _rename(ledger: dict[str, Any], places: Mapping[PartId, Places]) -> None:
    """Let a ledger name lines where they stand now."""
    old: list[PartId] = ledger["parts"]
    if places.keys().isdisjoint(old):
        return
    used: dict[PartId, int] = {}
    moves: list[tuple[list[int], Sequence[tuple[int, int]] | None]] = []
    for part in old:
        divided = places.get(part)
        names = (part,) if divided is None else divided.parts
        moves.append(([used.setdefault(name, len(used)) for name in names], divided.lines if divided else None))

    def place(part: int, line: int) -> tuple[int, int]:
        names, lines = moves[part]
        if lines is None:
            return names[0], line
        index, new = lines[line]
        return names[index], new

    for row in ledger["documents"]:
        if row[_PART] >= 0:
            row[_PART], row[_LINE] = place(row[_PART], row[_LINE])
        for _, pieces in row[_PIECES]:
            for piece in pieces:
                piece[0], piece[1] = place(piece[0], piece[1])
    ledger["parts"] = list(used)


def _tallies(ledger: Ledger, analyses: Sequence[AnalysisSpec], bought: Mapping[str, int]) -> tuple[Tally, ...]:
    """What of a segment is answered by earlier runs, per analysis over all languages.

    Documents count if all their lines are; `bought` has the units of the segment's own lines.
    """
    tallies = []
    for analysis in analyses:
        known = [analysis.name in names for names in ledger.reused]
        if any(known):
            sizes = list(_reused_sizes(ledger, analysis, known))
            tally = Tally(
                analysis=analysis.name,
                language=None,
                outcome="sent",
                code=REUSED,
                documents=len(sizes),
                bytes=sum(sizes),
                units=bought.get(analysis.name, 0),
            )
            tallies.append(tally)
    return tuple(tallies)


def _reused_sizes(ledger: Ledger, analysis: AnalysisSpec, known: Sequence[bool]) -> Iterator[int]:
    """The sizes of the documents all of whose lines are in parts that are `known`."""
    for document in ledger.documents:
        closed = closing(analysis, fate=document.fate, message=None, size=document.size, language=document.language)
        if closed is None and all(known[part] for part, _ in lines_of(document, analysis)):
            yield document.size
