"""Each bootstrap is accepted by a real Envoy (or gRPC), which introduces itself as it says."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest
from envoy_data_plane.envoy.config.core.v3 import Node
from envoy_data_plane.envoy.service.discovery.v3 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)

from tests.support.processes.envoy import EnvoyProcess, validate
from tests.support.processes.managed_process import ManagedProcess
from tests.support.processes.ports import free_port
from tests.support.processes.waiting import eventually
from translators.model.locality import Locality
from translators.model.proxy_node import Mode
from xds_server.bootstrap import (
    Address,
    BootstrapOptions,
    PipeAddress,
    SocketAddress,
    parse_address,
    render,
)

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
WEB = BootstrapOptions(
    name="web-0",
    namespace="shop",
    locality=Locality("eu-1", "eu-1a", "rack-7"),
    labels={"app": "web", "motto": 'a "b" $c: #d'},
    instance_ips=("10.0.0.7",),
    inbound={9080: SocketAddress("127.0.0.1", 19080)},
)


@dataclass
class Recorder:
    """A control plane that has nothing, and remembers who asked."""

    nodes: list[Node]
    methods: list[str]

    async def delta(
        self, requests: AsyncIterator[DeltaDiscoveryRequest], _context: object
    ) -> AsyncIterator[DeltaDiscoveryResponse]:
        async for request in requests:
            if request.node is not None and request.node.id:
                self.nodes.append(request.node)
                self.methods.append("delta")
            if not request.response_nonce:
                yield DeltaDiscoveryResponse(type_url=request.type_url, nonce="1")

    async def sotw(
        self, requests: AsyncIterator[DiscoveryRequest], _context: object
    ) -> AsyncIterator[DiscoveryResponse]:
        async for request in requests:
            if request.node is not None and request.node.id:
                self.nodes.append(request.node)
                self.methods.append("sotw")
            if not request.response_nonce:
                yield DiscoveryResponse(type_url=request.type_url, nonce="1", version_info="1")


@asynccontextmanager
async def recording(address: Address) -> AsyncIterator[Recorder]:
    recorder = Recorder([], [])
    handlers = {
        "DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(
            recorder.delta, DeltaDiscoveryRequest.FromString, bytes
        ),
        "StreamAggregatedResources": grpc.stream_stream_rpc_method_handler(
            recorder.sotw, DiscoveryRequest.FromString, bytes
        ),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(str(address))
    await server.start()
    try:
        yield recorder
    finally:
        await server.stop(0)


@pytest.mark.envoy
@pytest.mark.parametrize("mode", [Mode.EGRESS, Mode.CAPTURED])
@pytest.mark.parametrize("is_delta", [True, False], ids=["delta", "sotw"])
@pytest.mark.parametrize(
    "address", ["127.0.0.1:15010", "[::1]:15010", "localhost:15010", "unix:/run/xds.sock"]
)
async def test_envoy_accepts_every_bootstrap(
    mode: Mode, is_delta: bool, address: str, tmp_path: Path
) -> None:
    options = replace(WEB, mode=mode, is_delta=is_delta, control_plane=parse_address(address))
    path = tmp_path / "bootstrap.yaml"
    path.write_text(render(options))
    assert await validate(path) == ""


@pytest.mark.envoy
async def test_envoy_refuses_a_bootstrap_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "bootstrap.yaml"
    path.write_text(render(WEB).replace("api_type:", "api_typo:"))
    assert "api_typo" in await validate(path)


@pytest.mark.envoy
@pytest.mark.parametrize("mode", [Mode.EGRESS, Mode.CAPTURED])
@pytest.mark.parametrize("is_delta", [True, False], ids=["delta", "sotw"])
async def test_envoy_introduces_itself_as_the_bootstrap_says(
    mode: Mode, is_delta: bool, tmp_path: Path
) -> None:
    address = PipeAddress(str(tmp_path / "xds.sock"))
    options = replace(WEB, mode=mode, is_delta=is_delta, control_plane=address)
    async with recording(address) as recorder, EnvoyProcess(options, tmp_path) as envoy:
        await envoy.ready()
        assert recorder.methods == ["delta" if is_delta else "sotw"]
        (node,) = recorder.nodes
    assert node.id == options.node_id
    assert node.locality is not None
    assert (node.locality.region, node.locality.zone, node.locality.sub_zone) == (
        "eu-1",
        "eu-1a",
        "rack-7",
    )
    assert node.metadata is not None
    metadata = node.metadata.to_dict()
    assert metadata["CHANCERY_MODE"] == mode.value
    assert metadata["CHANCERY_INBOUND"] == {"9080": "127.0.0.1:19080"}
    assert metadata["LABELS"] == {"app": "web", "motto": 'a "b" $c: #d'}
    assert metadata["INSTANCE_IPS"] == "10.0.0.7"


@pytest.mark.envoy
async def test_envoy_is_not_ready_before_its_control_plane_and_finds_it_soon(
    tmp_path: Path,
) -> None:
    address = SocketAddress("127.0.0.1", free_port())
    async with EnvoyProcess(replace(WEB, control_plane=address), tmp_path) as envoy:
        await eventually(lambda: envoy.admin("/ready"), "admin pages open")
        await asyncio.sleep(1.5)
        assert "INITIALIZING" in await envoy.admin("/ready")
        async with recording(address):
            await envoy.ready(timeout=4)


async def test_grpc_client_without_proxy_reads_its_bootstrap(tmp_path: Path) -> None:
    address = SocketAddress("127.0.0.1", free_port())
    options = replace(WEB, mode=Mode.PROXYLESS, control_plane=address)
    path = tmp_path / "grpc.json"
    path.write_text(render(options))
    code = "import grpc; c = grpc.insecure_channel('xds:///ratings'); c.unary_unary('/a/b')(b'', timeout=20, wait_for_ready=True)"
    environment = {"GRPC_XDS_BOOTSTRAP": str(path), "HOME": os.environ.get("HOME", "/")}
    client = ManagedProcess([sys.executable, "-c", code], tmp_path / "client.log", env=environment)
    async with recording(address) as recorder:
        await client.start()
        try:

            async def introduced() -> bool:
                return bool(recorder.nodes)

            await eventually(introduced, "the client asks", explain=client.tail)
        finally:
            await client.kill()
    node = recorder.nodes[0]
    assert node.id == "web-0.shop"
    assert recorder.methods[0] == "sotw"
    assert node.metadata is not None
    assert node.metadata.to_dict()["CHANCERY_MODE"] == "proxyless"
