"""Topics over all documents of a job, and the two tables that the service writes of them.

Owns the vocabulary, what is fitted on what, and the form of the tables (COMPREHEND.md section 3.4). The algebra is
in `factors.py`, the words come from `topic_words.py`.

The topics are learned from at most `_FITTED` documents, evenly spread; the others are held against them in
batches, so memory is bounded whatever the job. The same documents give the same tables.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runner.endpoint.analyzers.factors import Sparse, factorised, weights
from runner.endpoint.analyzers.topic_words import Document, documents
from runner.endpoint.rows import stride

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.endpoint.analyzers.factors import Floats

__all__ = ["tables"]

_FITTED = 20_000
_BATCH = 5_000
_VOCABULARY = 8_000
_COUNTED = 1_000_000  # words at once; beyond that the rarest are forgotten
_TERMS = 10
_COMMONEST = 0.5  # a word in more than half of the documents parts none from another
_NEGLIGIBLE = 0.05
_DIGITS = 6
_TERMS_HEAD = b"topic,term,weight\n"
_DOCUMENTS_HEAD = b"docname,topic,proportion\n"


def tables(path: str, topics: int, *, noop: bool = False) -> tuple[bytes, bytes]:
    """`topic-terms.csv` and `doc-topics.csv` of the documents that were gathered in the file at `path`."""
    gathered = Path(path)
    vocabulary, count = _vocabulary(gathered)
    if noop or not vocabulary.words:
        return _TERMS_HEAD, _DOCUMENTS_HEAD
    every = math.ceil(count / _FITTED)
    sample = [document for at, document in enumerate(_read(gathered)) if at % every == 0]
    found = factorised(vocabulary.matrix(sample), min(topics, len(sample), len(vocabulary.words)))
    return _TERMS_HEAD + _term_rows(found, vocabulary), _DOCUMENTS_HEAD + _document_rows(gathered, found, vocabulary)


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """The words that count: their places (a plural has that of its singular), and how much each says."""

    place: dict[str, int]
    words: list[str]
    rarity: Floats

    def matrix(self, listed: Iterable[Document]) -> Sparse:
        """TF-IDF with sublinear counts; every row that has a word has length one."""
        starts, columns, counts = [0], list[int](), list[int]()
        get = self.place.get
        for document in listed:
            for word, count in document.words.items():
                place = get(word)
                if place is not None:
                    columns.append(place)
                    counts.append(count)
            starts.append(len(columns))
        begins, places = np.array(starts, np.int64), np.array(columns, np.int64)
        values = (1 + np.log(np.array(counts, np.float64))) * self.rarity[places]
        lengths = np.diff(begins)
        filled = np.flatnonzero(lengths)
        if len(filled):
            values /= np.repeat(np.sqrt(np.add.reduceat(values * values, begins[filled])), lengths[filled])
        return Sparse(begins, places, values, len(self.words))


def _read(path: Path) -> Iterator[Document]:
    with path.open("rb") as file:
        yield from documents(file)


def _vocabulary(path: Path) -> tuple[_Vocabulary, int]:
    """The words of the documents, and how many documents there are."""
    spread: Counter[str] = Counter()
    count = 0
    for document in _read(path):
        spread.update(document.words.keys())
        count += 1
        if len(spread) > _COUNTED:
            spread = Counter(dict(spread.most_common(_COUNTED // 2)))
    singular = {word: base for word in spread if (base := _base(word)) in spread}
    joined: Counter[str] = Counter()
    for word, documents_with_it in spread.items():
        joined[singular.get(word, word)] += documents_with_it
    fewest, most = (2, _COMMONEST * count) if count > 2 * _TERMS else (1, count)
    usable = [(word, seen) for word, seen in joined.items() if fewest <= seen <= most]
    usable.sort(key=lambda each: (-each[1], each[0]))
    kept = usable[:_VOCABULARY]
    rarity = np.array([math.log((1 + count) / (1 + min(seen, count))) + 1 for _, seen in kept])
    place = {word: at for at, (word, _) in enumerate(kept)}
    place |= {word: place[base] for word, base in singular.items() if base in place}
    return _Vocabulary(place, [word for word, _ in kept], rarity), count


def _base(word: str) -> str:
    """What a plural would be the plural of; it counts as one only where that word occurs too."""
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else ""


def _term_rows(found: Floats, vocabulary: _Vocabulary) -> bytes:
    words = vocabulary.words
    # A term says most about the topic that has most of it.
    telling = found * (found / np.maximum(found.sum(axis=0), 1e-12))
    rows = []
    for topic, (row, scores) in enumerate(zip(found, telling, strict=True)):
        best = [int(place) for place in np.argsort(-scores, kind="stable")[:_TERMS] if scores[place] > 0]
        rows += [(f"{topic:03d}", words[place], round(float(row[place]), _DIGITS)) for place in best]
    return _lines(rows)


def _document_rows(path: Path, found: Floats, vocabulary: _Vocabulary) -> bytes:
    listed = _read(path)
    rows: list[bytes] = []
    while batch := list(islice(listed, _BATCH)):
        for document, row in zip(batch, weights(vocabulary.matrix(batch), found), strict=True):
            shares = _shares(row)
            if shares:
                rows.append(_lines((document.name, f"{topic:03d}", share) for topic, share in shares))
    return b"".join(stride(rows))


def _shares(row: Floats) -> list[tuple[int, float]]:
    """Topic and proportion, the largest first; the negligible ones are left out, the others sum to one."""
    total = float(row.sum())
    if total <= 0:
        return []
    kept = [(topic, float(weight)) for topic, weight in enumerate(row) if weight / total >= _NEGLIGIBLE]
    kept = kept or [(int(row.argmax()), float(row.max()))]
    total = sum(weight for _, weight in kept)
    return sorted(((topic, round(weight / total, _DIGITS)) for topic, weight in kept), key=lambda each: -each[1])


def _lines(rows: Iterable[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
