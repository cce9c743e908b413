"""DestinationRules that are mistakes."""

from __future__ import annotations

from tests.abuse.poison.row import rows


def _rule(policy: str, host: str = "author.mesh", more: str = "", name: str = "author") -> str:
    return f"""\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}, creationTimestamp: "2024-01-01T00:00:00Z"}}
spec:
  host: {host}
  trafficPolicy: {policy}
  subsets: [{{name: all, labels: {{app: author}}}}{more}]
"""


def _tcp(field: str) -> str:
    return _rule(f"{{connectionPool: {{tcp: {{{field}}}}}}}")


def _http(field: str) -> str:
    return _rule(f"{{connectionPool: {{http: {{{field}}}}}}}")


def _outlier(field: str) -> str:
    return _rule(f"{{outlierDetection: {{{field}}}}}")


DESTINATION_RULES = rows(
    "DestinationRule",
    "author-rule.yaml",
    {
        "connectTimeout beyond Envoy's": _tcp("connectTimeout: 10000000000s"),
        "connectTimeout of zero": _tcp("connectTimeout: 0s"),
        "connectTimeout finer than a millisecond": _tcp("connectTimeout: 100us"),
        "connections beyond 32 bits": _tcp("maxConnections: 4294967296"),
        "connections below zero": _tcp("maxConnections: -1"),
        "keepalive beyond 32 bits": _tcp("tcpKeepalive: {time: 5000000000s}"),
        "keepalive beyond Linux": _tcp("tcpKeepalive: {probes: 4294967295, interval: 90000s}"),
        "idle timeout of 400 digits": _tcp(f"idleTimeout: {'9' * 400}s"),
        "connection duration beyond Envoy's": _tcp("maxConnectionDuration: 10000000000s"),
        "idle timeout beyond Envoy's": _http("idleTimeout: 10000000000s"),
        "streams below zero": _http("maxConcurrentStreams: -5"),
        "upgrade and the client's protocol": _http(
            "h2UpgradePolicy: UPGRADE, useClientProtocol: true"
        ),
        "ejection interval beyond Envoy's": _outlier("interval: 10000000000s"),
        "ejection interval of nothing": _outlier("interval: 0s"),
        "ejection percent of 101": _outlier("maxEjectionPercent: 101"),
        "errors beyond 32 bits": _outlier("consecutive5xxErrors: 4294967296"),
        "local errors without the split": _outlier("consecutiveLocalOriginFailures: 3"),
        "balancer that nobody knows": _rule("{loadBalancer: {simple: BEST}}"),
        "ring too large": _rule(
            "{loadBalancer: {consistentHash: {httpHeaderName: a, "
            "ringHash: {minimumRingSize: 99999999999}}}}"
        ),
        "subset with a bar in its name": _rule("{}", more=", {name: 'a|b'}"),
        "subset without a name": _rule("{}", more=", {name: ''}"),
        "subset twice": _rule("{}", more=", {name: all, labels: {app: other}}"),
        "settings of a port twice": _rule(
            "{portLevelSettings: [{port: {number: 80}}, {port: {number: 80}}]}"
        ),
        "settings of port 0": _rule("{portLevelSettings: [{port: {number: 0}}]}"),
        "plain boolean for text": _rule("{loadBalancer: {simple: on}}"),
        "host that is none": _rule("{}", host='"a b"'),
        "the rule of another": _rule(
            "{connectionPool: {tcp: {maxConnections: 1}, http: {http2MaxRequests: 1}}}",
            "honest.mesh",
            name="thief",
        ),
        "every host of a domain is closed": _rule(
            "{connectionPool: {http: {http2MaxRequests: 0, http1MaxPendingRequests: 0}}}",
            '"*.mesh"',
            name="star",
        ),
        "list for a mapping": _rule("[]"),
    },
    unnamed=frozenset(("the rule of another", "every host of a domain is closed")),
)
