"""Files that cannot be read, and files that extend one another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.errors import ManifestError, UserError
from runner.manifest import load_manifest
from runner.manifest.files import FILE_BYTES_MAX


def refused(path: object, **options: object) -> UserError:
    with pytest.raises(UserError) as caught:
        load_manifest(path, **options)
    return caught.value


def test_a_missing_file_names_the_nearest(tmp_path, smallest):
    (tmp_path / "tickets.yaml").write_text(smallest)
    error = refused(tmp_path / "ticket.yml")
    assert error.message == f"{tmp_path}/ticket.yml: no such file"
    assert error.hint == "did you mean tickets.yaml?"


def test_a_missing_folder_names_nothing(tmp_path):
    assert refused(tmp_path / "a" / "b.yaml").hint is None


def test_a_folder_is_no_manifest_but_may_hold_some(tmp_path):
    (tmp_path / "a.yaml").touch()
    (tmp_path / "notes.txt").touch()
    error = refused(tmp_path)
    assert (error.message, error.hint) == (f"{tmp_path}: a directory, not a manifest", "in it: a.yaml")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    def deny(*_: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", deny)
    assert refused("m.yaml").message == "m.yaml: may not be read by this user"


@pytest.mark.parametrize("path", ["", "a\0b", "x" * 5_000])
def test_a_path_that_can_be_no_file(path):
    assert refused(path).exit_code == 2


def test_bytes_that_are_not_utf8_are_named_with_their_place(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("version: 1\nname: ä\n".encode("latin-1"))
    error = refused(path)
    assert isinstance(error, ManifestError)
    assert str(error) == f"{path}:2:7: not UTF-8: the byte 0xe4 (save the manifest as UTF-8)"


def test_a_file_beyond_ten_megabytes_is_not_read(tmp_path):
    path = tmp_path / "data.jsonl"
    with path.open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)
    assert refused(path).message == f"{path}: larger than 10 MB, so hardly a manifest"


def test_a_pipe_will_do(smallest):
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as pipe:
        pipe.write(smallest)
    try:
        assert load_manifest(f"/dev/fd/{reader}", environment={}).name == "demo"
    finally:
        os.close(reader)


@pytest.fixture
def files(tmp_path, monkeypatch):
    def write(**texts: str) -> None:
        for name, text in texts.items():
            path = Path(*name.split("__")).with_suffix(".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    monkeypatch.chdir(tmp_path)
    return write


BASE = """\
version: 1
name: base
corpora:
  - {name: reviews, source: texts/*.txt, language: en}
analyses: [sentiment, entities]
policy:
  budget_usd: 10
  tolerate: {errors: 3}
"""


def test_a_manifest_wins_over_what_it_extends_mapping_by_mapping_and_list_by_list(files):
    files(
        common__base=BASE,
        m="extends: common/base.yaml\nname: mine\nanalyses: [key_phrases]\npolicy: {on_failure: stop, budget_usd: ~}\n",
    )
    manifest = load_manifest("m.yaml")
    assert manifest.name == "mine"
    assert [analysis.name for analysis in manifest.analyses] == ["key_phrases"]
    assert (manifest.policy.tolerate.count, manifest.policy.on_failure) == (3, "stop")
    assert manifest.policy.budget_usd is None, "nothing takes back what the base says"


def test_a_source_is_relative_to_the_file_that_it_is_written_in(files, tmp_path):
    files(common__base=BASE, m="extends: common/base.yaml\n", deep__er__m="extends: ../../common/base.yaml\n")
    assert load_manifest("m.yaml").corpora[0].sources == (f"{tmp_path}/common/texts/*.txt",)
    (source,) = load_manifest("deep/er/m.yaml").corpora[0].sources
    assert source == f"{tmp_path}/deep/er/../../common/texts/*.txt"


def test_bases_have_bases(files):
    files(a=BASE, b="extends: a.yaml\nname: b\npolicy: {budget_usd: 5}\n", m="extends: b.yaml\nname: m\n")
    manifest = load_manifest("m.yaml")
    assert (manifest.name, manifest.policy.budget_usd, manifest.policy.tolerate.count) == ("m", 5, 3)


def test_problems_name_the_file_that_they_are_in(files):
    files(common__base=BASE.replace("budget_usd: 10", "budget: 10"), m="extends: common/base.yaml\nname: M\n")
    assert [line.split(": ")[0] for line in str(refused("m.yaml")).split("\n")] == [
        "m.yaml:2:7",
        "common/base.yaml:7:3",
    ]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"m": "extends: m.yaml"}, "m.yaml:1:10: extends: m.yaml extends this file, or is it: a circle"),
        (
            {"m": "extends: d/a.yaml", "d__a": "extends: ../m.yaml"},
            "d/a.yaml:1:10: extends: ../m.yaml extends this file, or is it: a circle",
        ),
        ({"m": "extends: n.yaml"}, "m.yaml:1:10: extends: n.yaml: no such file (did you mean m.yaml?)"),
        ({"m": "extends: [a]"}, "m.yaml:1:10: extends: expected the path of a manifest, found a list"),
        ({"m": "extends: ''"}, "m.yaml:1:10: extends: expected the path of a manifest, found ''"),
        (
            {"m": "extends: ${NO}.yaml"},
            "m.yaml:1:10: extends: the environment variable NO is not set",
        ),
        (
            {"m": "extends: a.yaml", "a": "- x"},
            "a.yaml:1:1: a manifest is a mapping of keys, and this is a list (begin with `version: 1` and `name: …`)",
        ),
        (
            {"m": "extends: a.yaml", "a": "x: [1\n"},
            "a.yaml:2:1: not valid YAML: a list in brackets lacks a ',' or its ']' (begun at 1:4)",
        ),
    ],
)
def test_a_base_that_cannot_be_used(files, texts, message):
    files(**texts)
    assert str(refused("m.yaml", environment={})) == message


def test_a_chain_of_bases_has_an_end(files):
    files(**{f"m{number}": f"extends: m{number + 1}.yaml" for number in range(50)})
    assert "more than 20 files extend one another" in str(refused("m0.yaml"))


def test_the_digest_is_of_all_texts(files):
    files(base=BASE, m="extends: base.yaml\nname: m\n")
    first = load_manifest("m.yaml").sources_digest
    assert load_manifest("m.yaml").sources_digest == first
    files(base=BASE + "# a remark\n")
    assert load_manifest("m.yaml").sources_digest != first
