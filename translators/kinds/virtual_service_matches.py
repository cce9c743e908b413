"""The match blocks of a VirtualService: which requests and connections a rule is about."""

from __future__ import annotations

from typing import Final

from translators.kinds.field_path import Path
from translators.kinds.field_types import LABELS, PORT, REGEX, SUBNET, TEXTS, is_host, text_where
from translators.kinds.findings import Findings
from translators.kinds.schema import (
    BOOLEAN,
    TEXT,
    Field,
    checked,
    list_of,
    map_of,
    optional,
    record,
    unsupported,
)
from translators.model.routing import HttpMatch, MatchKind, TextMatch

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


TEXT_MATCH: Final = record(
    _text_match,
    {
        "exact": optional("exact", TEXT),
        "prefix": optional("prefix", TEXT),
        "regex": optional("regex", REGEX),
    },
    exclusive=(("exact", "prefix", "regex"),),
)


def _without_pseudo(value: object, path: Path, findings: Findings) -> object:
    """Drops what is not a header; Istio ignores these names in a match's headers."""
    kept: list[object] = []
    for name, match in value if isinstance(value, tuple) else ():
        if name in _PSEUDO_NAMES:
            findings.warning((path, name), f"is no header; use the field {name} of the match")
        elif name.startswith("@request.auth.claims"):
            findings.unsupported((path, name), "matching JWT claims is not supported yet")
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


_HEADERS: Final = checked(map_of(TEXT_MATCH, name=_CLAIM_OR_HEADER), _without_pseudo)


def only_mesh(value: object, path: Path, findings: Findings) -> object:
    """Only the mesh itself is served; other gateways are reported."""
    for i, gateway in enumerate(value if isinstance(value, tuple) else ()):
        if gateway != "mesh":
            findings.unsupported(
                (path, i), "gateways are not supported yet; only mesh, the sidecars"
            )
    return value


GATEWAYS: Final = checked(TEXTS, only_mesh)

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
        "queryParams": optional("query_params", map_of(TEXT_MATCH)),
        "port": optional("port", PORT),
        "sourceLabels": optional("source_labels", LABELS),
        "sourceNamespace": optional("source_namespace", TEXT),
        "gateways": optional("gateways", GATEWAYS),
        "statPrefix": unsupported("the rule's name appears in the proxy's logs", harmless=("",)),
    },
)


_SUBNETS: Final = list_of(SUBNET)
SNI_HOST: Final = text_where(lambda text: text == "*" or is_host(text), "a host name")
L4_MATCH_FIELDS: Final[dict[str, Field]] = {
    "destinationSubnets": optional("destination_subnets", _SUBNETS),
    "port": optional("port", PORT),
    "sourceLabels": optional("source_labels", LABELS),
    "sourceNamespace": optional("source_namespace", TEXT),
    "gateways": optional("gateways", GATEWAYS),
}
