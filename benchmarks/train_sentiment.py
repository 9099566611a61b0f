"""Train the English sentiment model and write its weights: `runner/endpoint/analyzers/sentiment_en.bin`.

    python -m benchmarks.train_sentiment --data DIR [--check]

DIR holds `sentence_polarity/rt-polarity.{pos,neg}` and `movie_reviews/{pos,neg}/*.txt` (Pang and Lee, 2004 and
2005, CC BY 4.0). Only the texts whose SHA-256 begins with an even byte are looked at; the others are kept for
`bench_analyzers.py`. `--check` cross-validates inside that half instead of writing.

The model is logistic regression over words, pairs of words and negated words, each scaled by its naive Bayes
log-ratio (Wang and Manning, 2012), with VADER's lexicon as further one-word texts, so that words which no
review used have a weight too. Needs scikit-learn, which the runner does not.
"""

from __future__ import annotations

import argparse
import hashlib
import struct
import zlib
from importlib.util import find_spec
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from runner.endpoint.analyzers.sentiment_features import TABLE_BITS, places, words

WEIGHTS = Path(__file__).parent.parent / "runner/endpoint/analyzers/sentiment_en.bin"
SMOOTHING = 0.5
INVERSE_REGULARISATION = 3.0
REVIEW_WEIGHT = 3.0  # a review is worth so many sentences
LEXICON_WEIGHT = 3.0  # VADER's strongest word is worth so many sentences
FOLDS = 5

Labelled = list[tuple[str, int]]


def is_tuning(text: str) -> bool:
    """Whether a text belongs to the half that may be looked at."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 0


def sentence_polarity(data: Path) -> Labelled:
    """All 10,662 labelled sentences."""
    found = []
    for label, name in ((1, "pos"), (0, "neg")):
        raw = (data / f"sentence_polarity/rt-polarity.{name}").read_bytes()
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("cp1252", "replace")
        found += [(line.strip(), label) for line in text.split("\n") if line.strip()]
    return found


def movie_reviews(data: Path) -> Labelled:
    """All 2,000 labelled reviews."""
    return [
        (path.read_text(encoding="utf-8", errors="replace"), label)
        for label, name in ((1, "pos"), (0, "neg"))
        for path in sorted((data / f"movie_reviews/{name}").glob("*.txt"))
    ]


def lexicon() -> list[tuple[str, float]]:
    """VADER's words and their valence from -4 to 4."""
    spec = find_spec("vaderSentiment")
    assert spec is not None
    assert spec.origin is not None
    lines = (Path(spec.origin).parent / "vader_lexicon.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t")[:2] for line in lines if line.strip()]
    return [(word, float(valence)) for word, valence in pairs if word.isalpha()]


def matrix(texts: list[str]) -> Any:
    """Rows of features, each text's divided by the root of their number."""
    pointers, columns, values = [0], [], []
    for text in texts:
        row = sorted(places(words(text)))
        columns += row
        values += [1 / sqrt(len(row))] * len(row) if row else []
        pointers.append(len(columns))
    return sp.csr_matrix((values, columns, pointers), shape=(len(texts), 1 << TABLE_BITS))


def fit(sentences: tuple[Any, Any], reviews: tuple[Any, Any]) -> tuple[Any, float]:
    """Weights per place of the table, and the bias."""
    listed = lexicon()
    strength = np.array([abs(valence) / 4 * LEXICON_WEIGHT for _, valence in listed])
    x = sp.vstack([sentences[0], reviews[0], matrix([word for word, _ in listed])]).tocsr()
    y = np.concatenate([sentences[1], reviews[1], [int(valence > 0) for _, valence in listed]])
    ones, many = np.ones(sentences[0].shape[0]), reviews[0].shape[0]
    counted = sp.diags(np.concatenate([ones, np.ones(many), strength])) @ x.sign()
    up = np.asarray(counted[y == 1].sum(0)).ravel() + SMOOTHING
    down = np.asarray(counted[y == 0].sum(0)).ravel() + SMOOTHING
    ratio = np.log(up / up.sum()) - np.log(down / down.sum())
    model = LogisticRegression(C=INVERSE_REGULARISATION, solver="liblinear", random_state=0)
    model.fit(x @ sp.diags(ratio), y, sample_weight=np.concatenate([ones, np.full(many, REVIEW_WEIGHT), strength]))
    seen = np.asarray(x.sign().sum(0)).ravel() > 0
    return np.where(seen, ratio * model.coef_[0], 0.0), float(model.intercept_[0])


def quantised(weights: Any) -> tuple[Any, float]:
    """Weights as signed bytes, and what one step is worth; the few largest are cut off."""
    step = float(np.quantile(np.abs(weights[weights != 0]), 0.9999)) / 127
    return np.clip(np.rint(weights / step), -127, 127).astype(np.int8), step


def accuracy(table: Any, step: float, bias: float, x: Any, y: Any) -> float:
    return float((((x @ (table * step) + bias) > 0) == (y == 1)).mean())


def check(kinds: list[tuple[Labelled, Any, Any]]) -> None:
    """Print the cross-validated accuracy of each kind of text, within the tuning half."""
    folds = [np.array([hashlib.sha256(t.encode()).digest()[1] % FOLDS for t, _ in rows]) for rows, _, _ in kinds]
    results: list[list[float]] = [[] for _ in kinds]
    for k in range(FOLDS):
        kept = [(x[fold != k], y[fold != k]) for (_, x, y), fold in zip(kinds, folds, strict=True)]
        weights, bias = fit(kept[0], kept[1])
        table, step = quantised(weights)
        for (_, x, y), fold, result in zip(kinds, folds, results, strict=True):
            result.append(accuracy(table, step, bias, x[fold == k], y[fold == k]))
    for name, result in zip(("sentence_polarity", "movie_reviews"), results, strict=True):
        print(f"{name}: {np.mean(result):.4f} in {FOLDS} folds of the tuning half")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    kinds = []
    for rows in (sentence_polarity(options.data), movie_reviews(options.data)):
        tuning = [(text, label) for text, label in rows if is_tuning(text)]
        kinds.append((tuning, matrix([text for text, _ in tuning]), np.array([label for _, label in tuning])))
    if options.check:
        check(kinds)
        return
    weights, bias = fit(kinds[0][1:], kinds[1][1:])
    table, step = quantised(weights)
    body = zlib.compress(struct.pack("<Bdd", TABLE_BITS, step, bias) + table.tobytes(), 9)
    WEIGHTS.write_bytes(body)
    print(f"{WEIGHTS.name}: {len(body):,} bytes, {int((table != 0).sum()):,} weights")


if __name__ == "__main__":
    main()
