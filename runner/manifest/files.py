"""Manifest files: read within bounds, and laid over the files that they extend.

Knows the one key `extends`; what the others mean is not its business.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner.errors import ManifestError, UserError
from runner.manifest.environment import substituted
from runner.manifest.paths import beside, folder_of, joined, split
from runner.manifest.problems import Place, Problems, Source, found, nearest
from runner.manifest.tree import Node, Report, merged
from runner.manifest.yaml12 import parse

FILE_BYTES_MAX: Final = 10_000_000
"""Some 60,000 corpora; a file beyond it is data that was named by mistake."""
EXTENDS_MAX: Final = 20


@dataclass(slots=True, kw_only=True)
class Loaded:
    """A manifest with everything that it extends."""

    root: Node
    digest: str
    """blake2b of all texts read, the manifest's own first."""


@dataclass(slots=True, kw_only=True)
class Loader:
    """Reads one manifest and its bases."""

    problems: Problems
    environment: Mapping[str, str]
    _seen: list[str] = field(default_factory=list)
    _digest: hashlib.blake2b = field(default_factory=lambda: hashlib.blake2b(digest_size=20))

    def load(self, path: str) -> Loaded:
        """The manifest at `path`, merged.

        Raises:
            UserError: it cannot be read.
            ManifestError: it is not YAML, or no mapping.
        """
        text = _read(path)
        root = self._layers(text, path, folder_of(path))
        if root is None:
            self.problems.raise_any()
            raise AssertionError("a manifest without a tree has a problem")
        return Loaded(root=root, digest=self._digest.hexdigest())

    def _layers(self, text: str, name: str, directory: str) -> Node | None:
        self._digest.update(f"{len(text)}\n{text}".encode())
        source = Source(name=name, directory=directory, order=len(self._seen))
        self._seen.append(os.path.realpath(name))
        root = parse(text, source, self.problems)
        if root is None:
            if not self.problems:
                self.problems.add(Place(source, 1, 1), "the file is empty; a manifest is a mapping", hint=_BEGIN)
            return None
        if not isinstance(root.value, dict):
            kind = found(root.value) if root.value is not None else "nothing"
            self.problems.add(root.place, f"a manifest is a mapping of keys, and this is {kind}", hint=_BEGIN)
            return None
        base = root.value.get("extends", (None, None))[1]
        if base is None or base.value is None:
            return root
        base = substituted(base, self.environment, Report(root, self.problems), ("extends",))
        below = self._base(base)
        if below is None:
            # Half a manifest would be reported as one that lacks everything.
            self.problems.raise_any()
            return None
        return merged(below, root)

    def _base(self, node: Node) -> Node | None:
        place, value = node.place, node.value
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            self.problems.add(place, f"expected the path of a manifest, found {found(value)}", path="extends")
            return None
        name = beside(place.source.name, value)
        if os.path.realpath(name) in self._seen:
            self.problems.add(place, f"{value} extends this file, or is it: a circle", path="extends")
            return None
        if len(self._seen) > EXTENDS_MAX:
            self.problems.add(place, f"more than {EXTENDS_MAX} files extend one another", path="extends")
            return None
        try:
            text = _read(name)
        except ManifestError as error:
            self.problems.include(error.problems)
            return None
        except UserError as error:
            self.problems.add(place, error.message, path="extends", hint=error.hint)
            return None
        return self._layers(text, name, split(joined(place.source.directory, value))[0])


_BEGIN: Final = "begin with `version: 1` and `name: …`"


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123  (a pipe or /dev/stdin will do as well)
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode) and os.fstat(file.fileno()).st_size > FILE_BYTES_MAX:
                raise _too_large(path)
            data = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file", hint=_near(path)) from None
    except IsADirectoryError:
        raise UserError(f"{path}: a directory, not a manifest", hint=_inside(path)) from None
    except PermissionError:
        raise UserError(f"{path}: may not be read by this user") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"{path!r}: cannot be read: {reason}") from None
    if len(data) > FILE_BYTES_MAX:
        raise _too_large(path)
    return _decoded(data, path)


def _decoded(data: bytes, path: str) -> str:
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        place = Place(Source(name=path, directory=""), line, column)
        message = f"not UTF-8: the byte 0x{data[error.start]:02x}"
        raise ManifestError([place.problem(message, hint="save the manifest as UTF-8")]) from None


def _too_large(path: str) -> UserError:
    return UserError(f"{path}: larger than {FILE_BYTES_MAX // 1_000_000} MB, so hardly a manifest")


def _near(path: str) -> str | None:
    folder, name = split(path)
    try:
        names = [entry.name for entry in Path(folder or ".").iterdir()]
    except OSError:
        return None
    return nearest(name, names)


def _inside(path: str) -> str | None:
    names = sorted(entry.name for entry in Path(path).iterdir() if entry.suffix in {".yaml", ".yml"})[:3]
    return f"in it: {', '.join(names)}" if names else None
