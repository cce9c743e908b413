"""`networking.istio.io DestinationRule`: subsets, and how clients treat a host's instances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import Final, TypeVar

from translators.kinds.field_path import Path
from translators.kinds.schema.context import Context, Invalid
from translators.kinds.schema.export_to import EXPORT_TO
from translators.kinds.schema.field_types import (
    DURATION,
    DURATION_OR_ZERO,
    INT32,
    LABEL_NAME,
    LABELS,
    PERCENT,
    PORT_NUMBER,
    SERVICE_HOST,
    UINT32,
    parse_go_duration,
    selector,
)
from translators.kinds.schema.kind import ISTIO_NETWORKING, Kind, document_with_spec
from translators.kinds.schema.record import (
    Check,
    Part,
    optional,
    record,
    record_with_part,
    required,
    spread,
    unsupported,
)
from translators.kinds.schema.shape import (
    BOOLEAN,
    Shape,
    checked,
    choice,
    integer,
    list_of,
)
from translators.model.origin import Labels
from translators.model.policy import (
    ConnectionPool,
    Keepalive,
    LoadBalancer,
    OutlierDetection,
    SimpleLoadBalancer,
    StatedPolicy,
    Subset,
    TrafficPolicy,
)


@dataclass(frozen=True, slots=True)
class DestinationRuleSpec:
    """What a rule says of a host, in full. `workload_selector` None: for every client."""

    host: str = ""
    policy: StatedPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ()
    workload_selector: Labels | None = None


T = TypeVar("T")


def _not_empty(shape: Shape[T], names: Iterable[str]) -> Shape[T]:
    """Give the shape, refusing a mapping that has none of these fields, as Istio does."""
    fields = tuple(names)

    def parse(value: object, path: Path, context: Context) -> T | Invalid:
        if type(value) is dict and all(value.get(name) is None for name in fields):
            context.error(path, f"is empty; give at least one of {', '.join(fields)}")
        return shape.parse(value, path, context)

    return Shape(parse, shape.fields)


_LOAD_BALANCER: Final = record(
    LoadBalancer,
    {
        "simple": optional(
            "simple",
            choice(
                {"UNSPECIFIED": None, "LEAST_CONN": SimpleLoadBalancer.LEAST_REQUEST}
                | {member.value: member for member in SimpleLoadBalancer}
            ),
        ),
        "consistentHash": unsupported("requests go to the least loaded instance"),
        "localityLbSetting": spread(
            {
                "enabled": optional("locality_enabled", BOOLEAN),
                "distribute": unsupported("traffic stays near by priorities", harmless=([],)),
                "failover": unsupported("traffic stays near by priorities", harmless=([],)),
                "failoverPriority": unsupported("traffic stays near by priorities", harmless=([],)),
            }
        ),
        "zoneAwareLbSetting": unsupported("traffic stays near by priorities"),
        "warmup": unsupported("new instances get their full share at once"),
        "warmupDurationSecs": unsupported("new instances get their full share at once"),
    },
    exclusive=(("simple", "consistentHash"),),
)

_LONGEST_KEEPALIVE: Final = 32767
"""Seconds: Linux's `MAX_TCP_KEEPIDLE` and `MAX_TCP_KEEPINTVL`."""


def _keepalive_time(value: object, path: Path, context: Context) -> timedelta | Invalid:
    """Give a time as Linux keeps it, in whole seconds."""
    milliseconds = parse_go_duration(value) if type(value) is str else None
    if milliseconds is None:
        return DURATION.parse(value, path, context)  # which says what is wrong with it
    seconds = milliseconds / 1000
    if not 1 <= seconds <= _LONGEST_KEEPALIVE:
        return context.error(
            path,
            f"must be from 1s to {_LONGEST_KEEPALIVE}s, which is what Linux can keep, not {value}",
        )
    if seconds.denominator != 1:
        context.warning(path, f"Linux counts whole seconds; {int(seconds)}s is used")
    return timedelta(seconds=int(seconds))


_KEEPALIVE_TIME: Final = Shape(_keepalive_time)
_KEEPALIVE: Final = record(
    Keepalive,
    {
        "probes": optional("probes", integer(0, 127)),  # Linux: MAX_TCP_KEEPCNT; 0 is not given
        "time": optional("time", _KEEPALIVE_TIME),
        "interval": optional("interval", _KEEPALIVE_TIME),
    },
)


def _check_pool(pool: ConnectionPool, path: Path, context: Context) -> None:
    if pool.h2_upgrade and pool.use_client_protocol:
        context.error(
            ((path, "http"), "useClientProtocol"),
            "cannot be given together with h2UpgradePolicy UPGRADE: connections are upgraded, or "
            "speak what the client speaks",
        )


_POOL_FIELDS: Final = record(
    ConnectionPool,
    {
        "tcp": spread(
            {
                "maxConnections": optional("max_connections", INT32),
                "connectTimeout": optional("connect_timeout", DURATION),
                "tcpKeepalive": optional("tcp_keepalive", _KEEPALIVE),
                "maxConnectionDuration": optional("max_connection_duration", DURATION),
                "idleTimeout": optional("tcp_idle_timeout", DURATION_OR_ZERO),
            }
        ),
        "http": spread(
            {
                "http1MaxPendingRequests": optional("max_pending_requests", INT32),
                "http2MaxRequests": optional("max_requests", INT32),
                "maxRequestsPerConnection": optional("max_requests_per_connection", INT32),
                "maxRetries": optional("max_retries", INT32),
                "idleTimeout": optional("http_idle_timeout", DURATION_OR_ZERO),
                "h2UpgradePolicy": optional(
                    "h2_upgrade",
                    choice({"DEFAULT": None, "DO_NOT_UPGRADE": False, "UPGRADE": True}),
                ),
                "useClientProtocol": optional("use_client_protocol", BOOLEAN),
                "maxConcurrentStreams": optional("max_concurrent_streams", INT32),
                "http2KeepAlive": unsupported("no pings are sent on idle HTTP/2 connections"),
            }
        ),
    },
)
_CONNECTION_POOL: Final = _not_empty(checked(_POOL_FIELDS, _check_pool), _POOL_FIELDS.fields)


