"""Configuration objects as YAML, for tests that care about one or two of their fields.

Each text ends with the document's end, `---`, so that texts can be joined. `more` is further fields
of the spec, the first of them not indented and further lines by two; ports and rules are in flow
style.
"""

from __future__ import annotations

from collections.abc import Mapping

HTTP = "{number: 80, name: http, protocol: HTTP}"
"""A service entry's port."""
_ISTIO = "networking.istio.io/v1"


def service(
    name: str,
    ports: str = "{name: http, port: 80}",
    *,
    cluster_ip: str = "",
    namespace: str = "default",
    more: str = "",
) -> str:
    """A Service of Kubernetes, without an address of its own unless one is given."""
    address = f"clusterIP: {cluster_ip}" if cluster_ip else ""
    return _document("v1", "Service", name, namespace, "", f"ports: [{ports}]", address, more)


def service_entry(
    name: str,
    hosts: str,
    ports: str = HTTP,
    more: str = "",
    *,
    resolution: str = "STATIC",
    namespace: str = "default",
    created: str = "",
) -> str:
    """A ServiceEntry for hosts, separated by commas; wildcards are quoted by whoever gives them."""
    fields = (f"hosts: [{hosts}]", f"ports: [{ports}]", f"resolution: {resolution}", more)
    return _document(_ISTIO, "ServiceEntry", name, namespace, created, *fields)


def destination_rule(
    name: str,
    host: str,
    more: str = "",
    *,
    subsets: Mapping[str, str] | None = None,
    namespace: str = "default",
    created: str = "",
) -> str:
    """A DestinationRule with subsets by the label `version`: name → version."""
    listed = ", ".join(
        f"{{name: {subset}, labels: {{version: {version}}}}}"
        for subset, version in (subsets or {}).items()
    )
    fields = (f'host: "{host}"', more, f"subsets: [{listed}]")
    return _document(_ISTIO, "DestinationRule", name, namespace, created, *fields)


def virtual_service(
    name: str,
    host: str,
    *rules: str,
    more: str = "",
    namespace: str = "default",
    created: str = "",
) -> str:
    """A VirtualService with HTTP rules for one host."""
    fields = (f'hosts: ["{host}"]', more, f"http: [{', '.join(rules)}]")
    return _document(_ISTIO, "VirtualService", name, namespace, created, *fields)


def _document(
    version: str, kind: str, name: str, namespace: str, created: str, *fields: str
) -> str:
    since = f', creationTimestamp: "{created}"' if created else ""
    spec = "".join(f"  {field}\n" for field in fields if field)
    return f"""\
apiVersion: {version}
kind: {kind}
metadata: {{name: {name}, namespace: {namespace}{since}}}
spec:
{spec}---
"""
