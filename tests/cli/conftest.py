"""Houses to run commands in, with one finished run for all who only read one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.house import House
from tests.compose.conftest import endpoint, house, quick, shared_endpoint

__all__ = ["endpoint", "house", "quick", "shared_endpoint"]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither colours nor widths of whoever runs the tests."""
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def empty(tmp_path: Path) -> House:
    """A folder with nothing in it but a manifest for the embedded lane and its corpus."""
    house = House(root=tmp_path)
    house.furnish()
    return house


@pytest.fixture
def finished(house: House) -> Iterator[House]:
    """A house with a finished run: two documents that are well, one that is blank, one that cannot be decoded."""
    house.write("data/lines.txt", b"All is well in Lisbon.\n\n\xff\xfe\nNothing to tell.\n")
    house.tell(policy={"tolerate": {"errors": 1}})
    said = house.run()
    assert said.code == 0, said.err
    return house
