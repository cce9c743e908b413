"""``networking.istio.io VirtualService``: how requests to hosts are routed.

Hosts are stored as written in full: short names are completed with the object's namespace while parsing.
"""

from __future__ import annotations

from dataclasses import dataclass

from translators.model.routing import HttpRule, L4Rule


@dataclass(frozen=True, slots=True)
class VirtualServiceSpec:
    """Hosts in full, in the order written; ``gateways`` default ``("mesh",)``; ``export_to`` empty means everyone."""

    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ("mesh",)
    http: tuple[HttpRule, ...] = ()
    tls: tuple[L4Rule, ...] = ()
    tcp: tuple[L4Rule, ...] = ()
    export_to: tuple[str, ...] = ()
