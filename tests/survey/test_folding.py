from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from runner.corpus import Encoded
from runner.survey import LINE_BREAKS, fold
from runner.survey.folding import fold_all, folds_of

texts = st.text(st.sampled_from("a é😀\x00" + LINE_BREAKS), max_size=8)


def test_every_line_break_known_to_python_or_unicode_is_folded() -> None:
    """Whatever `str.splitlines` breaks on, and nothing else: the tab and the unit separator are text."""
    breaking = {chr(point) for point in range(0x110000) if len(f"a{chr(point)}b".splitlines()) > 1}
    assert breaking == set(LINE_BREAKS)
    assert fold("a\t\x1f\x00\ufeff\u200bb") == "a\t\x1f\x00\ufeff\u200bb"


@given(texts)
def test_folding_keeps_every_other_code_point_in_its_place(text: str) -> None:
    folded = fold(text)
    assert len(folded) == len(text)
    assert all(after == (" " if before in LINE_BREAKS else before) for before, after in zip(text, folded, strict=True))


@given(st.lists(texts, min_size=1, max_size=5), st.booleans())
def test_folding_many_texts_at_once_is_folding_each(many: list[str], as_read: bool) -> None:
    """Also where the texts are known in UTF-8 already, as lines are."""
    encoded = None
    if as_read:
        many = [text.replace("\n", "") for text in many]
        lines = [text.encode() for text in many]
        encoded = Encoded(lines, memoryview(b"\n".join(lines)))
    folded, told = fold_all(many, encoded)
    assert list(folded) == [fold(text) for text in many]
    assert list(told.lines) == [fold(text).encode() for text in many]
    assert told.joined == b"\n".join(told.lines)


@pytest.mark.parametrize("character", LINE_BREAKS)
def test_crlf_is_two_spaces(character: str) -> None:
    """One code point for one, or offsets would shift."""
    assert fold(f"a\r{character}b") == "a  b"


@given(text=st.text(alphabet=st.sampled_from([*LINE_BREAKS, " ", "a", "é", "😀"])))
def test_the_folds_bring_back_the_text(text: str) -> None:
    folded = list(fold(text))
    for offset, character in folds_of(text):
        assert folded[offset] == " " != character
        folded[offset] = character
    assert "".join(folded) == text
