"""Training data that nothing can be learned from."""

from __future__ import annotations

__all__ = ["TrainingDataError"]


class TrainingDataError(Exception):
    """What is wrong with the training data, where, and what is valid: the Message of a model IN_ERROR.

    It may name files, lines, labels and types; it never quotes a document.
    """
