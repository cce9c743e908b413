"""From what was measured to the tables that are printed, with the targets beside the figures.

Times are of this machine at this moment; what lasts are the ratios.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.bench.codec import Comparison
from tests.bench.report import Cell, Column, Table, ratio, verdict
from tests.bench.rounds import CHANGES, ENDPOINT, SERVICE, WEIGHT, Cost

BARE = "bare"
GROWTH_LIMIT = 1.5
"""A change costs at most so many times as much in a larger mesh."""
BARE_LIMIT = 2.0
"""A push and its ACK cost at most so many times what grpc.aio alone takes for them."""
READY_SECONDS = 2.0
PROXY_SECONDS = 0.015
PROXY_BYTES = 100_000
CHANGE_SECONDS = {ENDPOINT.key: 0.008, WEIGHT.key: 0.008, SERVICE.key: 0.015}
"""Server CPU of a change with a hundred sidecars in the larger mesh.

Also what follows above is for that mesh.
"""
CHANGE_STREAMS = 100
CODEC_LIMIT = 1 / 20


@dataclass(frozen=True, slots=True)
class Start:
    """A server's start.

    Seconds of CPU and on the clock until it was ready, bytes of memory then.
    """

    cpu: float
    wall: float
    memory: int


@dataclass(frozen=True, slots=True)
class Connecting:
    """So many sidecars connecting: seconds of CPU and bytes sent for each."""

    count: int
    cpu: float
    size_bytes: float


@dataclass(slots=True)
class Findings:
    """All that was measured.

    Attributes:
        starts: Services → starts.
        connecting: (group, streams after it) → connecting.
        memory: (group, streams) → bytes.
        idle: (group, streams) → seconds of CPU in a second.
        costs: (change, group, streams) → cost.
        huge: Streams → cost of a changed endpoint in the smallest and in the huge mesh.
        codec: Comparisons with betterproto2.
    """

    starts: dict[int, list[Start]] = field(default_factory=dict)
    connecting: dict[tuple[str, int], Connecting] = field(default_factory=dict)
    memory: dict[tuple[str, int], int] = field(default_factory=dict)
    idle: dict[tuple[str, int], float] = field(default_factory=dict)
    costs: dict[tuple[str, str, int], Cost] = field(default_factory=dict)
    huge: dict[int, tuple[Cost, Cost]] = field(default_factory=dict)
    codec: list[Comparison] = field(default_factory=list)


def group_of(services: int) -> str:
    """The name of the sidecars of the server with so many services."""
    return f"services-{services}"


def tables(findings: Findings, services: tuple[int, int], huge: int) -> Iterator[Table]:
    """Every table about servers."""
    yield _changes(findings, services)
    if huge:
        yield _huge(findings, services[0], huge)
    yield _against_bare(findings, services[1])
    yield _starts(findings, services, huge)
    yield _proxies(findings, services)


def codec_table(comparisons: Sequence[Comparison]) -> Table:
    """The codec's table."""
    columns = (
        Column("what", "codec"),
        Column("betterproto2_ms", "betterproto2 ms", "{:,.3f}"),
        Column("here_ms", "here ms", "{:,.3f}"),
        Column("ratio", "times faster", "{:,.0f}x"),
        Column("target", "target"),
    )
    rows: list[Sequence[Cell]] = []
    for each in comparisons:
        limit = CODEC_LIMIT if each is comparisons[0] else None
        rows.append(
            (
                each.what,
                each.stock * 1e3,
                each.ours * 1e3,
                each.stock / each.ours,
                verdict(each.ours / each.stock, limit, "x"),
            )
        )
    return Table("codec", "The codec against betterproto2 itself", columns, rows)


