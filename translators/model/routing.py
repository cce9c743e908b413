"""How requests and connections are routed: rules, what they match, and what they do.

The values belong to no vocabulary: kinds are parsed into them, and what makes resources reads
these alone. Hosts are full names.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from translators.model.origin import Labels

MAX_BODY_BYTES: Final = 1 << 20
"""How long a direct response's body may be; Istio's limit, of which Envoy is told."""


class MatchKind(enum.Enum):
    """How a text is compared."""

    EXACT = "exact"
    PREFIX = "prefix"
    REGEX = "regex"
    PRESENT = "present"
    """Any value, also the empty one."""


@dataclass(frozen=True, slots=True)
class TextMatch:
    """How a text is compared, and with what; `value` is empty for `PRESENT`."""

    kind: MatchKind
    value: str = ""


@dataclass(frozen=True, slots=True)
class HttpMatch:
    """One block of `match`: all that is set must hold. Empty means every request.

    `headers`, `without_headers` and `query_params` are sorted by name. `port` 0 and
    `source_namespace` "" mean any. `gateways` empty: those of the rule as a whole.
    """

    name: str = ""
    uri: TextMatch | None = None
    ignore_uri_case: bool = False
    scheme: TextMatch | None = None
    method: TextMatch | None = None
    authority: TextMatch | None = None
    headers: tuple[tuple[str, TextMatch], ...] = ()
    without_headers: tuple[tuple[str, TextMatch], ...] = ()
    query_params: tuple[tuple[str, TextMatch], ...] = ()
    port: int = 0
    source_labels: Labels = frozenset()
    source_namespace: str = ""
    gateways: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to: a full host name, a subset ("" for none) and a port (0: by Istio's rules)."""

    host: str
    subset: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class HeaderOperations:
    """Changes to headers, each tuple sorted by header name."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WeightedDestination:
    """One destination of a split. `weight` is as written (0 when not given)."""

    destination: Destination
    weight: int = 0
    request_headers: HeaderOperations = field(default_factory=HeaderOperations)
    response_headers: HeaderOperations = field(default_factory=HeaderOperations)


@dataclass(frozen=True, slots=True)
class Redirect:
    """An answer that sends elsewhere. Empty texts and port 0 keep the request's.

    `derive_port` is "", `FROM_PROTOCOL_DEFAULT` or `FROM_REQUEST_PORT`.
    """

    uri: str = ""
    uri_prefix: str = ""
    authority: str = ""
    scheme: str = ""
    port: int = 0
    derive_port: str = ""
    code: int = 301


@dataclass(frozen=True, slots=True)
class DirectResponse:
    """An answer given without any destination."""

    status: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A change of path or authority before sending on; "" and None keep what the request has.

    `regex` is (pattern, substitution).
    """

    uri: str | None = None
    authority: str = ""
    regex: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Retries:
    """An explicit retry policy.

    `attempts` 0 turns retries off; `retry_on` "" is Istio's default list.
    """

    attempts: int
    per_try_timeout: timedelta | None = None
    retry_on: str = ""
    backoff: timedelta | None = None
    retry_remote_localities: bool = False
    retry_ignore_previous_hosts: bool = True


@dataclass(frozen=True, slots=True)
class HttpRule:
    """One rule for requests. `timeout` None or zero: no limit. `retries` None: Istio's default."""

    name: str = ""
    match: tuple[HttpMatch, ...] = ()
    route: tuple[WeightedDestination, ...] = ()
    redirect: Redirect | None = None
    direct_response: DirectResponse | None = None
    rewrite: Rewrite | None = None
    timeout: timedelta | None = None
    retries: Retries | None = None
    request_headers: HeaderOperations = field(default_factory=HeaderOperations)
    response_headers: HeaderOperations = field(default_factory=HeaderOperations)


@dataclass(frozen=True, slots=True)
class L4Match:
    """One block of a connection rule's `match`; `sni_hosts` only for TLS."""

    sni_hosts: tuple[str, ...] = ()
    destination_subnets: tuple[str, ...] = ()
    port: int = 0
    source_labels: Labels = frozenset()
    source_namespace: str = ""
    gateways: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class L4Rule:
    """One rule for connections, of TCP or of TLS."""

    match: tuple[L4Match, ...] = ()
    route: tuple[WeightedDestination, ...] = ()
