"""The match blocks of a VirtualService: which requests and connections a rule is about."""

from __future__ import annotations

from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.schema.context import Context, Invalid
from translators.kinds.schema.field_types import (
    LABELS,
    PORT,
    REGEX,
    SUBNET,
    is_dns_label,
    is_host,
)
from translators.kinds.schema.record import optional, record, unsupported
from translators.kinds.schema.shape import (
    BOOLEAN,
    TEXT,
    Field,
    checked,
    converted,
    list_of,
    map_of,
    text_as,
    text_spelled,
    text_where,
)
from translators.model.addresses import normal_address
from translators.model.hosts import is_partial_wildcard, normal_host
from translators.model.routing import HttpMatch, MatchKind, TextMatch

MAX_PARAMETER_BYTES: Final = 1024
"""Source: config.route.v3.QueryParameterMatcher."""
MESH: Final = "mesh"
"""The gateway that stands for all sidecars."""
_PSEUDO_NAMES: Final = frozenset(("uri", "scheme", "method", "authority"))


def _text_match(
    exact: str | None = None, prefix: str | None = None, regex: str | None = None
) -> TextMatch:
    if exact is not None:
        return TextMatch(MatchKind.EXACT, exact)
    if prefix is not None:
        return TextMatch(MatchKind.PREFIX, prefix)
    if regex is None or regex == "*":
        return TextMatch(MatchKind.PRESENT)
    return TextMatch(MatchKind.REGEX, regex)


def _filled_prefix(text: str, path: Path, context: Context) -> str | Invalid:
    if not text:
        return context.error(path, "is empty, which Envoy does not take; leave it out for any text")
    return text


def _match_regex(text: str, path: Path, context: Context) -> str | Invalid:
    """Give the expression; Istio reads a lone star as any text."""
    return text if text == "*" else REGEX.parse(text, path, context)


TEXT_MATCH: Final = record(
    _text_match,
    {
        "exact": optional("exact", TEXT),
        "prefix": optional("prefix", text_as(_filled_prefix)),
        "regex": optional("regex", text_as(_match_regex)),
    },
    exclusive=(("exact", "prefix", "regex"),),
)


def _without_pseudo(
    matches: tuple[tuple[str, TextMatch], ...], path: Path, context: Context
) -> tuple[tuple[str, TextMatch], ...]:
    """Drop what is not a header; Istio ignores these names in a match's headers."""
    kept: list[tuple[str, TextMatch]] = []
    for name, match in matches:
        if name in _PSEUDO_NAMES:
            context.warning((path, name), f"is no header; use the field {name} of the match")
        elif name.startswith("@request.auth.claims"):
            context.unsupported((path, name), "matching JWT claims is not supported yet")
        else:
            kept.append((name, match))
    return tuple(kept)


_CLAIM_OR_HEADER: Final = text_where(
    lambda text: (
        text.startswith("@request.auth.claims") or text in _PSEUDO_NAMES or _is_header(text)
    ),
    "a header's name",
)


def _is_header(text: str) -> bool:
    return (
        bool(text) and text.isascii() and text.isprintable() and not set(text) & set(' ,;"()[]{}')
    )


_HEADERS: Final = converted(map_of(TEXT_MATCH, name=_CLAIM_OR_HEADER), _without_pseudo)


_PARAMETER: Final = text_where(
    lambda text: 0 < len(text.encode()) <= MAX_PARAMETER_BYTES,
    f"a parameter's name, at most {MAX_PARAMETER_BYTES} bytes",
)


def only_mesh(gateways: tuple[str, ...], path: Path, context: Context) -> None:
    """Tell of gateways other than the mesh itself, which are not served."""
    for i, gateway in enumerate(gateways):
        if gateway != MESH:
            context.unsupported(
                (path, i), "gateways are not supported yet; only mesh, the sidecars"
            )


def _is_gateway(text: str) -> bool:
    namespace, slash, name = text.rpartition("/")
    if slash:
        return (namespace == "." or is_dns_label(namespace)) and is_dns_label(name)
    return is_host(name) and "*" not in name


GATEWAY: Final = text_where(_is_gateway, "mesh, the name of a gateway, or its namespace/name")
GATEWAYS: Final = checked(list_of(GATEWAY), only_mesh)

HTTP_MATCH: Final = record(
    HttpMatch,
    {
        "name": optional("name", TEXT),
        "uri": optional("uri", TEXT_MATCH),
        "ignoreUriCase": optional("ignore_uri_case", BOOLEAN),
        "scheme": optional("scheme", TEXT_MATCH),
        "method": optional("method", TEXT_MATCH),
        "authority": optional("authority", TEXT_MATCH),
        "headers": optional("headers", _HEADERS),
        "withoutHeaders": optional("without_headers", _HEADERS),
        "queryParams": optional("query_params", map_of(TEXT_MATCH, name=_PARAMETER)),
        "port": optional("port", PORT),
        "sourceLabels": optional("source_labels", LABELS),
        "sourceNamespace": optional("source_namespace", TEXT),
        "gateways": optional("gateways", GATEWAYS),
        "statPrefix": unsupported("the rule's name appears in the proxy's logs", harmless=("",)),
    },
)


_SUBNETS: Final = list_of(SUBNET)


def _server_name(text: str) -> str | None:
    if text == "*" or (is_host(text) and not is_partial_wildcard(text)):
        return normal_host(text)
    return normal_address(text)


SNI_HOST: Final = text_spelled(
    _server_name, "a host name, maybe with a wildcard for whole labels (*.example.com)"
)
L4_MATCH_FIELDS: Final[dict[str, Field]] = {
    "destinationSubnets": optional("destination_subnets", _SUBNETS),
    "port": optional("port", PORT),
    "sourceLabels": optional("source_labels", LABELS),
    "sourceNamespace": optional("source_namespace", TEXT),
    "gateways": optional("gateways", GATEWAYS),
}