def _changes(findings: Findings, services: tuple[int, int]) -> Table:
    small, large = services
    columns = (
        Column("change", "change"),
        Column("streams", "sidecars"),
        Column("cpu_small_ms", f"CPU ms\n{small:,} svc", "{:,.2f}"),
        Column("cpu_large_ms", f"CPU ms\n{large:,} svc", "{:,.2f}"),
        Column("cpu_growth", "growth", "{:,.2f}x"),
        Column("growth_target", "target"),
        Column("wall_small_ms", f"wall ms\n{small:,} svc", "{:,.1f}"),
        Column("wall_large_ms", f"wall ms\n{large:,} svc", "{:,.1f}"),
        Column("messages", "messages", "{:,.1f}"),
        Column("bytes", "bytes a\nsidecar"),
        Column("cpu_target", f"CPU target\n{large:,} svc"),
    )
    table = Table(
        "changes", "From a change to the last ACK; CPU of the server, all threads", columns
    )
    for change in CHANGES:
        costs = _by_streams(findings, change.key, group_of(large))
        for streams, cost in costs.items():
            base = findings.costs[change.key, group_of(small), streams]
            growth = ratio(cost.cpu, base.cpu)
            limit = CHANGE_SECONDS.get(change.key) if streams == CHANGE_STREAMS else None
            table.rows.append(
                (
                    change.title,
                    streams,
                    base.cpu * 1e3,
                    cost.cpu * 1e3,
                    growth,
                    verdict(growth, GROWTH_LIMIT, "x"),
                    base.wall * 1e3,
                    cost.wall * 1e3,
                    cost.messages,
                    cost.size_bytes,
                    verdict(cost.cpu * 1e3, limit * 1e3 if limit else None, " ms"),
                )
            )
    return table


def _huge(findings: Findings, small: int, huge: int) -> Table:
    columns = (
        Column("streams", "sidecars"),
        Column("cpu_small_ms", f"CPU ms\n{small:,} svc", "{:,.2f}"),
        Column("cpu_huge_ms", f"CPU ms\n{huge:,} svc", "{:,.2f}"),
        Column("cpu_growth", "growth", "{:,.2f}x"),
        Column("growth_target", "target"),
        Column("wall_small_ms", f"wall ms\n{small:,} svc", "{:,.1f}"),
        Column("wall_huge_ms", f"wall ms\n{huge:,} svc", "{:,.1f}"),
    )
    table = Table("huge", f"{ENDPOINT.title}: {small:,} against {huge:,} services", columns)
    for streams, (base, cost) in findings.huge.items():
        growth = ratio(cost.cpu, base.cpu)
        table.rows.append(
            (
                streams,
                base.cpu * 1e3,
                cost.cpu * 1e3,
                growth,
                verdict(growth, GROWTH_LIMIT, "x"),
                base.wall * 1e3,
                cost.wall * 1e3,
            )
        )
    return table


def _against_bare(findings: Findings, services: int) -> Table:
    columns = (
        Column("change", "change"),
        Column("streams", "sidecars"),
        Column("bytes", "bytes\na push"),
        Column("here_us", "CPU µs\nhere", "{:,.1f}"),
        Column("bare_us", "CPU µs\nbare", "{:,.1f}"),
        Column("ratio", "ratio", "{:,.2f}x"),
        Column("target", "target"),
        Column("marginal_ratio", "each further\nsidecar", "{:,.2f}x"),
    )
    title = "CPU for each push and ACK, against a grpc.aio server that only sends the same bytes"
    table = Table("bare", f"{title} ({services:,} services)", columns)
    for change in CHANGES:
        here = _by_streams(findings, change.key, group_of(services))
        bare = _by_streams(findings, change.key, BARE)
        before = 1
        for streams in here:
            if streams == 1:
                continue
            found = ratio(here[streams].cpu_per_push, bare[streams].cpu_per_push)
            further = _marginal(here[before], here[streams]), _marginal(bare[before], bare[streams])
            is_last = streams == max(here)
            table.rows.append(
                (
                    change.title,
                    streams,
                    here[streams].size_bytes / here[streams].messages,
                    here[streams].cpu_per_push * 1e6,
                    bare[streams].cpu_per_push * 1e6,
                    found,
                    verdict(found, BARE_LIMIT if is_last else None, "x"),
                    ratio(*further),
                )
            )
            before = streams
    return table


def _marginal(fewer: Cost, more: Cost) -> float:
    """Seconds of CPU that each sidecar more costs for each push."""
    return (more.cpu - fewer.cpu) / (more.streams - fewer.streams) / more.messages