def _check_detection(detection: OutlierDetection, path: Path, context: Context) -> None:
    split = detection.split_external_local_origin_errors
    if detection.consecutive_local_origin_failures and not split:
        context.error(
            (path, "consecutiveLocalOriginFailures"),
            "counts only with splitExternalLocalOriginErrors: true; give that too",
        )


_DETECTION_FIELDS: Final = record(
    OutlierDetection,
    {
        "consecutive5xxErrors": optional("consecutive_5xx", UINT32),
        "consecutiveGatewayErrors": optional("consecutive_gateway_errors", UINT32),
        "splitExternalLocalOriginErrors": optional("split_external_local_origin_errors", BOOLEAN),
        "consecutiveLocalOriginFailures": optional("consecutive_local_origin_failures", UINT32),
        "interval": optional("interval", DURATION),
        "baseEjectionTime": optional("base_ejection_time", DURATION),
        "maxEjectionPercent": optional("max_ejection_percent", PERCENT),
        "minHealthPercent": optional("min_health_percent", PERCENT),
        "consecutiveErrors": unsupported(
            "it is deprecated; use consecutiveGatewayErrors or consecutive5xxErrors"
        ),
        "httpErrorCodes": unsupported("5xx answers count as errors", harmless=([],)),
    },
)
_OUTLIER_DETECTION: Final = checked(_DETECTION_FIELDS, _check_detection)
_BLOCKS: Final = Part(
    "blocks",
    TrafficPolicy,
    {
        "loadBalancer": optional("load_balancer", _LOAD_BALANCER),
        "connectionPool": optional("connection_pool", _CONNECTION_POOL),
        "outlierDetection": optional("outlier_detection", _OUTLIER_DETECTION),
        "tls": unsupported("connections are plain text", harmless=({"mode": "DISABLE"},)),
    },
)
"""The blocks of a policy: one line each, and a field of `TrafficPolicy`."""


def _port_policy(port: int, blocks: TrafficPolicy) -> tuple[int, TrafficPolicy]:
    return (port, blocks)


def _policy(
    blocks: TrafficPolicy, ports: tuple[tuple[int, TrafficPolicy], ...] = ()
) -> StatedPolicy:
    return StatedPolicy(blocks, tuple(sorted(ports, key=itemgetter(0))))


def _unique_ports(
    settings: tuple[tuple[int, TrafficPolicy], ...], path: Path, context: Context
) -> None:
    seen: set[int] = set()
    for i, (number, _) in enumerate(settings):
        if number in seen:
            context.error(((path, i), "port"), f"port {number} has settings already; merge them")
        seen.add(number)


_PORT_LEVEL: Final = checked(
    list_of(
        _not_empty(
            record_with_part(
                _port_policy,
                _BLOCKS,
                {
                    "port": required("port", PORT_NUMBER, "e.g. {number: 80}"),
                },
            ),
            _BLOCKS.fields,
        )
    ),
    _unique_ports,
)
_POLICY_FIELDS: Final = record_with_part(
    _policy,
    _BLOCKS,
    {
        "portLevelSettings": optional("ports", _PORT_LEVEL),
        "tunnel": unsupported("connections go straight to the destination"),
        "proxyProtocol": unsupported("connections begin without a PROXY header"),
        "retryBudget": unsupported("use connectionPool.http.maxRetries"),
    },
)
_TRAFFIC_POLICY: Final = _not_empty(_POLICY_FIELDS, _POLICY_FIELDS.fields)
_SUBSET: Final = record(
    Subset,
    {
        "name": required("name", LABEL_NAME, "the name that routes use"),
        "labels": optional("labels", LABELS),
        "trafficPolicy": optional("policy", _TRAFFIC_POLICY),
    },
)


def _check_names(subsets: tuple[Subset, ...], path: Path, context: Context) -> None:
    seen: set[str] = set()
    for i, subset in enumerate(subsets):
        if subset.name in seen:
            context.error(((path, i), "name"), f"{subset.name!r} is defined already; keep one")
        seen.add(subset.name)


_SUBSETS: Final = checked(list_of(_SUBSET), _check_names)


def _check_export(spec: DestinationRuleSpec, path: Path, context: Context) -> None:
    if spec.workload_selector is None:
        return
    for i, target in enumerate(spec.export_to):
        if target not in {".", context.namespace}:
            context.error(
                ((path, "exportTo"), i),
                "a rule with a workloadSelector is for workloads of its own namespace only: '.'",
            )


_SPEC: Final = record(
    DestinationRuleSpec,
    {
        "host": required("host", SERVICE_HOST, "the service that this is about"),
        "trafficPolicy": optional("policy", _TRAFFIC_POLICY),
        "subsets": optional("subsets", _SUBSETS),
        "exportTo": optional("export_to", EXPORT_TO),
        "workloadSelector": optional("workload_selector", selector("matchLabels")),
    },
    checks=(Check(_check_export, reads=("exportTo", "workloadSelector")),),
)

DESTINATION_RULE: Final = Kind(
    "DestinationRule",
    ISTIO_NETWORKING,
    document_with_spec(_SPEC),
    suspicion=20,
    is_policy=True,
)
