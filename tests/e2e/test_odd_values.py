"""What validation passes, Envoy takes: odd values in every field of every kind.

A document that validates is translated, and what is made of it is put to a real Envoy. Resources
that are made of several documents alike are put once. Many go into one bootstrap, and only when
Envoy refuses that are the guilty ones looked for.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from envoy_data_plane.envoy.config.bootstrap.v3 import Bootstrap, BootstrapStaticResources
from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    HeaderValue,
    HeaderValueOption,
    SocketAddress,
)
from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    Route,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)

from tests.support.documents.odd_values import PROXY, mesh_documents, variants
from tests.support.documents.proxy_resources import resources
from tests.support.processes.static_envoy import (
    as_cluster,
    bootstrap,
    pipe,
    table_listener,
    validate,
    with_routes_inline,
)
from translators import names
from translators.codec import decode, encode, field_number
from translators.codec.wire import delimited, string
from translators.database import Database
from translators.kinds.registry import parse
from translators.kinds.schema.substitutions import COMMANDS, wrong_substitutions
from translators.model.config_object import ConfigObject
from translators.model.resource import Resource
from translators.world import INDEXES

pytestmark = [pytest.mark.envoy, pytest.mark.slow]
AT_ONCE = 400
ELSEWHERE = (r"EndpointSlice .*: 15006",)
"""What passes validation and is not right yet."""
JUDGED = (names.CLUSTER_TYPE, names.ENDPOINT_TYPE, names.LISTENER_TYPE, names.ROUTE_TYPE)


@dataclass(frozen=True, slots=True, eq=False)
class Suspect:
    """What Envoy is to judge, and the first document that made it."""

    resource: Resource
    what: str


class _NoRoutes(Mapping[str, RouteConfiguration]):
    """A table for whatever name; route configurations are judged apart from their listeners."""

    def __getitem__(self, name: str) -> RouteConfiguration:
        return RouteConfiguration(name=name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


_STATIC_RESOURCES = field_number(Bootstrap, "static_resources")
_LISTENERS = field_number(BootstrapStaticResources, "listeners")
_CLUSTERS = field_number(BootstrapStaticResources, "clusters")


def test_envoy_takes_whatever_validates(envoy_path: Path, tmp_path: Path) -> None:
    suspects, raised = _suspects()
    assert len(suspects) > 1000
    addresses: set[bytes] = set()
    parts = [
        (suspect, _part(number, suspect.resource, addresses))
        for number, suspect in enumerate(suspects)
    ]
    refused: list[str] = []
    for start in range(0, len(suspects), AT_ONCE):
        refused += _refused(envoy_path, tmp_path, parts[start : start + AT_ONCE])
    assert not raised, "\n".join(raised)
    assert not refused, "\n".join(refused)


def test_envoy_knows_every_substitution(envoy_path: Path, tmp_path: Path) -> None:
    values = [command.example for command in COMMANDS.values()]
    validate(envoy_path, _answering_with(values), tmp_path)


@pytest.mark.parametrize("value", ["%", "%FOO%", "%REQ(a b)%", "%PROTOCOL(x)%", "%START_TIME(%n)%"])
def test_what_is_no_substitution_to_us_is_none_to_envoy(
    envoy_path: Path, tmp_path: Path, value: str
) -> None:
    assert wrong_substitutions(value)
    with pytest.raises(AssertionError, match="Envoy rejects"):
        validate(envoy_path, _answering_with([value]), tmp_path)


def _answering_with(values: list[str]) -> bytes:
    """Give a bootstrap whose answers have headers of these values."""
    route = Route(
        match=RouteMatch(prefix="/"),
        direct_response=DirectResponseAction(status=200),
        response_headers_to_add=[
            HeaderValueOption(header=HeaderValue(key=f"x-{i}", value=value))
            for i, value in enumerate(values)
        ],
    )
    host = VirtualHost(name="*", domains=["*"], routes=[route])
    table = encode(RouteConfiguration(name="x", virtual_hosts=[host]))
    body = table_listener("x", pipe(Path("/nonexistent/x.sock")), table)
    return bootstrap((), ()) + delimited(_STATIC_RESOURCES, delimited(_LISTENERS, body))


def _suspects() -> tuple[list[Suspect], list[str]]:
    """Give what is made of all that validates, each once, and what could not be translated."""
    db = Database(INDEXES)
    mesh: list[ConfigObject[object]] = []
    for document in mesh_documents():
        config = parse(document).object
        assert config is not None
        mesh.append(config)
        db.set(config.key, config, 1)
    seen: set[bytes] = set()
    suspects = list(_unseen(db, "the mesh", seen))
    raised: list[str] = []
    for revision, variant in enumerate(variants(), 2):
        if any(re.search(pattern, variant.what) for pattern in ELSEWHERE):
            continue
        usual = mesh[variant.number]
        try:
            config = parse(variant.document).object
            if config is None or config == usual:
                continue
            with _in_its_place(db, config, usual, revision):
                suspects += _unseen(db, variant.what, seen)
        except Exception as error:
            raised.append(f"{variant.what}: {error!r}")
    return suspects, raised


@contextlib.contextmanager
def _in_its_place(
    db: Database, config: ConfigObject[object], usual: ConfigObject[object], revision: int
) -> Iterator[None]:
    """Have an object in the place of the usual one, which may be another name's."""
    if config.key != usual.key:
        db.remove(usual.key, revision)
    db.set(config.key, config, revision)
    try:
        yield
    finally:
        if config.key != usual.key:
            db.remove(config.key, revision)
        db.set(usual.key, usual, revision)


