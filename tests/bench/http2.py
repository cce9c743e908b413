"""The least HTTP/2 that a client of one gRPC stream needs.

One connection, one stream, as Envoy opens it for ADS.

It is written to cost little, so that a thousand of them leave the machine to the server that is
measured. What it is sent is taken without ever making the server wait; headers of responses are
skipped, not decoded.

Source: RFC 9113 (frames, flow control), RFC 7541 §6.2.2 (literal header fields), gRPC over HTTP/2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from struct import Struct

_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_ACK, _END_STREAM, _END_HEADERS = 1, 1, 4
_INITIAL_WINDOW_SIZE = 4
_WINDOW_BYTES = (1 << 31) - 1
_DEFAULT_WINDOW = 65_535
_FRAME_BYTES = 16_384

_HEAD = Struct(">BHBBI")
_SETTING = Struct(">HI")
_NUMBER = Struct(">I")
_PREFIX = Struct(">BI")


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return _HEAD.pack(len(body) >> 16, len(body) & 0xFFFF, kind, flags, stream) + body


def _field(name: str, value: str) -> bytes:
    return bytes((0, len(name))) + name.encode() + bytes((len(value),)) + value.encode()


def _opening(path: str) -> bytes:
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "chancery",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    headers = b"".join(_field(name, value) for name, value in fields.items())
    return b"".join(
        (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            _frame(_SETTINGS, 0, 0, _SETTING.pack(_INITIAL_WINDOW_SIZE, _WINDOW_BYTES)),
            _frame(_WINDOW, 0, 0, _NUMBER.pack(_WINDOW_BYTES - _DEFAULT_WINDOW)),
            _frame(_HEADERS, _END_HEADERS, 1, headers),
        )
    )


class GrpcStream(asyncio.Protocol):
    """One bidirectional gRPC stream on a connection of its own.

    Args:
        path: `/package.Service/Method`.
        on_message: Gets each message of the server.
        on_end: Called once, with the reason, when the stream is over.
    """

    def __init__(
        self, path: str, on_message: Callable[[bytes], None], on_end: Callable[[str], None]
    ) -> None:
        self._path = path
        self._on_message = on_message
        self._on_end = on_end
        self._transport: asyncio.WriteTransport | None = None
        self._input = bytearray()
        self._message = bytearray()
        self._unsent = bytearray()
        self._connection_window = _DEFAULT_WINDOW
        self._stream_window = _DEFAULT_WINDOW
        self._peer_initial_window = _DEFAULT_WINDOW
        self._is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(_opening(self._path))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc or "connection closed"))

    def close(self) -> None:
        """End the stream and its connection."""
        self._is_over = True
        if self._transport is not None:
            self._transport.close()

    def send(self, message: bytes) -> None:
        """Send one message, as soon as the server takes it."""
        self._unsent += _PREFIX.pack(0, len(message))
        self._unsent += message
        self._flush()

    def _flush(self) -> None:
        unsent = self._unsent
        frames = []
        while unsent:
            size = min(len(unsent), _FRAME_BYTES, self._connection_window, self._stream_window)
            if size <= 0:
                break
            frames.append(_frame(_DATA, 0, 1, bytes(unsent[:size])))
            del unsent[:size]
            self._connection_window -= size
            self._stream_window -= size
        if frames and self._transport is not None:
            self._transport.write(b"".join(frames))

    def data_received(self, data: bytes) -> None:
        buffer = self._input
        buffer += data
        at, end = 0, len(buffer)
        while end - at >= 9:
            high, low, kind, flags, stream = _HEAD.unpack_from(buffer, at)
            stop = at + 9 + (high << 16 | low)
            if stop > end:
                break
            if kind == _DATA:
                self._message += memoryview(buffer)[at + 9 : stop]
            else:
                self._control(kind, flags, stream, bytes(buffer[at + 9 : stop]))
            at = stop
        del buffer[:at]
        if len(self._message) >= 5:
            self._deliver()

    def _deliver(self) -> None:
        """Hands over the messages that are complete."""
        buffer = self._message
        at, end = 0, len(buffer)
        while end - at >= 5:
            _, size = _PREFIX.unpack_from(buffer, at)
            if at + 5 + size > end:
                break
            message = bytes(memoryview(buffer)[at + 5 : at + 5 + size])
            at += 5 + size
            self._on_message(message)
        del buffer[:at]

    def _control(self, kind: int, flags: int, stream: int, body: bytes) -> None:
        if kind == _SETTINGS and not flags & _ACK:
            self._adapt(body)
            self._write(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            self._write(_frame(_PING, _ACK, 0, body))
        elif kind == _WINDOW:
            size = _NUMBER.unpack(body)[0]
            if stream:
                self._stream_window += size
            else:
                self._connection_window += size
            self._flush()
        elif kind == _HEADERS and flags & _END_STREAM:
            self._end("the server ended the stream")
        elif kind in {_RESET, _GOAWAY}:
            self._end("the server gave the stream up")

    def _adapt(self, body: bytes) -> None:
        """Take over the server's settings."""
        for key, value in _SETTING.iter_unpack(body):
            if key == _INITIAL_WINDOW_SIZE:
                self._stream_window += value - self._peer_initial_window
                self._peer_initial_window = value
        self._flush()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _end(self, reason: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._on_end(reason)
