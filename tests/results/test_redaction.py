"""Masking, and line breaks put back into redacted texts: exactly, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, strategies as st

from runner.results.redaction import MASK_TYPE, Sensitive, is_copy_of, masked, restored, unfolded

MASKS = st.sampled_from([MASK_TYPE, "*", "#"])
BREAKS = "\n\r\v\u2028"


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, tuple[tuple[int, str], ...]]:
    """A user's text, folded, and its folds."""
    own = draw(st.text(alphabet="ab [NAME]*#é😀\n\r\u2028", max_size=40))
    folds = tuple((place, character) for place, character in enumerate(own) if character in BREAKS)
    return "".join(" " if character in BREAKS else character for character in own), folds


@st.composite
def spanned(draw: st.DrawFn) -> tuple[str, tuple[tuple[int, str], ...], list[Sensitive]]:
    """The same with spans, which may overlap."""
    text, folds = draw(texts())
    assume(text)
    spans = []
    for _ in range(draw(st.integers(0, 4))):
        begin = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(begin + 1, len(text)))
        spans.append(Sensitive(begin, end, draw(st.sampled_from(["NAME", "AGE"]))))
    return text, folds, spans


def as_the_service(text: str, spans: list[Sensitive], mask: str) -> str:
    """A redacted copy: masked without knowing of any line break."""
    return masked(text, (), spans, mask)


@pytest.mark.parametrize(
    ("spans", "mask", "redacted"),
    [
        ([(0, 8, "NAME")], "type", "[NAME] of\nYork"),
        ([(0, 8, "NAME")], "*", "****\r*** of\nYork"),
        ([(5, 11, "NAME")], "*", "Jane\r*** **\nYork"),
        ([(9, 16, "ADDRESS")], "*", "Jane\rDoe **\n****"),
        ([(9, 16, "ADDRESS")], "type", "Jane\rDoe [ADDRESS]"),
        ([(0, 8, "NAME"), (5, 11, "ALIAS")], "type", "[NAME]\nYork"),
        ([(5, 11, "ALIAS"), (0, 8, "NAME")], "#", "####\r### ##\nYork"),
        ([(0, 4, "NAME"), (4, 8, "NAME")], "type", "[NAME][NAME] of\nYork"),
        ([(0, 8, "B"), (0, 8, "A")], "type", "[A] of\nYork"),
        ([(2, 3, "IN"), (0, 8, "OUT")], "type", "[OUT] of\nYork"),
        ([], "*", "Jane\rDoe of\nYork"),
    ],
)
def test_spans_are_masked_in_the_users_own_text(spans: list[tuple[int, int, str]], mask: str, redacted: str) -> None:
    """Spaces stay; so do line breaks, which were spaces to whoever found the span."""
    folds = ((4, "\r"), (11, "\n"))

    assert masked("Jane Doe of York", folds, [Sensitive(*span) for span in spans], mask) == redacted


@given(texts())
def test_unfolding_gives_the_text_back(case: tuple[str, tuple[tuple[int, str], ...]]) -> None:
    text, folds = case
    own = unfolded(text, folds)

    assert "".join(" " if character in BREAKS else character for character in own) == text
    assert tuple((place, character) for place, character in enumerate(own) if character in BREAKS) == folds


@given(spanned(), MASKS)
@example(("a  a", ((1, "\n"),), [Sensitive(0, 1, "NAME")]), MASK_TYPE)
def test_a_copy_is_restored_as_exact_spans_would_be_or_not_at_all(
    case: tuple[str, tuple[tuple[int, str], ...], list[Sensitive]], mask: str
) -> None:
    text, folds, spans = case
    copy = as_the_service(text, spans, mask)

    assert is_copy_of(text, copy, mask)
    assert restored(text, folds, copy, mask) in (masked(text, folds, spans, mask), None)


@given(spanned())
def test_a_mask_character_leaves_every_break_in_its_place(
    case: tuple[str, tuple[tuple[int, str], ...], list[Sensitive]],
) -> None:
    """Copies are in step with their texts then, so none is uncertain."""
    text, folds, spans = case

    assert restored(text, folds, as_the_service(text, spans, "*"), "*") == masked(text, folds, spans, "*")


@pytest.mark.parametrize(
    ("text", "folds", "copy", "own"),
    [
        ("Jane Doe of York", ((8, "\n"),), "[NAME] of York", "[NAME]\nof York"),
        ("call Jane or Bob", ((4, "\n"), (12, "\r")), "call [NAME] or [NAME]", "call\n[NAME] or\r[NAME]"),
        ("see [NAME] and Jane", ((3, "\n"),), "see [NAME] and [NAME]", "see\n[NAME] and [NAME]"),
        # Which space is left, the one between the words of the name or the broken one?
        ("Jane Doe Seattle WA", ((8, "\n"),), "[NAME] [ADDRESS]", None),
        # Whichever it is, it was a line break.
        ("Jane Doe York", ((4, "\n"), (8, "\n")), "[NAME] [ADDRESS]", "[NAME]\n[ADDRESS]"),
        ("Jane Doe York", (), "[NAME] [ADDRESS]", "[NAME] [ADDRESS]"),
    ],
)
def test_breaks_beside_types(text: str, folds: tuple[tuple[int, str], ...], copy: str, own: str | None) -> None:
    assert restored(text, folds, copy, MASK_TYPE) == own


def test_masks_that_do_not_keep_spaces_or_lengths_are_understood() -> None:
    assert restored("Jane Doe of York", ((8, "\n"),), "******** of York", "*") == "********\nof York"
    assert restored("Jane Doe of York", ((8, "\n"),), "*** of York", "*") == "***\nof York"


@pytest.mark.parametrize("mask", [MASK_TYPE, "*"])
@pytest.mark.parametrize("copy", ["", "Jane Do", "jane Doe", "Jane Doe!", "[NAME]x", "x****"])
def test_another_text_is_no_copy(copy: str, mask: str) -> None:
    assert not is_copy_of("Jane Doe", copy, mask)
    with pytest.raises(ValueError, match="not a redacted copy"):
        restored("Jane Doe", ((4, "\n"),), copy, mask)


@given(st.text(alphabet="ab *", max_size=30), st.text(alphabet="ab *[NAME]", max_size=30), MASKS)
def test_what_restores_is_a_copy_and_the_other_way_round(text: str, copy: str, mask: str) -> None:
    folds = tuple((place, "\n") for place, character in enumerate(text) if character == " ")
    assume(folds)
    if is_copy_of(text, copy, mask):
        restored(text, folds, copy, mask)
    else:
        with pytest.raises(ValueError, match="not a redacted copy"):
            restored(text, folds, copy, mask)


def test_a_long_text_with_many_masks_is_no_burden() -> None:
    """Each stretch of the copy could stand in most of the text's places; that it cannot be told is known soon."""
    text = "ab cd " * 50_000
    folds = tuple((place, "\n") for place in range(2, len(text), 600))

    assert restored(text, folds, "[NAME] cd " * 50_000, MASK_TYPE) == restored(text, folds, text, MASK_TYPE).replace(
        "ab", "[NAME]"
    )
    assert restored(text, folds, "[NAME]" + " cd [NAME]" * 20_000 + " ", MASK_TYPE) is None
