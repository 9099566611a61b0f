"""Paths as texts: what a manifest says of files, before anybody looks at them.

`pathlib` tidies what it is given, and here the user's own words must stay: patterns are no paths, `..` behind a
symbolic link does not mean what a tidied path would, and a run is identified by its sources as written.
"""
# ruff: noqa: PTH100, PTH111, PTH117, PTH118, PTH119, PTH120

from __future__ import annotations

import os.path
from typing import Final

REMOTE: Final = "s3://"


def folder_of(path: str) -> str:
    """The absolute folder of a file."""
    return os.path.dirname(os.path.abspath(path))


def absolute(path: str) -> str:
    """A file's absolute path."""
    return os.path.abspath(path)


def joined(folder: str, text: str) -> str:
    """A source as an absolute path or pattern, its own text kept at the end; `~` is the user's home.

    S3 locations are absolute.
    """
    if text.startswith(REMOTE):
        return text
    text = os.path.expanduser(text)
    if os.path.isabs(text):
        return text
    return os.path.join(folder, *(step for step in text.split("/") if step not in {"", "."}))


def within(folder: str, path: str) -> str:
    """What `joined` was given: the path relative to the folder if it begins there, else the path itself."""
    return path.removeprefix(os.path.join(folder, ""))


def beside(path: str, text: str) -> str:
    """A path written in the file at `path`, as seen from where that one is seen from."""
    return os.path.join(os.path.dirname(path), os.path.expanduser(text))


def split(path: str) -> tuple[str, str]:
    """(folder, name)."""
    return os.path.dirname(path), os.path.basename(path)
