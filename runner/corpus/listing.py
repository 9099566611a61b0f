"""The listing of a corpus: which files it has, in input order, taken once per run.

Input order: sources as the manifest lists them, and below each, files by relative path in code points. A file that two
sources of a corpus name is listed once, at its first place. A source that is a folder means every file below it that
is not hidden; a literal path means that file, whatever its name.

It knows nothing of what is in the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import get_close_matches
from stat import S_ISDIR, S_ISREG
from typing import Final

from runner.corpus.patterns import ANY_FOLDERS, Matcher, has_wildcard, split_pattern
from runner.corpus.s3listing import list_s3
from runner.corpus.walking import Walk, require_utf8
from runner.errors import SourceError
from runner.model import CorpusSpec, SourceFile

NAMES_COMPARED_MAX: Final = 10_000
NAMES_SHOWN_MAX: Final = 3


def list_corpus(corpus: CorpusSpec) -> list[SourceFile]:
    """The listing of a corpus, whole; about 400 bytes of memory per file."""
    return list(iter_corpus(corpus))


def iter_corpus(corpus: CorpusSpec) -> Iterator[SourceFile]:
    """The listing of a corpus, file by file.

    Raises SourceError, saying what was looked for and what is there instead, for a file that is missing, a folder that
    cannot be read, and a source that matches nothing.
    """
    seen: set[str] | None = set() if len(corpus.sources) > 1 else None
    for source in corpus.sources:
        for file in list_s3(corpus, source) if source.startswith("s3://") else _of_source(corpus.name, source):
            if seen is not None:
                if file.path in seen:
                    continue
                seen.add(file.path)
            yield file


def _of_source(corpus: str, source: str) -> Iterator[SourceFile]:
    require_utf8(corpus, source)
    # A name may hold wildcard characters; if there is such a file, it is meant.
    if has_wildcard(source) and not os.path.lexists(source):
        yield from _of_pattern(corpus, source)
        return
    try:
        status = os.stat(source)  # noqa: PTH116
    except OSError as error:
        raise _not_there(corpus, source, error) from error
    if S_ISDIR(status.st_mode):
        yield from _of_folder(corpus, source)
    elif S_ISREG(status.st_mode):
        path = os.path.normpath(source)
        name = os.path.basename(path)  # noqa: PTH119
        yield SourceFile(path=path, label=name, size=status.st_size, version=str(status.st_mtime_ns))
    else:
        raise SourceError(
            corpus, f"{source} is neither a file nor a folder", hint="write what it gives to a file first"
        )


def _of_folder(corpus: str, source: str) -> Iterator[SourceFile]:
    empty = True
    for file in Walk(corpus, _root(source), Matcher(ANY_FOLDERS)):
        empty = False
        yield file
    if empty:
        raise SourceError(
            corpus, f"the folder {source} has no files", hint="hidden files count only where a pattern names them"
        )


def _of_pattern(corpus: str, source: str) -> Iterator[SourceFile]:
    fixed, rest = split_pattern(source)
    if not os.path.isdir(fixed or "."):  # noqa: PTH112
        raise _no_folder(corpus, source, fixed.rstrip("/"))
    walk = Walk(corpus, _root(fixed or "."), Matcher(rest))
    empty = True
    for file in walk:
        empty = False
        yield file
    if empty:
        raise SourceError(corpus, f"no file matches {source}", hint=_instead(fixed, rest, walk.folders_matched))


def _root(folder: str) -> str:
    path = os.path.normpath(folder)
    return path if path.endswith("/") else path + "/"


def _instead(fixed: str, rest: str, folders_matched: int) -> str:
    """What could be meant by a pattern that matches nothing."""
    if folders_matched:
        return f"{folders_matched} folder{'s match' if folders_matched > 1 else ' matches'}: add /** for what is inside"
    names = _visible_names(fixed)
    if not names:
        return f"{fixed} is empty"
    first = rest.split("/", 1)[0]
    nearest = get_close_matches(first, names, n=NAMES_SHOWN_MAX, cutoff=0.4) or sorted(names)[:NAMES_SHOWN_MAX]
    return f"{fixed} has {len(names)} entries, among them {', '.join(nearest)}"


def _not_there(corpus: str, source: str, error: OSError) -> SourceError:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        return SourceError(corpus, f"{source} cannot be looked at: {error.strerror}")
    if os.path.islink(source):  # noqa: PTH114
        return SourceError(corpus, f"{source} is a link that leads nowhere", hint="mend the link or delete it")
    folder, name = os.path.split(source.rstrip("/"))
    if not os.path.isdir(folder):  # noqa: PTH112
        return _no_folder(corpus, source, folder)
    nearest = get_close_matches(name, _visible_names(folder), n=NAMES_SHOWN_MAX)
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"{folder} is there, but has nothing of that name"
    return SourceError(corpus, f"{source} does not exist", hint=hint)


def _no_folder(corpus: str, source: str, folder: str) -> SourceError:
    """The nearest folder that exists, and the name in it that is most like the one asked for."""
    missing = folder
    while True:
        parent, name = os.path.split(missing)
        if os.path.isdir(parent or ".") or parent == missing:  # noqa: PTH112
            break
        missing = parent
    nearest = get_close_matches(name, _visible_names(parent or "."), n=NAMES_SHOWN_MAX)
    hint = f"did you mean {' or '.join(nearest)} in {parent}?" if nearest else f"{parent} is there, {name} in it is not"
    return SourceError(corpus, f"{source} matches nothing: there is no folder {missing}", hint=hint)


def _visible_names(folder: str) -> list[str]:
    """Names in a folder, for hints; a few thousand at the most, none if it cannot be read."""
    names: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    names.append(entry.name)
                if len(names) >= NAMES_COMPARED_MAX:
                    break
    except OSError:
        return []
    return [name for name in names if name.isprintable()]
