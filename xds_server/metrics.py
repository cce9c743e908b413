"""The server's own metrics.

Counted in plain attributes, turned into Prometheus' form when somebody asks.

Counting happens for every push and every ACK, so it must cost next to nothing: whoever counts asks
once for the object of its label (`metrics.type("cds")`) and then adds to attributes, a tenth of a
microsecond each. prometheus-client's own counters take a lock and five times as long; here
everything runs on one event loop. Each `Metrics` has a registry of its own, so several servers in
one process do not mix.

The names are an interface: dashboards and alerts are made of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from xds_server.status import writable

STREAMS = "chancery_xds_streams"
STREAMS_OPENED = "chancery_xds_streams_opened_total"
STREAMS_REFUSED = "chancery_xds_streams_refused_total"
PUSHES = "chancery_xds_pushes_total"
PUSH_BYTES = "chancery_xds_push_bytes_total"
ACK_SECONDS = "chancery_xds_ack_seconds"
NACKS = "chancery_xds_nacks_total"
GATES_EXPIRED = "chancery_xds_gates_expired_total"
CONVERGENCE_SECONDS = "chancery_convergence_seconds"
REVISION = "chancery_revision"
CONVERGED_REVISION = "chancery_converged_revision"
QUARANTINED = "chancery_quarantined_objects"
PROBLEMS = "chancery_problems"
QUERY_RUNS = "chancery_query_runs_total"
TRANSLATION_FAILURES = "chancery_translation_failures_total"
READING_FAILURES = "chancery_reading_failures_total"

CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the buckets of all histograms."""


