"""`${NAME}` in values."""

from __future__ import annotations

import os


def test_a_variable_stands_in_for_its_value_anywhere_in_a_text(load, smallest):
    text = smallest.replace("data/*.txt", "${ROOT}/${YEAR}/*.txt")
    manifest = load(text, environment={"ROOT": "/data", "YEAR": "2026"})
    assert manifest.corpora[0].sources == ("/data/2026/*.txt",)


def test_an_unquoted_variable_is_read_as_yaml_and_a_quoted_one_is_text(load, said, smallest):
    text = smallest + "policy:\n  repair_rounds: %s\n"
    assert load(text % "${N}", environment={"N": "012"}).policy.repair_rounds == 12
    assert "expected a number, found '012'" in said(text % "'${N}'", environment={"N": "012"})[0]


def test_a_variable_adds_no_structure(said, smallest):
    (message,) = said(smallest.replace("language: en", "language: '${L}'"), environment={"L": "en, limit: 3}"})
    assert "'en, limit: 3}' is no language" in message


def test_two_dollars_escape_and_a_lone_dollar_is_one(load, smallest, tmp_path):
    manifest = load(smallest.replace("data/*.txt", "$${A}/$B/$$C/${A}"), environment={"A": "a"})
    assert manifest.corpora[0].sources == (f"{tmp_path}/${{A}}/$B/$$C/a",)


def test_a_value_is_not_looked_into_again(load, smallest):
    manifest = load(smallest.replace("data/*.txt", "/${A}"), environment={"A": "${B}", "B": "b"})
    assert manifest.corpora[0].sources == ("/${B}",)


def test_variables_that_are_not_set_are_all_named(said, smallest):
    assert said(smallest.replace("data/*.txt", "${HOEM}/${X_Y}/${X_Y}"), environment={"HOME": "/"}) == [
        "m.yaml:4:29: corpora.reviews.source: the environment variable HOEM is not set (did you mean HOME?)",
        "m.yaml:4:29: corpora.reviews.source: the environment variable X_Y is not set",
    ]


def test_an_empty_variable_leaves_a_key_out(load, smallest):
    assert load(smallest + "policy:\n  budget_usd: ${BUDGET}", environment={"BUDGET": ""}).policy.budget_usd is None


def test_without_an_environment_it_is_the_processs(load, smallest, monkeypatch):
    monkeypatch.setenv("RUNNER_TEST_ROOT", "/somewhere")
    manifest = load(smallest.replace("data/*.txt", "${RUNNER_TEST_ROOT}/x"), environment=None)
    assert manifest.corpora[0].sources == ("/somewhere/x",)
    assert os.environ["RUNNER_TEST_ROOT"] == "/somewhere"


def test_a_variable_in_what_extends_is_replaced(load, smallest, tmp_path):
    (tmp_path / "base.yaml").write_text("name: other\n")
    assert load(smallest.replace("name: demo", "extends: ${B}.yaml"), environment={"B": "base"}).name == "other"


def test_inside_braces_a_variable_needs_quotes_and_the_message_says_so(said, smallest):
    (message,) = said(smallest + "policy: {budget_usd: ${BUDGET}}\n")
    assert message.startswith("m.yaml:6:23: not valid YAML")
    assert message.endswith("(inside braces and brackets ${NAME} stands in quotes)")
