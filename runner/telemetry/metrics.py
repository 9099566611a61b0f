"""Metrics of a run for Prometheus: counted from events, read off the scheduler when they are scraped.

    metrics = Metrics(run)              an observer
    with metrics.served(9108): ...      http://127.0.0.1:9108/metrics
    metrics.write(path)                 the same, once, for a node exporter's textfile collector

Names begin with `comprehend_runner_`; labels are lanes, operations, states and codes of the service, never ids, so that
their number is bounded. Counters begin at zero with each session.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server, write_to_textfile
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from runner.core import events as e
from runner.core.run import Run
from runner.core.states import State
from runner.errors import MachineError
from runner.model import JobStatus

PREFIX: Final = "comprehend_runner"
_JOB_SECONDS: Final = (1, 5, 15, 60, 180, 300, 370, 490, 610, 730, 900, 1200, 1800, 3600, 7200, 14400)
"""Upper ends of classes of job durations: the service's own steps lie about 367, 487 and 607 seconds."""


class Metrics(Collector):
    """An observer that counts; `collect` is called by a scrape, from a thread of its own."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.registry = CollectorRegistry()
        self.registry.register(self)
        station = ("lane", "operation")
        self._starts = self._counter("starts", "Start calls by outcome", (*station, "outcome"))
        self._refusals = self._counter("refusals", "Start calls refused, by code", (*station, "code"))
        self._ended = self._counter("jobs_ended", "Remote jobs that ended, by status", (*station, "status"))
        self._lines = self._counter("lines", "Lines answered, by outcome", ("analysis", "outcome"))
        self._faults = self._counter("faults", "Calls and local work that failed, by code", ("command", "code"))
        self._documents = self._counter("documents_written", "Documents written to the results", ())
        self._seconds = Histogram(
            f"{PREFIX}_job_seconds",
            "Seconds from submission to end, by the service's clock",
            station,
            buckets=_JOB_SECONDS,
            registry=self.registry,
        )

    def _counter(self, name: str, what: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"{PREFIX}_{name}", what, labels, registry=self.registry)

    def notice(self, event: e.Event) -> None:
        """Count a fact."""
        match event:
            case e.StartAccepted() | e.StartRefused() | e.StartUnanswered():
                self._started(event)
            case e.StatusSeen() if event.status.ended:
                self._saw_end(event)
            case e.Collected():
                self._collected(event)
            case e.SegmentMerged():
                self._documents.inc(event.merged.lines)
            case e.Landed() if event.fault is not None:
                self._faults.labels(type(event.command).__name__, event.fault.code).inc()

    def _started(self, event: e.StartAccepted | e.StartRefused | e.StartUnanswered) -> None:
        record = self._run.jobs[event.job]
        place = (record.lane, record.job.operation)
        if isinstance(event, e.StartRefused):
            self._refusals.labels(*place, event.fault.code).inc()
        outcomes = {e.StartAccepted: "accepted", e.StartRefused: "refused", e.StartUnanswered: "unanswered"}
        self._starts.labels(*place, outcomes[type(event)]).inc()

    def _saw_end(self, event: e.StatusSeen) -> None:
        record = self._run.jobs[event.job]
        place = (record.lane, record.job.operation)
        self._ended.labels(*place, str(event.status)).inc()
        timed = event.submitted_at is not None and event.ended_at is not None
        if timed and event.status is JobStatus.COMPLETED:
            self._seconds.labels(*place).observe((event.ended_at or 0.0) - (event.submitted_at or 0.0))

    def _collected(self, event: e.Collected) -> None:
        analysis, report = self._run.jobs[event.job].job.analysis, event.report
        errors = sum(count for _, count in report.errors)
        for outcome, count in (("ok", report.ok), ("error", errors), ("missing", report.missing)):
            self._lines.labels(analysis, outcome).inc(count)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What the scheduler knows now; in O(operations + states)."""
        run = self._run
        jobs = GaugeMetricFamily(f"{PREFIX}_jobs", "Jobs by state", labels=["state"])
        for state in State:
            jobs.add_metric([str(state)], run.by_state[state])
        yield jobs
        documents = GaugeMetricFamily(f"{PREFIX}_documents", "Documents surveyed")
        documents.add_metric([], run.books.documents)
        yield documents
        written = GaugeMetricFamily(f"{PREFIX}_documents_in_results", "Documents in the results, over all sessions")
        written.add_metric([], run.books.lines)
        yield written
        spool = GaugeMetricFamily(f"{PREFIX}_spool_bytes", "Bytes of answers that wait to be merged")
        spool.add_metric([], run.spool_bytes)
        yield spool
        yield from self._stations()

    def _stations(self) -> Iterator[GaugeMetricFamily]:
        place = ["lane", "operation"]
        used = GaugeMetricFamily(f"{PREFIX}_slots_in_use", "Our jobs that hold a slot", labels=place)
        allowed = GaugeMetricFamily(f"{PREFIX}_slots", "Slots that we may use", labels=place)
        strangers = GaugeMetricFamily(f"{PREFIX}_strangers", "Active jobs that are not ours", labels=place)
        for (lane, operation), station in tuple(self._run.stations.items()):
            used.add_metric([lane, operation], len(station.occupied))
            allowed.add_metric([lane, operation], station.slots)
            strangers.add_metric([lane, operation], station.strangers)
        yield from (used, allowed, strangers)
        parked = GaugeMetricFamily(f"{PREFIX}_parked", "Work that waits for the user", labels=["lane", "work"])
        for lane, work in tuple(self._run.parks):
            parked.add_metric([lane, work], 1)
        yield parked

    @contextmanager
    def served(self, port: int) -> Iterator[int]:
        """Serve them on loopback for as long as the block lasts; gives the port (0: a free one).

        Raises MachineError if the port is taken.
        """
        try:
            server, thread = start_http_server(port, addr="127.0.0.1", registry=self.registry)
        except OSError as error:
            raise MachineError(
                f"metrics cannot be served on port {port}: {error.strerror or error}",
                hint="name another --metrics-port",
            ) from error
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def write(self, path: Path) -> None:
        """Write them to a file, in place of an earlier one."""
        write_to_textfile(str(path), self.registry)
