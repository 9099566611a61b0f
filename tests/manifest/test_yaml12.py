"""Scalars mean what YAML 1.2's core schema says; what is not one document of it is refused with its place."""

from __future__ import annotations

import math

import pytest

from runner.errors import ManifestError
from runner.manifest.problems import Problems, Source
from runner.manifest.tree import plain_data
from runner.manifest.yaml12 import ALIASED_NODES_MAX, DEPTH_MAX, parse, scalar

SOURCE = Source(name="m.yaml", directory="/x")


def read(text: str) -> object:
    problems = Problems()
    node = parse(text, SOURCE, problems)
    problems.raise_any()
    return None if node is None else plain_data(node)


def refused(text: str) -> str:
    with pytest.raises(ManifestError) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("nUll", "nUll"),
        ("012", 12),
        ("0o14", 12),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("+12", 12),
        ("-7", -7),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.5E-2", 0.015),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("2026-11-20", "2026-11-20"),
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"),
        ("=", "="),
        ("-", "-"),
        (".", "."),
        ("١٢", "١٢"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_an_unquoted_scalar_means(text, value):
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_not_a_number_is_one():
    assert math.isnan(scalar(".nan"))


def test_quotes_and_tags_decide_over_the_text():
    text = "[\"12\", '12', !!str 12, ! 12, !!int 12, !!float 12, !!null '', !!bool true, 12, |\n 12\n]"
    text = text.replace(", |\n 12\n", "")
    assert read(text) == ["12", "12", "12", "12", 12, 12.0, None, True, 12]


def test_block_scalars_are_text():
    assert read("a: |\n  12\nb: >-\n  12\n") == {"a": "12\n", "b": "12"}


def test_aliases_stand_for_what_they_name():
    assert read("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}


def test_a_merge_key_gives_way_to_the_mapping_and_the_first_merged_wins():
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*a, *b]}\nd: {'<<': 1}"
    assert read(text)["c"] == {"x": 1, "y": 1, "z": 3}
    assert read(text)["d"] == {"<<": 1}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "\n\n"])
def test_an_empty_text_is_nothing(text):
    assert read(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "m.yaml:3:1: the key 'a' is here twice (first at 1:1; keep one of them)"),
        (
            "a: b: c",
            (
                "m.yaml:1:5: not valid YAML: a ':' does not fit here; check the indentation, and put text that"
                " contains ': ' in quotes"
            ),
        ),
        ("a:\n\t- 1", "m.yaml:2:1: not valid YAML: a tab; YAML is indented with spaces"),
        ("a: |\n\tx", "m.yaml:2:1: not valid YAML: a tab; YAML is indented with spaces"),
        ("ä: @x", "m.yaml:1:4: not valid YAML: text cannot begin with '@'; put it in quotes"),
        ("a: `x`", "m.yaml:1:4: not valid YAML: text cannot begin with '`'; put it in quotes"),
        ("a: 'x", "m.yaml:1:6: not valid YAML: the text ends inside quotes (begun at 1:4)"),
        ("a: [1, 2\nb: 3", "m.yaml:2:2: not valid YAML: a list in brackets lacks a ',' or its ']' (begun at 1:4)"),
        ("a: {b: 2\n", "m.yaml:2:1: not valid YAML: a mapping in braces lacks a ',' or its '}' (begun at 1:4)"),
        ('a: "\\d"', "m.yaml:1:5: not valid YAML: an unknown escape; use single quotes for text with backslashes"),
        ("a: 1\n---\nb: 2", "m.yaml:2:1: a second document begins here; a manifest is one document"),
        ("a: *x", "m.yaml:1:4: the alias *x names no anchor above it"),
        ("a: &x [*x]", "m.yaml:1:8: the alias *x stands inside what it names"),
        ("1: x", "m.yaml:1:1: a key must be text; put numbers, true, false and null in quotes"),
        ("? [a]\n: x", "m.yaml:1:3: a key must be text; put numbers, true, false and null in quotes"),
        ("<<: 5", "m.yaml:1:1: '<<' takes a mapping, or a list of mappings"),
        ("a: !!set {x}", "m.yaml:1:4: the tag !!set has no meaning in a manifest"),
        ("a: !env X", "m.yaml:1:4: the tag !env has no meaning in a manifest"),
        ("a: !!int x", "m.yaml:1:4: 'x' is not a YAML int"),
        ("a: b\n  \x07", "m.yaml:2:3: a character that YAML does not allow: '\\x07'"),
    ],
)
def test_it_is_refused(text, message):
    assert refused(text) == message


def test_several_problems_of_one_text_are_told_together():
    assert refused("a: 1\na: 2\n2: 3\nb: *no").count("\n") == 2


@pytest.mark.timeout(30)
def test_a_billion_laughs_are_refused_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert f"aliases stand for more than {ALIASED_NODES_MAX:,} values" in refused("\n".join(lines))


def test_a_million_laughs_through_merge_keys_are_refused_too():
    lines = [f"a0: &a0 {{{', '.join(f'k{n}: 1' for n in range(1000))}}}"]
    lines += [f"a{n}: &a{n} {{<<: *a{n - 1}, x: 1}}" for n in range(1, 2000)]
    assert "aliases stand for more than" in refused("\n".join(lines))


@pytest.mark.timeout(30)
@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000])
def test_depth_is_bounded_and_refused_at_once(text):
    assert f"values are nested more than {DEPTH_MAX} deep" in refused(text)


def test_depth_that_aliases_add_up_is_bounded():
    deep = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [[[[[[[[[[*a{n - 1}]]]]]]]]]]" for n in range(1, 200)]
    assert f"values are nested more than {DEPTH_MAX} deep" in refused("\n".join(deep))
