"""Journals to begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.core.events import SurveyFinished
from runner.journal import Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def written(path: Path) -> Path:
    """A journal of three events, closed."""
    with Journal.create(path) as journal:
        journal.append([SurveyFinished(at=float(n), documents=n, bytes=0) for n in (1, 2, 3)])
    return path
