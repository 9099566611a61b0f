"""What payloads of dominant_language tell, and the names of parts gathered by it."""

from __future__ import annotations

import json
from itertools import product

import pytest

from runner.catalogue import ALL_LANGUAGES
from runner.model import part_id, repair_part_id, routed_part_id, segment_id
from runner.results.languages import language_told


def payload(*told: tuple[str, float]) -> bytes:
    return json.dumps([{"LanguageCode": code, "Score": score} for code, score in told]).encode()


@pytest.mark.parametrize(
    ("told", "language"),
    [
        ([("en", 0.9), ("de", 0.05)], "en"),
        ([("de", 0.2), ("fr", 0.7)], "fr"),
        ([("zh-TW", 0.98)], "zh-TW"),
        ([("zh", 0.98)], "zh"),
        ([("zh-Hant", 0.98)], "zh-TW"),
        ([("pt-BR", 0.98)], "pt"),
        ([("nl", 0.98)], "nl"),
        ([("en", 0.5), ("de", 0.5)], "de"),
        ([("en", 0.49), ("de", 0.3)], None),
        ([], None),
    ],
)
def test_the_highest_score_tells_the_language_under_the_services_code(
    told: list[tuple[str, float]], language: str | None
) -> None:
    assert language_told(payload(*told)) == language
    assert language_told(payload(*reversed(told))) == language


def test_parts_by_language_have_names_of_one_width_and_their_own() -> None:
    parts = [part_id(segment_id(corpus, 7, 3), number) for corpus, number in product((0, 35, 36, 999), (0, 999, 1000))]
    names = [routed_part_id(part, language) for part, language in product(parts, sorted(ALL_LANGUAGES))]
    assert len({*parts, *names, repair_part_id(1)}) == len(parts) + len(names) + 1
    assert {len(name) for name in names} == {len(parts[0])}
    assert not any(name.startswith("rep") or name[0].isdigit() for name in names)