def _starts(findings: Findings, services: tuple[int, int], huge: int) -> Table:
    columns = (
        Column("services", "services"),
        Column("cpu_s", "CPU s\nuntil ready", "{:,.2f}"),
        Column("wall_s", "seconds", "{:,.2f}"),
        Column("cpu_growth", "growth", "{:,.1f}x"),
        Column("cpu_target", "target"),
        Column("first_proxy_cpu_ms", "first proxy\nCPU ms", "{:,.0f}"),
        Column("first_proxy_growth", "growth", "{:,.1f}x"),
        Column("first_proxy_kb", "first proxy\nkB", "{:,.0f}"),
        Column("memory_mb", "MB\nwhen ready", "{:,.0f}"),
        Column("memory_first_mb", "MB with\na proxy", "{:,.0f}"),
        Column("kb_per_service", "kB a\nservice", "{:,.1f}"),
    )
    table = Table("start", "Cold start", columns)
    previous: int | None = None
    for each in (*services, *([huge] if huge else [])):
        starts = findings.starts[each]
        cpu = median(start.cpu for start in starts)
        first = findings.connecting[group_of(each), 1]
        memory = findings.memory[group_of(each), 1]
        growth = first_growth = per_service = None
        if previous is not None:
            base = median(start.cpu for start in findings.starts[previous])
            growth = ratio(cpu, base)
            first_growth = ratio(first.cpu, findings.connecting[group_of(previous), 1].cpu)
            more = memory - findings.memory[group_of(previous), 1]
            per_service = more / (each - previous) / 1e3
        table.rows.append(
            (
                each,
                cpu,
                median(start.wall for start in starts),
                growth,
                verdict(cpu, READY_SECONDS if each == services[1] else None, " s"),
                first.cpu * 1e3,
                first_growth,
                first.size_bytes / 1e3,
                starts[-1].memory / 1e6,
                memory / 1e6,
                per_service,
            )
        )
        previous = each
    return table


def _proxies(findings: Findings, services: tuple[int, int]) -> Table:
    columns = (
        Column("server", "server"),
        Column("streams", "sidecars"),
        Column("connect_cpu_ms", "connecting\nCPU ms each", "{:,.2f}"),
        Column("connect_kb", "connecting\nkB each", "{:,.0f}"),
        Column("connect_target", "target"),
        Column("memory_mb", "MB", "{:,.0f}"),
        Column("kb_per_stream", "kB a\nsidecar", "{:,.1f}"),
        Column("memory_target", "target"),
        Column("idle_ms", "idle, CPU\nms a second", "{:,.1f}"),
        Column("idle_us_per_stream", "µs a\nsidecar", "{:,.1f}"),
    )
    table = Table("proxies", "Connected proxies: what more of them cost, and when idle", columns)
    for group in (*map(group_of, services), BARE):
        before: int | None = None
        is_target = group == group_of(services[1])
        streams_of = sorted(each for name, each in findings.memory if name == group)
        for streams in streams_of:
            connecting = findings.connecting[group, streams]
            memory = findings.memory[group, streams]
            per_stream = None
            if before is not None:
                per_stream = (memory - findings.memory[group, before]) / (streams - before)
            is_last = streams == streams_of[-1]
            idle = findings.idle[group, streams]
            table.rows.append(
                (
                    group.replace("services-", "") + (" services" if group != BARE else ""),
                    streams,
                    connecting.cpu * 1e3,
                    connecting.size_bytes / 1e3,
                    verdict(
                        connecting.cpu * 1e3,
                        PROXY_SECONDS * 1e3 if is_target and streams == CHANGE_STREAMS else None,
                        " ms",
                    ),
                    memory / 1e6,
                    per_stream / 1e3 if per_stream is not None else None,
                    verdict(
                        per_stream / 1e3 if per_stream is not None else None,
                        PROXY_BYTES / 1e3 if is_target and is_last else None,
                        " kB",
                    ),
                    idle * 1e3,
                    idle / streams * 1e6,
                )
            )
            before = streams
    return table


def _by_streams(findings: Findings, change: str, group: str) -> dict[int, Cost]:
    """Streams → cost, fewest first."""
    found = {
        streams: cost
        for (key, name, streams), cost in findings.costs.items()
        if key == change and name == group
    }
    return dict(sorted(found.items()))
