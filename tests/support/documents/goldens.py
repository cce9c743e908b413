"""Golden cases: for whom a mesh is translated, and which of the resources are printed where.

A case is a directory in `tests/golden` with `in.yaml` (the mesh) and maybe `proxies.yaml` (name →
mode, namespace, labels, locality, addresses, inbound, show; without it one captured proxy). What is
made of it is `out/PROXY/TYPE.yaml`, for a reader:

* A resource is printed once: not again where a proxy of the case `every-proxy`, or another one of
  the same case, prints the same bytes.
* A proxy's `show` (type → pattern of names, as a shell has them; without it everything) leaves out
  what is not the point.
* What is not printed is named in `out/PROXY/unprinted.yaml`, below the proxy that prints it or
  below `not shown`, so that nothing comes or goes unseen.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import yaml

from tests.support.documents.proxy_resources import resources
from tests.support.documents.translation import mesh
from translators import names
from translators.codec import render_resource
from translators.database import Database
from translators.model.locality import Locality
from translators.model.proxy_node import Mode, ProxyNode

HERE = Path(__file__).parents[2] / "golden"
CASES = sorted(path.parent.name for path in HERE.glob("*/in.yaml"))
BASE = "every-proxy"
NOT_SHOWN = "not shown"
TYPES = {
    names.CLUSTER_TYPE: "clusters",
    names.ENDPOINT_TYPE: "endpoints",
    names.LISTENER_TYPE: "listeners",
    names.ROUTE_TYPE: "routes",
    names.VIRTUAL_HOST_TYPE: "virtual_hosts",
}


@dataclass(frozen=True, slots=True, eq=False)
class Proxy:
    """A proxy of a case, and what of it is shown: type → pattern of names."""

    node: ProxyNode
    show: Mapping[str, str]

    def shows(self, kind: str, name: str) -> bool:
        """Say whether a resource of this type and name is part of the point."""
        return kind in self.show and fnmatchcase(name, self.show[kind])


class Document(NamedTuple):
    """A resource as YAML; `printed_by` is a CASE/PROXY, not only its own, or `NOT_SHOWN`."""

    kind: str
    name: str
    text: str
    printed_by: str


def database(case: str) -> Database:
    """Give the mesh of a case, not translated yet."""
    return mesh((HERE / case / "in.yaml").read_text())


def proxies(case: str) -> list[Proxy]:
    """Give the proxies of a case, in the order of its file."""
    path = HERE / case / "proxies.yaml"
    written = yaml.safe_load(path.read_text()) if path.exists() else {"captured": {}}
    return [_proxy(name, given or {}) for name, given in written.items()]


@functools.cache
def documents(case: str) -> Mapping[str, list[Document]]:
    """Give proxy → its resources, sorted by type and name, each with the proxy that prints it."""
    db = database(case)
    held = {proxy: list(_texts(db, proxy.node)) for proxy in proxies(case)}
    printed_by = {} if case == BASE else dict(_printed(BASE))
    for proxy, texts in held.items():
        for kind, name, text in texts:
            if proxy.shows(kind, name):
                printed_by.setdefault(text, f"{case}/{proxy.node.name}")
    return {
        proxy.node.name: [
            Document(kind, name, text, printed_by.get(text, NOT_SHOWN))
            for kind, name, text in texts
        ]
        for proxy, texts in held.items()
    }


def files(case: str) -> dict[str, str]:
    """Give the path below `out` → the text of every file that the case is to have."""
    texts = {}
    for proxy, held in documents(case).items():
        here = f"{case}/{proxy}"
        own = [document for document in held if document.printed_by == here]
        for kind in TYPES.values():
            printed = [document.text for document in own if document.kind == kind]
            if printed:
                texts[f"{proxy}/{kind}.yaml"] = "---\n".join(printed)
        unprinted = _unprinted([document for document in held if document.printed_by != here])
        if unprinted:
            texts[f"{proxy}/unprinted.yaml"] = yaml.safe_dump(
                unprinted, default_flow_style=None, sort_keys=False, width=100
            )
    return texts


def _unprinted(elsewhere: list[Document]) -> dict[str, dict[str, list[str]]]:
    """Give type → who prints it → names."""
    told: dict[str, dict[str, list[str]]] = {}
    for document in elsewhere:
        told.setdefault(document.kind, {}).setdefault(document.printed_by, []).append(document.name)
    return told


def _printed(case: str) -> Iterator[tuple[str, str]]:
    """Give the texts that a case prints, each with the proxy that does."""
    for held in documents(case).values():
        for document in held:
            if document.printed_by != NOT_SHOWN:
                yield document.text, document.printed_by


def _texts(db: Database, node: ProxyNode) -> Iterator[tuple[str, str, str]]:
    """Give type, name and YAML of everything that a proxy holds, as its stream would get it."""
    held = resources(db, node, inline=node.mode is Mode.PROXYLESS)
    for url, kind in TYPES.items():
        for resource in held.get(url, ()):
            yield kind, resource.name, render_resource(url, resource.body)


def _proxy(name: str, given: dict[str, object]) -> Proxy:
    fields = dict(given)
    namespace = str(fields.pop("namespace", "default"))
    node = ProxyNode(
        id=f"{name}.{namespace}",
        name=name,
        namespace=namespace,
        mode=Mode(fields.pop("mode", "captured")),
        addresses=tuple(sorted(map(str, _list(fields.pop("addresses", []))))),
        labels=frozenset(_dict(fields.pop("labels", {})).items()),
        locality=Locality.parse(str(fields.pop("locality", ""))),
        inbound=tuple(
            sorted((int(port), to) for port, to in _dict(fields.pop("inbound", {})).items())
        ),
    )
    show = _dict(fields.pop("show", dict.fromkeys(TYPES.values(), "*")))
    assert not fields, f"proxies.yaml does not know {sorted(fields)}"
    assert set(show) <= set(TYPES.values()), f"proxies.yaml shows {sorted(show)}"
    return Proxy(node, show)


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def _dict(value: object) -> dict[str, str]:
    assert isinstance(value, dict)
    return value
