"""Walking down a folder in the order of relative paths by code points, holding one folder's names at a time.

That order is kept without sorting all paths: inside a folder, names are sorted with `/` behind those of folders, which
is how the paths below them compare with their neighbours. Links are followed, except to a folder that is being walked
already (a loop). What cannot be looked at is an error: a listing with silent gaps would be worse.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from stat import S_ISREG

from runner.corpus.patterns import Matcher, States
from runner.errors import SourceError
from runner.model import SourceFile

_Ids = frozenset[tuple[int, int]]


class Walk:
    """The files below `root` (closed by `/`) that a matcher means, in order; `folders_matched` counts what it is not.

    Raises SourceError for a folder that cannot be read, a link that leads nowhere, and a name that is not UTF-8.
    """

    def __init__(self, corpus: str, root: str, matcher: Matcher) -> None:
        self._corpus = corpus
        self._root = root
        self._matcher = matcher
        self.folders_matched = 0
        """Folders whose name the pattern's end matches: files are listed, folders are not."""

    def __iter__(self) -> Iterator[SourceFile]:
        # An explicit stack: folders may be nested deeper than Python likes to recurse.
        ancestors = frozenset({self._identity(self._root)})
        stack = [self._folder("", self._matcher.start, ancestors)]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
            elif isinstance(found, SourceFile):
                yield found
            else:
                stack.append(self._folder(*found))

    def _folder(self, below: str, states: States, ancestors: _Ids) -> Iterator[SourceFile | tuple[str, States, _Ids]]:
        """What one folder holds that matters: files, and folders to walk as (relative path, states, ancestors)."""
        for name, entry, is_folder in self._sorted_entries(self._root + below):
            label = below + name
            if is_folder:
                self.folders_matched += self._matcher.file(states, entry.name)
                inside = self._matcher.folder(states, entry.name)
                if inside:
                    self._require_utf8(entry.path)
                    identity = self._identity(entry.path)
                    if identity not in ancestors:
                        yield label, inside, ancestors | {identity}
            elif self._matcher.file(states, entry.name):
                self._require_utf8(entry.path)
                file = self._file(entry, label)
                if file is not None:
                    yield file

    def _sorted_entries(self, path: str) -> list[tuple[str, os.DirEntry[str], bool]]:
        try:
            with os.scandir(path) as entries:
                rows = [(entry, entry.is_dir()) for entry in entries]
        except OSError as error:
            raise SourceError(
                self._corpus,
                f"the folder {path} cannot be read: {error.strerror}",
                hint="make it readable, or choose a pattern that leaves it out",
            ) from error
        keyed = [(entry.name + "/" if is_folder else entry.name, entry, is_folder) for entry, is_folder in rows]
        keyed.sort(key=lambda row: row[0])
        return keyed

    def _file(self, entry: os.DirEntry[str], label: str) -> SourceFile | None:
        """The row of the listing; None for what is no regular file (sockets, pipes) or is gone by now."""
        try:
            status = entry.stat()
        except FileNotFoundError as error:
            if not entry.is_symlink():
                return None
            raise SourceError(
                self._corpus, f"{entry.path} is a link that leads nowhere", hint="mend the link or delete it"
            ) from error
        except OSError as error:
            raise SourceError(self._corpus, f"{entry.path} cannot be looked at: {error.strerror}") from error
        if not S_ISREG(status.st_mode):
            return None
        return SourceFile(path=entry.path, label=label, size=status.st_size, version=str(status.st_mtime_ns))

    def _identity(self, path: str) -> tuple[int, int]:
        try:
            status = os.stat(path)  # noqa: PTH116 - a million paths are kept as strings
        except OSError as error:
            raise SourceError(self._corpus, f"the folder {path} cannot be read: {error.strerror}") from error
        return status.st_dev, status.st_ino

    def _require_utf8(self, path: str) -> None:
        require_utf8(self._corpus, path)


def require_utf8(corpus: str, path: str) -> None:
    """Raises SourceError for a name that is not UTF-8: ids are made of names, and ids are text."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise SourceError(
            corpus,
            f"the name of {shown} is not UTF-8, and ids are made of names",
            hint="rename it (convmv -f latin1 -t utf8 does whole folders), or choose a pattern that leaves it out",
        ) from error
