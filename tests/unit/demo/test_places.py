"""The demo finds a place where nothing is in its way, or says what is."""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack
from itertools import islice

import pytest

from xds_server.demo import places
from xds_server.demo.errors import DemoError
from xds_server.demo.topology import BACKENDS, NETWORK

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other loopback networks than 127.0.0.1"
)


def listener(host: str, port: int = 0) -> socket.socket:
    return socket.create_server((host, port))


def test_taken_address_moves_the_demo_to_another_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_NETWORKS", ("127.8.1", "127.8.2"))
    workload = BACKENDS[2]
    with listener(workload.address("127.8.1"), workload.port):
        assert places.find_network() == "127.8.2"
    assert places.find_network() == "127.8.1"


def test_taken_everywhere_names_the_first_place_and_how_to_find_the_culprit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "_NETWORKS", ("127.8.3", "127.8.4"))
    workload = BACKENDS[0]
    with ExitStack() as stack:
        for network in ("127.8.3", "127.8.4"):
            stack.enter_context(listener(workload.address(network), workload.port))
        with pytest.raises(DemoError) as refused:
            places.find_network()
    assert f"{workload.address('127.8.3')}:{workload.port} is taken" in str(refused.value)
    assert "ss -ltnp" in str(refused.value)


def test_network_that_is_not_this_machine_s_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_NETWORKS", ("192.0.2",))
    with pytest.raises(DemoError, match="ifconfig lo0 alias"):
        places.find_network()


def test_addresses_of_the_examples_come_first() -> None:
    assert places._NETWORKS[0] == NETWORK


def test_free_ports_are_free_and_differ() -> None:
    ports = list(islice(places.free_ports(), 20))
    assert len(set(ports)) == 20
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(listener("127.0.0.1", port))
        assert not set(islice(places.free_ports(), 20)) & set(ports)


def test_missing_envoy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_packed_envoy", lambda: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DemoError, match=r"chancery\[demo\]"):
        places.find_envoy()
