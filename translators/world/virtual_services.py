"""Which virtual service routes a host's requests for sidecars.

Source: Istio; on sidecars the HTTP rules of virtual services of the same host are not merged. Of
several that cover a host the most specific ones count, and of these the first that has a rule for
the client and port: those that the client's namespace keeps to itself, those that others export to
it by name, those that everyone sees, and the oldest of each first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from translators.database import Index, Reader, query
from translators.kinds.virtual_service import VIRTUAL_SERVICE, VirtualServiceSpec
from translators.model.config_object import ConfigObject
from translators.model.routing import HttpRule, L4Rule
from translators.model.service import ClientScope, Protocol
from translators.model.viewer import Viewer
from translators.object_key import ObjectKey
from translators.world.inputs import as_config_object, index_texts, keys_by_host, objects
from translators.world.matches import concern
from translators.world.visibility import MESH_GATEWAY, Exported, exported, is_wildcard


def meshed(value: object) -> ConfigObject[VirtualServiceSpec] | None:
    """Give the value, if it is a virtual service for sidecars."""
    virtual_service = as_config_object(value, VirtualServiceSpec)
    return (
        virtual_service
        if virtual_service is not None and MESH_GATEWAY in virtual_service.spec.gateways
        else None
    )


def _virtual_service_hosts(value: object) -> Iterable[str]:
    virtual_service = meshed(value)
    return () if virtual_service is None else virtual_service.spec.hosts


def _virtual_service_wildcards(value: object) -> Iterable[str]:
    return filter(is_wildcard, _virtual_service_hosts(value))


VIRTUAL_SERVICE_HOSTS = Index(
    "virtual services by host", VIRTUAL_SERVICE.name, _virtual_service_hosts
)
VIRTUAL_SERVICE_WILDCARDS = Index(
    "virtual services for wildcard hosts", VIRTUAL_SERVICE.name, _virtual_service_wildcards
)


def http_rules(db: Reader, host: str, client: ClientScope, port: int) -> tuple[HttpRule, ...]:
    """The rules for a client's requests to a port of a service, by its full host name, in order.

    They are one virtual service's: the first for the most specific host that has any rule for this
    client and port. Empty when there is none.
    """
    first = next(visible_virtual_services(db, host, client.viewer), ())
    policies = (virtual_service.spec.http for virtual_service in first)
    return next((rules for rules in policies if concern(rules, client, port)), ())


def l4_rules(db: Reader, host: str, viewer: Viewer, protocol: Protocol) -> tuple[L4Rule, ...]:
    """The rules for a client's connections to a full host name, in order.

    Those for TLS or, of other protocols, those for TCP. They are those of all virtual services
    that cover the host: a rule says for itself which connections it is for.
    """
    return tuple(
        rule
        for group in visible_virtual_services(db, host, viewer)
        for virtual_service in group
        for rule in _l4_rules(virtual_service.spec, protocol)
    )


def _l4_rules(spec: VirtualServiceSpec, protocol: Protocol) -> tuple[L4Rule, ...]:
    return spec.tls if protocol is Protocol.TLS else spec.tcp


def visible_virtual_services(
    db: Reader, host: str, viewer: Viewer
) -> Iterator[tuple[ConfigObject[VirtualServiceSpec], ...]]:
    """What a client sees of `virtual_services_of_host`, in the same groups, none of them empty.

    In each: what the client's namespace keeps to itself, what others export to it by name, what
    everyone sees; the oldest first.
    """
    for keys in virtual_services_of_host(db, host):
        visible = [
            (how, virtual_service)
            for virtual_service in objects(db, keys, VirtualServiceSpec)
            if (how := _exported(virtual_service, viewer)) is not None
        ]
        if visible:
            yield tuple(virtual_service for _, virtual_service in sorted(visible, key=_precedence))


def _exported(virtual_service: ConfigObject[VirtualServiceSpec], viewer: Viewer) -> Exported | None:
    export_to = virtual_service.spec.export_to
    return exported(export_to, virtual_service.namespace, viewer.namespace)


def _precedence(
    visible: tuple[Exported, ConfigObject[VirtualServiceSpec]],
) -> tuple[Exported, tuple[str, str, str]]:
    how, virtual_service = visible
    return (how, virtual_service.age)


@query
def virtual_services_of_host(db: Reader, host: str) -> tuple[tuple[ObjectKey, ...], ...]:
    """The keys of all virtual services for the mesh that cover a host, whoever sees them.

    Grouped by the host they name.

    Ordered as `keys_by_host` has it.
    """
    return keys_by_host(db, VIRTUAL_SERVICE_HOSTS, host, _wildcards(db))


@query
def _wildcards(db: Reader) -> frozenset[str]:
    return frozenset(index_texts(db, VIRTUAL_SERVICE_WILDCARDS))
