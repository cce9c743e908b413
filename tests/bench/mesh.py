"""A mesh of any size as a directory of YAML, and the edits whose cost is measured.

Every service is a ServiceEntry in a file of its own, with endpoints in three zones; one service in
twenty has two versions and a weighted policy. Beside them stands one Kubernetes service with a
thousand endpoints in ten slices.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

NAMESPACE = "default"
ZONES = 3
_POLICY_EVERY = 20
_LARGE_SLICES = 10
_SLICE_ENDPOINTS = 100

_PLAIN = re.compile(r"[A-Za-z][\w./-]*|(?:\d+\.){3}\d+")

Document = Mapping[str, object]


class Mesh:
    """One directory with some services; its edits go to and fro between two states.

    Attributes:
        directory: Where the files are.
        services: How many services there are, without the large one.
        endpoints: How many endpoints each has.
    """

    def __init__(self, directory: Path, services: int, endpoints: int) -> None:
        self.directory = directory
        self.services = services
        self.endpoints = endpoints
        # One with a policy would take two clusters more along.
        self._edited = services // 2 + 1
        self._flips: dict[str, int] = {}

    def write(self) -> None:
        """Write all files."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for number in range(self.services):
            self._save(f"service-{number}", service(number, self.endpoints))
            if number % _POLICY_EVERY == 0:
                self._save(f"policy-{number}", *policy(number, 80))
        self._save("large", large_service())
        for number in range(_LARGE_SLICES):
            self._save(f"large-{number}", large_slice(number, _SLICE_ENDPOINTS))

    def change_endpoint(self) -> None:
        """Give one service an endpoint more, or take it away again."""
        count = self.endpoints + self._flip("endpoint")
        self._save(f"service-{self._edited}", service(self._edited, count))

    def change_large_endpoint(self) -> None:
        """Take one of a thousand endpoints away from a service, or give it back."""
        self._save("large-0", large_slice(0, _SLICE_ENDPOINTS - self._flip("large")))

    def change_weight(self) -> None:
        """Move a tenth of one service's requests from one version to the other, or back."""
        self._save("policy-0", *policy(0, 80 + 10 * self._flip("weight")))

    def add_service(self) -> None:
        """Add a service with its endpoints."""
        self._save("added", service(self.services, self.endpoints))

    def remove_service(self) -> None:
        """Take away the service that was added."""
        (self.directory / "added.yaml").unlink()

    def _flip(self, what: str) -> int:
        """1 and 0 in turns."""
        self._flips[what] = 1 - self._flips.get(what, 0)
        return self._flips[what]

    def _save(self, name: str, *documents: Document) -> None:
        """Replace a file as an editor does: all at once."""
        text = "---\n".join(to_yaml(document) for document in documents)
        draft = self.directory / f".{name}.draft"
        draft.write_text(text)
        os.replace(draft, self.directory / f"{name}.yaml")  # noqa: PTH105


def host(number: int) -> str:
    """The name of a service."""
    return f"service-{number}.bench.internal"


def service(number: int, endpoints: int) -> Document:
    """One service; half of its endpoints are of version v1, half of v2."""
    addresses = [
        {
            "address": f"10.{number >> 8 & 255}.{number & 255}.{each}",
            "labels": {"app": f"service-{number}", "version": f"v{each % 2 + 1}"},
            "locality": _locality(each),
        }
        for each in range(endpoints)
    ]
    spec = {
        "hosts": [host(number)],
        "location": "MESH_INTERNAL",
        "resolution": "STATIC",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8080}],
        "endpoints": addresses,
    }
    return _istio("ServiceEntry", f"service-{number}", spec)


def policy(number: int, weight: int) -> tuple[Document, Document]:
    """Two versions of a service, and how its requests are shared out.

    So much to v1, the rest to v2.
    """
    subsets = [
        {"name": version, "labels": {"version": version}}
        for version in ("v1", "v2")
    ]  # fmt: skip
    route = [
        {"destination": {"host": host(number), "subset": version}, "weight": share}
        for version, share in (("v1", weight), ("v2", 100 - weight))
    ]
    name = f"service-{number}"
    return (
        _istio("DestinationRule", name, {"host": host(number), "subsets": subsets}),
        _istio("VirtualService", name, {"hosts": [host(number)], "http": [{"route": route}]}),
    )


def large_service() -> Document:
    """The service whose endpoints are in slices."""
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "large", "namespace": NAMESPACE},
        "spec": {"selector": {"app": "large"}, "ports": ports},
    }


def large_slice(number: int, endpoints: int) -> Document:
    """Some of the endpoints of the large service."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"large-{number}",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": "large"},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [
            {"addresses": [f"10.255.{number}.{each}"], "zone": f"z{each % ZONES}"}
            for each in range(endpoints)
        ],
    }


def _istio(kind: str, name: str, spec: Document) -> Document:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


def _locality(number: int) -> str:
    return f"r1/z{number % ZONES}"


def to_yaml(value: object, indent: str = "") -> str:
    """A value in block style, as people write it; much faster than a general YAML writer."""
    lines: list[str] = []
    _write(value, indent, lines)
    return "\n".join(lines) + "\n"


def _write(value: object, indent: str, lines: list[str], first: str = "") -> None:
    """Append the lines of a value; `first` goes before the first of them instead of the indent."""
    start = first or indent
    if isinstance(value, Mapping):
        for key, each in value.items():
            if isinstance(each, (Mapping, list)) and each:
                lines.append(f"{start}{key}:")
                _write(each, indent + "  ", lines)
            else:
                lines.append(f"{start}{key}: {_scalar(each)}")
            start = indent
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, Mapping) and each:
                _write(each, indent + "  ", lines, f"{indent}- ")
            else:
                lines.append(f"{indent}- {_scalar(each)}")


def _scalar(value: object) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value)