def _unseen(db: Database, what: str, seen: set[bytes]) -> Iterator[Suspect]:
    held = resources(db, PROXY, inline=True)
    for one in (resource for url in JUDGED for resource in held[url]):
        if one.body not in seen:
            seen.add(one.body)
            yield Suspect(one, what)


def _refused(envoy: Path, workdir: Path, parts: Sequence[tuple[Suspect, bytes]]) -> list[str]:
    """Give what Envoy says of each resource that it refuses, found by halves."""
    try:
        validate(envoy, bootstrap((), ()) + b"".join(part for _, part in parts), workdir)
    except AssertionError as error:
        if len(parts) == 1:
            ((suspect, _),) = parts
            return [f"{suspect.what}: {suspect.resource.name}: {str(error)[-400:]}"]
        half = len(parts) // 2
        first = _refused(envoy, workdir, parts[:half])
        return first + _refused(envoy, workdir, parts[half:])
    return []


def _part(number: int, judged: Resource, addresses: set[bytes]) -> bytes:
    """Give a resource as a part of an encoded bootstrap, under a name of its own.

    A listener keeps its address unless an earlier one has that. What is appended to a message wins
    over what it says of the same field.
    """
    name = f"suspect {number}"
    match judged.type_url:
        case names.LISTENER_TYPE:
            listener = with_routes_inline(decode(Listener, judged.body), _NoRoutes())
            assert listener.address is not None
            if encode(listener.address) in addresses:
                free = SocketAddress(address="127.0.0.1", port_value=20000 + number)
                listener.address = Address(socket_address=free)
            addresses.add(encode(listener.address))
            body = encode(listener) + string(field_number(Listener, "name"), name)
        case names.ROUTE_TYPE:
            nowhere = pipe(Path(f"/nonexistent/{number}.sock"))
            body = table_listener(name, nowhere, judged.body)
        case names.ENDPOINT_TYPE:
            body = as_cluster(judged).body + string(field_number(Cluster, "name"), name)
        case _:
            body = judged.body + string(field_number(Cluster, "name"), name)
    is_listener = judged.type_url in (names.LISTENER_TYPE, names.ROUTE_TYPE)
    return delimited(_STATIC_RESOURCES, delimited(_LISTENERS if is_listener else _CLUSTERS, body))
