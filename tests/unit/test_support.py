"""The tests' own tools tell the truth.

Load counts every failure, servers fail when told to, waiting gives up.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import grpc
import pytest

from tests.support.processes.load import load
from tests.support.processes.managed_process import ManagedProcess
from tests.support.processes.ports import free_port
from tests.support.processes.upstreams import (
    GrpcUpstream,
    HttpUpstream,
    Instance,
    TcpUpstream,
    grpc_say,
)
from tests.support.processes.waiting import eventually


async def test_load_counts_answers_by_instance_version_and_zone() -> None:
    async with (
        HttpUpstream(Instance("a", "v1", "z1")) as upstream,
        load(upstream.instance.port, "any") as running,
    ):
        window = await running.window(50)
    assert window.failures == []
    assert window.instances["a"] == window.versions["v1"] == window.zones["z1"] == window.total
    assert upstream.instance.requests == running.total


async def test_load_records_errors_and_refused_connections() -> None:
    async with (
        HttpUpstream(Instance("a")) as upstream,
        load(upstream.instance.port, "any", keep_alive=False) as running,
    ):
        await running.seen(10)
        assert running.failures == []
        upstream.behaviour.status = 503
        window = await running.window(10)
        assert len(window.failures) == window.total
        assert "503 from a" in window.failures[0].reason
        await upstream.refuse()
        window = await running.window(10)
        assert len(window.failures) == window.total
        upstream.behaviour.status = 200
        await upstream.accept()
        assert (await running.window(10)).failures == []
    assert f"of {running.total} failed" in running.report()


async def test_slow_answer_fails_by_the_load_s_timeout() -> None:
    async with HttpUpstream(Instance("a")) as upstream:
        upstream.behaviour.delay = 1.0
        async with load(upstream.instance.port, "any", timeout=0.1) as running:
            await running.seen(4)
    assert len(running.failures) == running.total


async def test_grpc_server_says_who_it_is_and_fails_when_told() -> None:
    async with GrpcUpstream(Instance("g", "v2", "z")) as upstream:
        said = await grpc_say(upstream.instance.address, "any")
        assert said == {"instance": "g", "version": "v2", "zone": "z"}
        upstream.behaviour.status = 503
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await grpc_say(upstream.instance.address, "any")
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_tcp_server_greets_and_echoes() -> None:
    async with TcpUpstream(Instance("t")) as upstream:
        reader, writer = await asyncio.open_connection("127.0.0.1", upstream.instance.port)
        assert b'"instance": "t"' in await reader.readline()
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        writer.close()


async def test_waiting_says_what_was_awaited_and_what_was_seen_last() -> None:
    async def never() -> bool:
        raise ValueError("not yet")

    with pytest.raises(AssertionError, match=r"the impossible: not within 0.2 s; last: .*not yet"):
        await eventually(never, "the impossible", timeout=0.2)


async def test_process_is_frozen_thawed_and_ended(tmp_path: Path) -> None:
    process = ManagedProcess(["sh", "-c", "echo hello; exec sleep 60"], tmp_path / "log")
    await process.start()
    stat = Path(f"/proc/{process.pid}/stat")

    async def said() -> bool:
        return "hello" in process.log()

    await eventually(said, "it speaks")
    process.freeze()
    await asyncio.sleep(0.05)
    assert stat.read_text().rsplit(")", 1)[1].split()[0] == "T"
    process.thaw()
    await process.stop()
    assert not process.is_running
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_ports_are_not_handed_out_twice() -> None:
    assert len({free_port() for _ in range(50)}) == 50
