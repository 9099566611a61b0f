"""Which files a corpus has, in which order, and what is said when it has none."""

from __future__ import annotations

import inspect
import os
import socket
import sys
from pathlib import Path

import pytest

from runner.corpus import list_corpus, listing_digest, read_listing, write_listing
from runner.errors import RunDirectoryError, SourceError
from runner.model import CorpusSpec, SourceFile


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def listed(root: Path, *patterns: str) -> list[str]:
    """Labels of a corpus whose sources are patterns below `root`."""
    return [file.label for file in listing(root, *patterns)]


def listing(root: Path, *patterns: str) -> list[SourceFile]:
    return list_corpus(CorpusSpec(name="c", sources=tuple(f"{root}/{p}" for p in patterns), format="files"))


def refusal(root: Path, *patterns: str) -> str:
    with pytest.raises(SourceError) as caught:
        listing(root, *patterns)
    return f"{caught.value} ({caught.value.hint})"


TREE = ("reviews/pos/b.txt", "reviews/pos/a.txt", "reviews/neg/c.txt", "reviews/readme.md", "reviews/pos/deep/d.txt")


@pytest.mark.parametrize(
    ("pattern", "labels"),
    [
        ("reviews/pos/a.txt", ["a.txt"]),
        ("reviews", ["neg/c.txt", "pos/a.txt", "pos/b.txt", "pos/deep/d.txt", "readme.md"]),
        ("reviews/", ["neg/c.txt", "pos/a.txt", "pos/b.txt", "pos/deep/d.txt", "readme.md"]),
        ("reviews/**", ["neg/c.txt", "pos/a.txt", "pos/b.txt", "pos/deep/d.txt", "readme.md"]),
        ("reviews/**/*.txt", ["neg/c.txt", "pos/a.txt", "pos/b.txt", "pos/deep/d.txt"]),
        ("reviews/*/*.txt", ["neg/c.txt", "pos/a.txt", "pos/b.txt"]),
        ("reviews/p*/*.txt", ["pos/a.txt", "pos/b.txt"]),
        ("rev*/pos/?.txt", ["reviews/pos/a.txt", "reviews/pos/b.txt"]),
        ("reviews/pos/[!a].txt", ["b.txt"]),
        ("**/deep/*", ["reviews/pos/deep/d.txt"]),
        ("reviews/**/**/d.txt", ["pos/deep/d.txt"]),
        ("reviews//./pos/*.txt", ["a.txt", "b.txt"]),
    ],
)
def test_patterns_mean_what_a_shell_means(tmp_path: Path, pattern: str, labels: list[str]) -> None:
    make(tmp_path, *TREE)
    assert listed(tmp_path, pattern) == labels


def test_order_is_that_of_relative_paths_by_code_points(tmp_path: Path) -> None:
    """`-` and `.` come before `/`, upper case before lower, and a folder's files are not kept together for its name."""
    names = ["a/z", "a-b", "a.b/y", "a0", "B", "b", "é", "z", "\U0001f600", "\uffee", "a/-/x", "a/b"]
    make(tmp_path, *names)
    assert listed(tmp_path, "") == sorted(names)


def test_sources_keep_their_order_and_a_file_named_twice_is_listed_once_at_its_first_place(tmp_path: Path) -> None:
    make(tmp_path, *TREE)
    assert listed(tmp_path, "reviews/pos/b.txt", "reviews/pos", "reviews/neg/c.txt") == [
        "b.txt",
        "a.txt",
        "deep/d.txt",
        "c.txt",
    ]


def test_hidden_files_count_only_where_a_pattern_writes_the_dot(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", ".b.txt", ".git/c.txt")
    assert listed(tmp_path, "") == ["a.txt"]
    assert listed(tmp_path, "*.txt") == ["a.txt"]
    assert listed(tmp_path, "**/*.txt") == ["a.txt"]
    assert listed(tmp_path, ".*.txt") == [".b.txt"]
    assert listed(tmp_path, ".b.txt") == [".b.txt"]
    assert listed(tmp_path, ".g*/*.txt") == [".git/c.txt"]
    assert listed(tmp_path, ".git") == ["c.txt"]


def test_a_name_with_wildcards_that_exists_is_that_file(tmp_path: Path) -> None:
    make(tmp_path, "[draft].txt", "d.txt")
    assert listed(tmp_path, "[draft].txt") == ["[draft].txt"]


def test_size_and_version_are_those_of_the_file(tmp_path: Path) -> None:
    make(tmp_path, "a.txt")
    os.utime(tmp_path / "a.txt", ns=(1, 1_234_567_890_123_456_789))
    for pattern in ("a.txt", "*.txt"):
        assert listing(tmp_path, pattern) == [
            SourceFile(path=f"{tmp_path}/a.txt", label="a.txt", size=5, version="1234567890123456789")
        ]


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    make(tmp_path, "data/a.txt", "elsewhere/b.txt")
    (tmp_path / "data" / "self").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "up").symlink_to("..")
    (tmp_path / "data" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "c.txt").symlink_to(tmp_path / "elsewhere" / "b.txt")
    assert listed(tmp_path, "data") == ["a.txt", "c.txt", "more/b.txt", "up/elsewhere/b.txt"]


