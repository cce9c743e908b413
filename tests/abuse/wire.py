"""ADS spoken by hand, well or badly: requests in bytes, and the few fields of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc

from translators.resource_types import TYPES
from xds_server.bootstrap import SocketAddress

URLS = {known.short: known.url for known in TYPES}
_SERVICE = "/envoy.service.discovery.v3.AggregatedDiscoveryService/"
DELTA = _SERVICE + "DeltaAggregatedResources"
SOTW = _SERVICE + "StreamAggregatedResources"


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))


def field(number: int, value: str | bytes) -> bytes:
    """A field of text, bytes or a message; nothing when it is empty."""
    data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data if data else b""


def node(node_id: str, metadata: dict[str, str] | None = None) -> bytes:
    """A `Node` as the bootstraps of egress mode say it."""
    texts = {"CHANCERY_MODE": "egress", "NAMESPACE": "default", **(metadata or {})}
    struct = b"".join(
        field(1, field(1, name) + field(2, field(3, text))) for name, text in texts.items()
    )
    return field(1, node_id) + field(3, struct) + field(6, "envoy")


def refusal(words: str) -> bytes:
    """A `google.rpc.Status`."""
    return b"\x08\x0d" + field(2, words)


@dataclass(frozen=True)
class Answer:
    """What of a response a client needs to answer it."""

    url: str
    nonce: str
    version: str
    size_bytes: int


@dataclass(frozen=True)
class Variant:
    """One of the two ways to say things."""

    path: str
    is_delta: bool

    def ask(
        self,
        url: str,
        *,
        node: bytes = b"",
        names: Iterable[str] = (),
        dropped: Iterable[str] = (),
        nonce: str = "",
        version: str = "",
        error: bytes = b"",
    ) -> bytes:
        """A request."""
        listed = b"".join(field(3, name) for name in names)
        if self.is_delta:
            gone = b"".join(field(4, name) for name in dropped)
            about = field(1, node) + field(2, url) + listed + gone
            return about + field(6, nonce) + field(7, error)
        about = field(1, version) + field(2, node) + listed + field(4, url)
        return about + field(5, nonce) + field(6, error)

    def read(self, data: bytes) -> Answer:
        """The fields of a response."""
        texts = {1: b"", 4: b"", 5: b""}
        at = 0
        while at < len(data):
            tag, at = _read_varint(data, at)
            size, at = _read_varint(data, at)
            if tag & 7 == 2:
                if tag >> 3 in texts:
                    texts[tag >> 3] = data[at : at + size]
                at += size
        return Answer(texts[4].decode(), texts[5].decode(), texts[1].decode(), len(data))


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at


BY_DELTA = Variant(DELTA, is_delta=True)
BY_SOTW = Variant(SOTW, is_delta=False)


class Client:
    """One stream. Its answers come from `answers`, and every one is due an ACK or a NACK."""

    def __init__(self, call: grpc.aio.StreamStreamCall, variant: Variant) -> None:
        self._call = call
        self.variant = variant
        self.received = 0
        self._accepted: dict[str, str] = {}

    async def send(self, data: bytes) -> None:
        await self._call.write(data)

    async def subscribe(self, node: bytes, *shorts: str, names: Iterable[str] = ()) -> None:
        """Ask for types, all of each unless names are given."""
        for number, short in enumerate(shorts):
            about = node if number == 0 else b""
            await self.send(self.variant.ask(URLS[short], node=about, names=names))

    async def answers(self) -> AsyncIterator[Answer]:
        """The responses, until the server ends the stream."""
        while (data := await self._call.read()) is not grpc.aio.EOF:
            self.received += 1
            yield self.variant.read(data)

    async def reply(self, answer: Answer, words: str = "", names: Iterable[str] = ()) -> None:
        """ACK it, or with words NACK it."""
        if not words:
            self._accepted[answer.url] = answer.version
        await self.send(
            self.variant.ask(
                answer.url,
                names=() if self.variant.is_delta else names,
                nonce=answer.nonce,
                version=self._accepted.get(answer.url, ""),
                error=refusal(words) if words else b"",
            )
        )


_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
)


@asynccontextmanager
async def stream(address: SocketAddress, variant: Variant) -> AsyncIterator[Client]:
    """A stream on a connection of its own; the server's end of it ends the block quietly."""
    async with grpc.aio.insecure_channel(str(address), options=_OPTIONS) as channel:
        call = channel.stream_stream(variant.path)()
        try:
            yield Client(call, variant)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass
        finally:
            call.cancel()
