"""Jobs that wait to be started, as queues whose heads can be read without changing anything."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final

from runner.model import JobKey

Entry = tuple[int, int, JobKey]
"""What comes first, then the job."""
Group = tuple[str, tuple[str, ...]]
"""Jobs that are alike to the scheduler: their analysis, and the lanes that may run them."""

_STALE_MIN: Final = 64
"""So many entries may have lost their meaning before a queue is cleaned out."""


class Queue:
    """A heap with members: what has left stays in the heap for a while, but never at its head."""

    __slots__ = ("_heap", "_members")

    def __init__(self) -> None:
        self._heap: list[Entry] = []
        self._members: set[JobKey] = set()

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, key: JobKey) -> bool:
        return key in self._members

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Queue) and self._members == other._members

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Queue {sorted(self._members)}>"

    @property
    def head(self) -> Entry | None:
        """The first entry."""
        return self._heap[0] if self._heap else None

    def push(self, entry: Entry) -> None:
        """Put a job in, unless it is in."""
        if entry[2] not in self._members:
            self._members.add(entry[2])
            heapq.heappush(self._heap, entry)

    def discard(self, key: JobKey) -> None:
        """Take a job out, if it is in."""
        if key not in self._members:
            return
        self._members.remove(key)
        if not self._members:
            # Anew: a set keeps the room that it once needed.
            self.clear()
            return
        heap, members = self._heap, self._members
        if len(heap) > _STALE_MIN + 2 * len(members):
            self._heap = [entry for entry in heap if entry[2] in members]
            heapq.heapify(self._heap)
            return
        while heap and heap[0][2] not in members:
            heapq.heappop(heap)

    def clear(self) -> None:
        """Take everything out."""
        self._heap, self._members = [], set()

    def first(self, count: int) -> Iterator[Entry]:
        """The first entries in order, at most so many: O(count log count), and what is stale on the way."""
        heap = self._heap
        frontier: list[tuple[Entry, int]] = [(heap[0], 0)] if heap else []
        seen: set[JobKey] = set()
        while frontier and len(seen) < count:
            entry, at = heapq.heappop(frontier)
            if entry[2] in self._members and entry[2] not in seen:
                seen.add(entry[2])
                yield entry
            for child in (2 * at + 1, 2 * at + 2):
                if child < len(heap):
                    heapq.heappush(frontier, (heap[child], child))