def test_folders_nested_deeper_than_python_recurses_are_walked(tmp_path: Path) -> None:
    depth = 100
    (tmp_path / "/".join("d" * depth)).mkdir(parents=True)
    (tmp_path / "/".join("d" * depth) / "x").touch()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + depth // 2)
    try:
        assert [len(label) for label in listed(tmp_path, "")] == [2 * depth + 1]
    finally:
        sys.setrecursionlimit(limit)


def test_what_is_no_regular_file_is_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a.txt")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "socket"))
    assert listed(tmp_path, "") == ["a.txt"]
    assert "neither a file nor a folder" in refusal(tmp_path, "pipe")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("reviews/pos/aa.txt", ("does not exist", "did you mean a.txt or b.txt?")),
        ("reviews/pos/zebra", ("does not exist", "has nothing of that name")),
        ("reviewz/pos/a.txt", ("there is no folder", "/reviewz", "did you mean reviews in")),
        ("other/place/*.txt", ("there is no folder", "/other", "other in it is not")),
        ("reviews/pos/*.csv", ("no file matches", "has 3 entries", "a.txt")),
        ("reviews/n*", ("no file matches", "1 folder matches: add /**")),
        ("reviews/*/*.csv", ("no file matches",)),
        ("reviews/pos/a.txt/b", ("no folder",)),
        ("void", ("has no files", "hidden files")),
        ("void/*.txt", ("no file matches", "void/ is empty")),
    ],
)
def test_what_is_missing_is_said_with_what_is_there_instead(
    tmp_path: Path, pattern: str, said: tuple[str, ...]
) -> None:
    make(tmp_path, *TREE)
    (tmp_path / "void").mkdir()
    message = refusal(tmp_path, "reviews/pos/b.txt", pattern)
    assert message.startswith("corpus c: ")
    assert pattern in message
    for words in said:
        assert words in message


def test_a_link_that_leads_nowhere_is_an_error_and_not_a_gap(tmp_path: Path) -> None:
    make(tmp_path, "a.txt")
    (tmp_path / "b.txt").symlink_to(tmp_path / "gone")
    (tmp_path / ".lock").symlink_to("hidden leavings of an editor")
    for pattern in ("", "*.txt", "b.txt"):
        assert "b.txt is a link that leads nowhere" in refusal(tmp_path, pattern)
    assert listed(tmp_path, "a*") == ["a.txt"]


def test_a_name_that_is_not_utf8_is_an_error_that_shows_it(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).touch()
    make(tmp_path, "a.md")
    assert "caf\\xe9.txt is not UTF-8" in refusal(tmp_path, "")
    assert "convmv" in refusal(tmp_path, "*.txt")
    assert listed(tmp_path, "*.md") == ["a.md"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a fake, since root may read every folder."""
    make(tmp_path, "open/a.txt", "closed/b.txt")
    scan = os.scandir

    def closed(path: str) -> object:
        if path.rstrip("/").endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)
    assert "closed/ cannot be read: Permission denied" in refusal(tmp_path, "")
    assert listed(tmp_path, "open") == ["a.txt"]


def test_a_listing_survives_its_file_and_its_digest_tells_a_change(tmp_path: Path) -> None:
    files = [SourceFile(path=f"/d/{n}é\n.txt", label=f"{n}é\n.txt", size=n, version=str(n)) for n in range(2500)]
    digest = write_listing(tmp_path / "listing", files)
    assert list(read_listing(tmp_path / "listing")) == files
    assert write_listing(tmp_path / "again", iter(files)) == digest == listing_digest(files)
    assert write_listing(tmp_path / "other", files[:-1]) != digest
    assert write_listing(tmp_path / "none", []) != digest
    assert list(read_listing(tmp_path / "none")) == []


def test_a_damaged_listing_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "listing").write_bytes(b'["/a","a",1,"1"]\n["/b"\n')
    with pytest.raises(RunDirectoryError, match="line 2 of the listing is damaged"):
        list(read_listing(tmp_path / "listing"))
    with pytest.raises(RunDirectoryError, match="missing"):
        list(read_listing(tmp_path / "nothing"))
