"""The conditions of a VirtualService's match blocks that are decided while translating.

On the client and on the port.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/ (HTTPMatchRequest,
TLSMatchAttributes, L4MatchAttributes).
"""

from __future__ import annotations

from translators.model.routing import HttpMatch, HttpRule, L4Match, L4Rule
from translators.model.service import ClientScope
from translators.world.visibility import MESH_GATEWAY


def concern(
    rules: tuple[HttpRule, ...] | tuple[L4Rule, ...], client: ClientScope, port: int
) -> bool:
    """Whether any of these rules is for the client and port; one without matches is for all."""
    return any(
        not rule.match or any(applies(match, client, port) for match in rule.match)
        for rule in rules
    )


def concern_everybody(rules: tuple[HttpRule, ...]) -> bool:
    """Whether one of these rules is for every client on every port."""
    return any(not rule.match or any(map(_is_for_everybody, rule.match)) for rule in rules)


def _is_for_everybody(match: HttpMatch) -> bool:
    if match.port:
        return False
    if match.gateways:
        return MESH_GATEWAY in match.gateways
    return not match.source_namespace and not match.source_labels


def applies(match: HttpMatch | L4Match, client: ClientScope, port: int) -> bool:
    """Whether the conditions on client and port hold.

    A block that names gateways ignores the client's.
    """
    if match.port not in (0, port):
        return False
    if match.gateways:
        return MESH_GATEWAY in match.gateways
    if match.source_namespace not in ("", client.viewer.namespace):
        return False
    return match.source_labels <= client.labels
