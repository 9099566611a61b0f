"""Where answers of earlier runs are looked for, and what `emit: changed` demands."""

from __future__ import annotations

import pytest

MANIFEST = """
version: 1
name: demo
corpora: [{name: reviews, source: x, format: lines, language: LANGUAGE}]
analyses: [sentiment, dominant_language]
policy: POLICY
output: OUTPUT
"""


def _text(*, policy: str = "{}", output: str = "{}", language: str = "en") -> str:
    return MANIFEST.replace("POLICY", policy).replace("OUTPUT", output).replace("LANGUAGE", language)


def test_the_folder_is_the_manifests_and_no_part_of_the_identity(load) -> None:
    from runner.manifest import describe_form, describe_identity

    plain = load(_text())
    told = load(_text(policy="{reuse: {from: answers, max_age: 36h}}"))
    assert told.policy.reuse.endswith("/answers")
    assert told.policy.reuse.startswith("/")
    assert told.policy.reuse_max_age_s == 36 * 3600
    assert plain.policy.reuse is plain.policy.reuse_max_age_s is None
    assert describe_identity(told) == describe_identity(plain)
    assert describe_form(told) == describe_form(plain)


def test_what_has_a_line_is_of_the_form(load) -> None:
    from runner.manifest import describe_form, describe_identity, identity_difference

    every = load(_text(policy="{reuse: {from: answers}}"))
    changed = load(_text(policy="{reuse: {from: answers}}", output="{emit: changed}"))
    assert describe_identity(changed) == describe_identity(every)
    assert identity_difference(describe_form(every), describe_form(changed)) == ['emit: is new ("changed")']


@pytest.mark.parametrize("age", ["30", "1w", "0d", "d", "-1d", "1.5d"])
def test_an_age_has_a_unit(said, age: str) -> None:
    (message,) = said(_text(policy=f"{{reuse: {{from: answers, max_age: {age}}}}}"))
    assert "expected a duration as in 30d, 12h, 45m or 90s" in message


def test_changed_documents_are_known_only_with_a_store(said) -> None:
    (message,) = said(_text(output="{emit: changed}"))
    assert "output.emit: what has changed is known only with policy.reuse" in message


def test_languages_from_results_and_reuse_do_not_go_together_yet(said) -> None:
    (message,) = said(_text(policy="{reuse: {from: answers}}", language="{from: dominant_language}"))
    assert "corpora.reviews.language: with policy.reuse, a language from results is not supported yet" in message