class Histogram:
    """Counts of durations by bucket.

    `counts` has one more entry than there are bounds, for what is above all of them.
    """

    __slots__ = ("counts", "total_seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.total_seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.total_seconds += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bound → how many were not above it, in order, `+Inf` last."""
        bounds = (*map(floatToGoString, SECONDS), "+Inf")
        return list(zip(bounds, map(float, accumulate(self.counts)), strict=True))


class TypeMetrics:
    """What is counted for one resource type over all streams.

    Attributes:
        pushes: Responses sent.
        push_bytes: Their size, without the transport's framing.
        nacks: Responses that were rejected.
        ack: From sending a response until its ACK.
    """

    __slots__ = ("ack", "nacks", "push_bytes", "pushes")

    def __init__(self) -> None:
        self.pushes = 0
        self.push_bytes = 0
        self.nacks = 0
        self.ack = Histogram()

    def pushed(self, size_bytes: int) -> None:
        """Count one response that was sent."""
        self.pushes += 1
        self.push_bytes += size_bytes


class WireMetrics:
    """What is counted for one variant of the protocol, `delta` or `sotw`.

    Attributes:
        streams: Streams that are open now.
        opened: Streams that were ever opened.
    """

    __slots__ = ("opened", "streams")

    def __init__(self) -> None:
        self.streams = 0
        self.opened = 0

    def open(self) -> None:
        """Count a stream that begins."""
        self.streams += 1
        self.opened += 1

    def close(self) -> None:
        """Count a stream that ended."""
        self.streams -= 1


class Metrics(Collector):
    """All metrics of one server.

    Attributes:
        convergence: From a revision's publication until every proxy had it.
        revision: The newest revision.
        converged_revision: The newest revision that every connected proxy has.
        quarantined: Objects that are held back because Envoy rejected what they make.
        problems: Findings about documents at this moment, by severity.
        query_runs: Translation queries that were run.
        translation_failures: Translation queries that raised.
        reading_failures: Documents that could not be read because of a bug of ours.
        gates_expired: Changes sent at the deadline though what they depend on had not been ACKed.
    """

    def __init__(self) -> None:
        self.convergence = Histogram()
        self.revision = 0
        self.converged_revision = 0
        self.quarantined = 0
        self.problems: Mapping[str, int] = {}
        self.query_runs = 0
        self.translation_failures = 0
        self.reading_failures = 0
        self.gates_expired = 0
        self._types: dict[str, TypeMetrics] = {}
        self._wires: dict[str, WireMetrics] = {}
        self._turned_away: dict[str, int] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def type(self, name: str) -> TypeMetrics:
        """The counts of one resource type; ask once and keep it."""
        return self._types.setdefault(name, TypeMetrics())

    def wire(self, name: str) -> WireMetrics:
        """The counts of one variant of the protocol; ask once and keep it."""
        return self._wires.setdefault(name, WireMetrics())

    def turned_away(self, reason: str) -> None:
        """Count a stream that was refused or ended by a limit.

        `reason` is one of few fixed words.
        """
        self._turned_away[reason] = self._turned_away.get(reason, 0) + 1

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Everything as metric families."""
        yield from self._streams()
        yield from self._pushes()
        yield from self._translation()

    def _streams(self) -> Iterator[Metric]:
        now = GaugeMetricFamily(STREAMS, "Open ADS streams.", labels=["wire"])
        opened = CounterMetricFamily(STREAMS_OPENED, "ADS streams ever opened.", labels=["wire"])
        for name, wire in sorted(self._wires.items()):
            now.add_metric([writable(name)], wire.streams)
            opened.add_metric([writable(name)], wire.opened)
        refused = CounterMetricFamily(
            STREAMS_REFUSED, "ADS streams refused or ended by a limit.", labels=["reason"]
        )
        for reason, count in sorted(self._turned_away.items()):
            refused.add_metric([writable(reason)], count)
        yield from (now, opened, refused)

    def _pushes(self) -> Iterator[Metric]:
        pushes = CounterMetricFamily(PUSHES, "Responses sent.", labels=["type"])
        size = CounterMetricFamily(PUSH_BYTES, "Bytes of responses sent.", labels=["type"])
        nacks = CounterMetricFamily(NACKS, "Responses that were rejected.", labels=["type"])
        ack = HistogramMetricFamily(
            ACK_SECONDS, "From sending a response until its ACK.", labels=["type"]
        )
        for name, counts in sorted(self._types.items()):
            pushes.add_metric([writable(name)], counts.pushes)
            size.add_metric([writable(name)], counts.push_bytes)
            nacks.add_metric([writable(name)], counts.nacks)
            ack.add_metric([writable(name)], counts.ack.buckets(), counts.ack.total_seconds)
        yield from (pushes, size, nacks, ack)
        yield CounterMetricFamily(
            GATES_EXPIRED,
            "Changes sent at the deadline though what they depend on was not ACKed.",
            self.gates_expired,
        )

    def _translation(self) -> Iterator[Metric]:
        convergence = HistogramMetricFamily(
            CONVERGENCE_SECONDS, "From a revision's publication until every proxy had it."
        )
        convergence.add_metric([], self.convergence.buckets(), self.convergence.total_seconds)
        yield convergence
        yield GaugeMetricFamily(REVISION, "The newest revision.", self.revision)
        yield GaugeMetricFamily(
            CONVERGED_REVISION,
            "The newest revision that every connected proxy has.",
            self.converged_revision,
        )
        yield GaugeMetricFamily(
            QUARANTINED, "Objects held back because Envoy rejected them.", self.quarantined
        )
        problems = GaugeMetricFamily(PROBLEMS, "Findings about documents.", labels=["severity"])
        for severity, count in sorted(self.problems.items()):
            problems.add_metric([writable(severity)], count)
        yield problems
        yield CounterMetricFamily(QUERY_RUNS, "Translation queries run.", self.query_runs)
        yield CounterMetricFamily(
            TRANSLATION_FAILURES, "Translation queries that raised.", self.translation_failures
        )
        yield CounterMetricFamily(
            READING_FAILURES,
            "Documents that could not be read because of a bug of ours.",
            self.reading_failures,
        )
