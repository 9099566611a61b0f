"""Custom classifiers of the local endpoint: accuracy on the half not trained on, training time, speed.

python benchmarks/bench_classifier.py DATA     # a folder with movie_reviews/{pos,neg}/*.txt
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path

from runner.endpoint.custom import load_classifier
from runner.endpoint.custom.classifier_training import train_classifier
from runner.endpoint.custom.model_file import pack_model
from runner.endpoint.custom.tables import Labelled


def reviews(data: Path) -> list[Labelled]:
    """All reviews with their labels."""
    return [
        Labelled(path.name, (label,), path.read_text(encoding="utf-8", errors="replace"))
        for label in ("neg", "pos")
        for path in sorted((data / "movie_reviews" / label).glob("*.txt"))
    ]


def half(document: Labelled) -> int:
    """Which half of the data a text belongs to."""
    return hashlib.sha256(document.text.encode()).digest()[0] % 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    documents = reviews(parser.parse_args().data)
    for trained_on in (0, 1):
        measure(
            [document for document in documents if half(document) == trained_on],
            [document for document in documents if half(document) != trained_on],
        )
    begun = time.perf_counter()
    train_classifier(documents, mode="MULTI_CLASS")
    size = sum(len(document.text.encode()) for document in documents)
    print(f"all: {len(documents)} documents, {size / 1e6:.1f} MB, trained in {time.perf_counter() - begun:.1f} s")


def measure(train: list[Labelled], test: list[Labelled]) -> None:
    """Train on one half, and try the other."""
    begun = time.perf_counter()
    trained = train_classifier(train, mode="MULTI_CLASS")
    trained_s = time.perf_counter() - begun
    data = pack_model(trained.model)
    begun = time.perf_counter()
    analyze = load_classifier(data)
    load_s = time.perf_counter() - begun
    begun = time.perf_counter()
    right = sum(analyze(document.text, "en")["Classes"][0]["Name"] == document.labels[0] for document in test)
    took = time.perf_counter() - begun
    size = sum(len(document.text.encode()) for document in test)
    print(
        f"accuracy {right / len(test):.4f} of {len(test)} (held out of the training half: "
        f"{trained.metadata['EvaluationMetrics']['Accuracy']:.3f}); trained on {len(train)} in {trained_s:.1f} s; "
        f"model {len(data) / 1e6:.2f} MB, loaded in {load_s * 1000:.0f} ms; {size / took / 1e6:.1f} MB/s"
    )


if __name__ == "__main__":
    main()
