"""Golden directories: a mesh and proxies in, every resource of each proxy out, as YAML; and a real Envoy accepts them.

A case is a directory with ``in.yaml`` (the mesh), maybe ``proxies.yaml`` (name → mode, namespace, labels, locality, addresses,
inbound; without it one captured proxy) and ``out/PROXY/TYPE.yaml``. Cases are found by their ``in.yaml``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment

from tests.support.proxy_resources import resources
from tests.support.static_envoy import validate_resources
from tests.support.translation import mesh
from translators import names
from translators.codec import decode, encode, render_resource
from translators.model.locality import Locality
from translators.model.proxy_node import Mode, ProxyNode
from translators.model.resource import Resource, resource

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/in.yaml"))
FILES = {
    names.CLUSTER_TYPE: "clusters.yaml",
    names.ENDPOINT_TYPE: "endpoints.yaml",
    names.LISTENER_TYPE: "listeners.yaml",
    names.ROUTE_TYPE: "routes.yaml",
    names.VIRTUAL_HOST_TYPE: "virtual_hosts.yaml",
}
RERUN = "if this is meant: pytest tests/golden --update-goldens, and read the diff"


def proxies(case: str) -> list[ProxyNode]:
    """The proxies of a case."""
    path = HERE / case / "proxies.yaml"
    written = yaml.safe_load(path.read_text()) if path.exists() else {"captured": {}}
    return [_proxy(name, given or {}) for name, given in written.items()]


def _proxy(name: str, given: dict[str, object]) -> ProxyNode:
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
    assert not fields, f"proxies.yaml does not know {sorted(fields)}"
    return node


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def _dict(value: object) -> dict[str, str]:
    assert isinstance(value, dict)
    return value


def rendered(case: str) -> dict[str, str]:
    """``PROXY/TYPE.yaml`` → its text, for every type of which the proxy has resources."""
    db = mesh((HERE / case / "in.yaml").read_text())
    found = {}
    for node in proxies(case):
        for url, items in resources(db, node, inline=node.mode is Mode.PROXYLESS).items():
            if items:
                text = "---\n".join(render_resource(url, one.body) for one in items)
                found[f"{node.name}/{FILES[url]}"] = text
    return found


@pytest.mark.parametrize("case", CASES)
def test_translation_is_as_written(case: str, update_goldens: bool) -> None:
    out = HERE / case / "out"
    wanted = rendered(case)
    if update_goldens:
        shutil.rmtree(out, ignore_errors=True)
        for name, text in wanted.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return
    known = {str(path.relative_to(out)) for path in out.glob("*/*")}
    assert known == set(wanted), f"other files in {out} than there should be; {RERUN}"
    for name, text in wanted.items():
        assert (out / name).read_text() == text, f"{out / name} differs; {RERUN}"


@pytest.mark.envoy
@pytest.mark.parametrize("case", CASES)
def test_envoy_accepts_it(case: str, envoy_path: Path, tmp_path: Path) -> None:
    db = mesh((HERE / case / "in.yaml").read_text())
    for node in proxies(case):
        found = resources(db, node, inline=True)
        assignments = [_as_cluster(one) for one in found[names.ENDPOINT_TYPE]]
        is_envoy = node.mode is not Mode.PROXYLESS
        validate_resources(
            envoy_path,
            tmp_path / node.name,
            clusters=[*found[names.CLUSTER_TYPE], *assignments],
            listeners=found[names.LISTENER_TYPE] if is_envoy else (),
            routes=found[names.ROUTE_TYPE],
        )


def _as_cluster(assignment: Resource) -> Resource:
    """A static cluster with these endpoints: how Envoy checks a ClusterLoadAssignment without a control plane."""
    message = decode(ClusterLoadAssignment, assignment.body)
    name = f"endpoints of {assignment.name}"
    message.cluster_name = name
    cluster = Cluster(name=name, type=ClusterDiscoveryType.STATIC, load_assignment=message)
    return resource(names.CLUSTER_TYPE, name, encode(cluster))
