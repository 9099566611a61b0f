"""A manifest's text for what was found, with comments that say what was guessed and what else there is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from runner.catalogue import FAMILIES
from runner.compose.scaffolding.looking import Found

DEFAULT_ANALYSES: Final = ("sentiment", "entities", "key_phrases")
_PLAIN: Final = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off"})

_HEAD: Final = """\
# A manifest of comprehend-runner, begun by `runner init`. What it guessed is marked; read it once, then:
#
#   runner check {file}    tell every mistake
#   runner plan {file}     documents, jobs, price and time; sends nothing
#   runner run {file}      carry it out; run it again to go on
#
# `runner schema > schema.json` and a first line `# yaml-language-server: $schema=schema.json` let editors complete it.

version: 1
name: {name}

# Without `lanes` the run brings its own local Comprehend: no account, no cost. For the real one:
#
# lanes:
#   - name: virginia
#     endpoint: aws
#     region: us-east-1
#     staging: s3://YOUR-BUCKET/runner/      # in the same region
#     data_access_role: arn:aws:iam::123456789012:role/YOUR-ROLE
#
# `runner doctor {file}` then checks all of it, and prints the policies that are needed.

corpora:
"""
_MORE: Final = {
    "dominant_language": "- dominant_language",
    "pii_entities": "- {family: pii_entities, name: redacted, mode: redaction}",
    "targeted_sentiment": "- targeted_sentiment",
}
_TAIL: Final = """
policy:
  # budget_usd: 20                 # a run that would cost more is not begun
  tolerate: {errors: 0}            # or a share of all results, as in 0.1%
"""


def manifest_text(name: str, file: str, found: Sequence[Found]) -> str:
    """The text of a manifest called `name`, to be written to a file called `file`."""
    corpora = "\n".join("\n".join(_corpus(corpus)) for corpus in found)
    analyses = [f"  - {family}" for family in DEFAULT_ANALYSES]
    more = [f"  # {line}" for family, line in _MORE.items() if FAMILIES[family].available]
    lines = ["analyses:                          # each on every corpus, where it takes the language", *analyses, *more]
    return _HEAD.format(name=name, file=file) + corpora + "\n\n" + "\n".join(lines) + "\n" + _TAIL


def _corpus(corpus: Found) -> list[str]:
    files = "1 file" if corpus.files == 1 else f"{corpus.files:,} files"
    lines = [f"  - name: {corpus.name}", _line("source", _quoted(corpus.source), files)]
    document = {"files": "a document is a file", "lines": "a document is a line"}
    lines.append(_line("format", corpus.format, document.get(corpus.format, "a document is a row")))
    columns = corpus.columns
    if corpus.format not in document:
        others = ", ".join(name for name in columns.names if name not in {columns.text, columns.id, columns.language})
        told = f"guessed; there are also {others}" if others else "guessed"
        lines.append(_line("text", _quoted(columns.text or "text"), _short(told)))
        if columns.id is not None:
            lines.append(_line("id", _quoted(columns.id), "guessed; left out, ids are file:position"))
    if corpus.csv:
        dialect = ", ".join(f"{key}: {_value(value)}" for key, value in corpus.csv.items())
        lines.append(_line("csv", f"{{{dialect}}}", "guessed"))
    if corpus.encoding is not None:
        lines.append(_line("encoding", corpus.encoding, "guessed: it is not UTF-8"))
    lines.append(_language(corpus))
    return lines


def _language(corpus: Found) -> str:
    if corpus.columns.language is not None:
        return _line("language", f"{{field: {_quoted(corpus.columns.language)}}}", "guessed: each row names its own")
    if corpus.language is None:
        return _line("language", "en", "a guess without any look: make it the right one")
    if isinstance(corpus.language, str):
        return _line("language", corpus.language, "guessed from a sample")
    codes = ", ".join(corpus.language)
    return _line("language", f"{{detect: [{codes}], otherwise: {corpus.language[0]}}}", "guessed from a sample")


def _line(key: str, value: str, comment: str) -> str:
    return f"{f'    {key}: {value}':<34} # {comment}"


def _short(text: str, most: int = 70) -> str:
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else _quoted(str(value))


def _quoted(text: str) -> str:
    """A text as YAML, `${` kept as it is."""
    text = text.replace("${", "$${")
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
