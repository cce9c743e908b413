"""The listeners for what a workload sends, by mode."""

from __future__ import annotations

from translators import names
from translators.database import Reader, query
from translators.listeners.captured import captured_listener, captured_names, virtual_outbound
from translators.listeners.egress import egress_listener
from translators.listeners.proxyless import proxyless_listener, proxyless_names
from translators.model.proxy_node import Mode
from translators.model.resource import Resource
from translators.model.service import ClientScope


@query
def listener_names(db: Reader, client: ClientScope, mode: Mode, bucket: int) -> tuple[str, ...]:
    """The names of a client's outbound listeners that hosts in a bucket give rise to, sorted.

    Others may share them.

    A listener that there is without any host is in bucket 0.
    """
    if mode is Mode.EGRESS:
        return (names.EGRESS_LISTENER,) if bucket == 0 else ()
    if mode is Mode.PROXYLESS:
        return proxyless_names(db, client, bucket)
    return captured_names(db, client, bucket)


@query
def listener(db: Reader, client: ClientScope, mode: Mode, name: str, egress_port: int) -> Resource:
    """One of the outbound listeners, by its name; `egress_port` matters in egress mode only."""
    if mode is Mode.EGRESS:
        return egress_listener(db, egress_port)
    if mode is Mode.PROXYLESS:
        return proxyless_listener(db, client, name)
    if name == names.VIRTUAL_OUTBOUND:
        return virtual_outbound(db)
    return captured_listener(db, client, name)
