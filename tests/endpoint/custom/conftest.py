"""Training data for all tests of this room."""

from __future__ import annotations

import pytest

from tests.endpoint.custom.texts import People, annotated


@pytest.fixture(scope="session")
def people() -> People:
    return annotated()
