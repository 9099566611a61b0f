"""The order of precedence among answers is an algebra: it may not depend on the order of arrival."""

from __future__ import annotations

from functools import reduce
from itertools import permutations

from hypothesis import given, strategies as st

from runner.results.entries import NO_ENTRY, better_row, error_entry, error_of, first_answer, is_error, is_ok

entries = st.sampled_from([NO_ENTRY, b"[]", b"[1]", b'{"a":1}', error_entry("A", "x"), error_entry("B", "")])


@given(st.lists(entries, min_size=1, max_size=4))
def test_rows_of_one_generation_combine_in_any_order_to_the_same(rows: list[bytes]) -> None:
    results = {reduce(better_row, order) for order in permutations(rows)}

    (result,) = results
    oks = sorted(row for row in rows if is_ok(row))
    errors = sorted(row for row in rows if is_error(row))
    assert result == [*oks, *errors, NO_ENTRY][0]


@given(st.lists(entries))
def test_among_generations_the_first_ok_counts_else_the_first_error(rows: list[bytes]) -> None:
    oks = [row for row in rows if is_ok(row)]
    errors = [row for row in rows if is_error(row)]

    assert first_answer(rows) == [*oks, *errors, NO_ENTRY][0]


@given(st.text(), st.text())
def test_an_error_entry_keeps_code_and_message_on_one_line(code: str, message: str) -> None:
    entry = error_entry(code, message)

    assert error_of(entry) == (code, message)
    assert b"\n" not in entry
    assert is_error(entry)
    assert not is_ok(entry)
