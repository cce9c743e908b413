"""The discovery protocol's messages, read and written as bytes.

No message object exists on this path.

Requests are scanned for the fields that a server reads; lists of names go through a memo shared by
all streams. Responses are joined from resources that are encoded already, and a response that many
streams take is finished for each of them by appending its nonce: protobuf leaves the order of
fields free, so the nonce may come last.

Source: envoy/service/discovery/v3/discovery.proto, envoy/config/core/v3/base.proto (field numbers).
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from translators.codec.errors import DecodeError
from translators.codec.memo import RunMemo
from translators.codec.packing import any_bytes
from translators.codec.wire import (
    LENGTH,
    delimited,
    read_length,
    read_varint,
    scan,
    skip_value,
    string,
)


@dataclass(frozen=True, slots=True)
class RequestError:
    """What a client did not like about a response: a `google.rpc.Status`."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class DeltaRequest:
    """A DeltaDiscoveryRequest.

    Equal lists of names are usually the same object, whichever stream sent them.

    Attributes:
        type_url: Type that the request is about.
        nonce: Nonce of the response that it answers; empty if it answers none.
        subscribe: Names to subscribe to, as sent.
        unsubscribe: Names to give up, as sent.
        initial_versions: Name → version of what the client holds already; only on a stream's first
            request of a type.
        error: Why the response was rejected; `None` if it was not.
        node: The encoded Node, for `parse_node`; `None` if the request has none.
    """

    type_url: str
    nonce: str
    subscribe: tuple[str, ...]
    unsubscribe: tuple[str, ...]
    initial_versions: Mapping[str, str]
    error: RequestError | None
    node: bytes | None


@dataclass(frozen=True, slots=True)
class SotwRequest:
    """A DiscoveryRequest (state of the world).

    Attributes:
        type_url: Type that the request is about.
        version_info: Version that the client accepted last; empty if none.
        nonce: Nonce of the response that it answers; empty if it answers none.
        resource_names: Every name subscribed to, as sent; usually the same object for the same
            names.
        error: Why the response was rejected; `None` if it was not.
        node: The encoded Node, for `parse_node`; `None` if the request has none.
    """

    type_url: str
    version_info: str
    nonce: str
    resource_names: tuple[str, ...]
    error: RequestError | None
    node: bytes | None


LONGEST_NAME_BYTES = 4096
"""Names of resources are some hundred bytes; a client with longer ones is not taken at its word."""
_LONGEST_TYPE_URL_BYTES = 512
_LONGEST_REASON_BYTES = 16 * 1024
"""Envoy cuts its words at 4096 characters."""


def _names(data: bytes, entries: list[tuple[int, int]]) -> tuple[str, ...]:
    intern = sys.intern
    for start, stop in entries:
        if stop - start > LONGEST_NAME_BYTES:
            raise ValueError(_too_long("a name", stop - start))
    return tuple([intern(data[start:stop].decode()) for start, stop in entries])


def _versions(data: bytes, entries: list[tuple[int, int]]) -> Mapping[str, str]:
    intern = sys.intern
    versions: dict[str, str] = {}
    for start, stop in entries:
        if stop - start > 2 * LONGEST_NAME_BYTES:
            raise ValueError(_too_long("a name with its version", stop - start))
        # What every encoder writes for short texts: 0A, length, name, 12, length, version.
        middle = start + 2 + data[start + 1] if stop - start > 3 else stop
        if (
            data[start] == 0x0A
            and middle + 1 < stop
            and data[start + 1] < 128
            and data[middle] == 0x12
            and data[middle + 1] < 128
            and middle + 2 + data[middle + 1] == stop
        ):
            name = data[start + 2 : middle].decode()
            version = data[middle + 2 : stop].decode()
        else:
            name, version = _entry(data[start:stop])
        versions[intern(name)] = intern(version)
    return MappingProxyType(versions)


def _entry(body: bytes) -> tuple[str, str]:
    """Key and value of a map entry."""
    texts = {
        number: body[start:stop].decode()
        for number, wire_type, start, stop in scan(body)
        if wire_type == LENGTH
    }
    return texts.get(1, ""), texts.get(2, "")


_NAMES = RunMemo(_names)
_VERSIONS = RunMemo(_versions)
_NO_VERSIONS: Mapping[str, str] = MappingProxyType({})


@lru_cache(maxsize=64)
def _type_url(body: bytes) -> str:
    if len(body) > _LONGEST_TYPE_URL_BYTES:
        raise ValueError(_too_long("a type URL", len(body)))
    return sys.intern(body.decode())


def _too_long(what: str, size_bytes: int) -> str:
    return f"{what} of {size_bytes} bytes is too long"


def forget_requests() -> None:
    """Forget what was kept to read the same requests faster, so that no client's is kept for long.

    What requests gave is unharmed.
    """
    _NAMES.forget()
    _VERSIONS.forget()
    _type_url.cache_clear()


def parse_delta_request(data: bytes) -> DeltaRequest:
    """The DeltaDiscoveryRequest in `data`.

    Raises:
        DecodeError: The bytes are no such message.
    """
    node: bytes | None = None
    error: RequestError | None = None
    type_url = nonce = ""
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    versions = _NO_VERSIONS
    at, end = 0, len(data)
    try:
        while at < end:
            key = data[at]
            if key == 0x1A:
                names, at = _NAMES.read(data, at)
                subscribe = subscribe + names if subscribe else names
            elif key == 0x22:
                names, at = _NAMES.read(data, at)
                unsubscribe = unsubscribe + names if unsubscribe else names
            elif key == 0x2A:
                some, at = _VERSIONS.read(data, at)
                versions = {**versions, **some} if versions else some
            elif key in {0x0A, 0x12, 0x32, 0x3A}:
                start, at = read_length(data, at + 1, end)
                body = data[start:at]
                if key == 0x12:
                    type_url = _type_url(body)
                elif key == 0x32:
                    nonce = body.decode()
                elif key == 0x3A:
                    error = _error(body)
                else:
                    node = body
            else:
                key, at = read_varint(data, at)
                at = skip_value(data, at, end, key)
    except (IndexError, ValueError) as wrong:
        raise DecodeError("DeltaDiscoveryRequest", _reason(wrong)) from wrong
    return DeltaRequest(type_url, nonce, subscribe, unsubscribe, versions, error, node)


def parse_discovery_request(data: bytes) -> SotwRequest:
    """The DiscoveryRequest in `data`.

    Raises:
        DecodeError: The bytes are no such message.
    """
    node: bytes | None = None
    error: RequestError | None = None
    type_url = version = nonce = ""
    resource_names: tuple[str, ...] = ()
    at, end = 0, len(data)
    try:
        while at < end:
            key = data[at]
            if key == 0x1A:
                names, at = _NAMES.read(data, at)
                resource_names = resource_names + names if resource_names else names
            elif key in {0x0A, 0x12, 0x22, 0x2A, 0x32}:
                start, at = read_length(data, at + 1, end)
                body = data[start:at]
                if key == 0x0A:
                    version = body.decode()
                elif key == 0x22:
                    type_url = _type_url(body)
                elif key == 0x2A:
                    nonce = body.decode()
                elif key == 0x32:
                    error = _error(body)
                else:
                    node = body
            else:
                key, at = read_varint(data, at)
                at = skip_value(data, at, end, key)
    except (IndexError, ValueError) as wrong:
        raise DecodeError("DiscoveryRequest", _reason(wrong)) from wrong
    return SotwRequest(type_url, version, nonce, resource_names, error, node)


def _reason(wrong: Exception) -> str:
    return "it ends in the middle of a field" if isinstance(wrong, IndexError) else str(wrong)


def _error(body: bytes) -> RequestError:
    """The status; Envoy cuts long texts at a byte, so half a character at the end is let pass."""
    code, message = 0, ""
    for number, wire_type, start, stop in scan(body):
        if number == 1 and wire_type == 0:
            code = read_varint(body, start)[0] & 0xFFFFFFFF
        elif number == 2 and wire_type == 2:
            message = body[start : min(stop, start + _LONGEST_REASON_BYTES)].decode(
                errors="replace"
            )
    return RequestError(code, message)


def delta_resource(
    name: str, version: str, type_url: str, body: bytes | None, aliases: Sequence[str] = ()
) -> bytes:
    """One entry of a DeltaDiscoveryResponse's `resources`, tag and length included.

    Ready to be joined.

    Args:
        name: Name of the resource.
        version: Its version; opaque.
        type_url: Type of the resource.
        body: The encoded resource; `None` says that there is none under this name (on-demand
            virtual hosts only).
        aliases: Other names by which it was asked for.
    """
    resource = string(1, version)
    if body is not None:
        resource += delimited(2, any_bytes(type_url, body))
    resource += _entry_name(name)
    if aliases:
        resource += b"".join([delimited(4, alias.encode()) for alias in aliases])
    return delimited(2, resource)


def _entry_name(name: str) -> bytes:
    return string(3, name)


def entry_body(entry: bytes, name: str, body: bytes) -> tuple[int, int]:
    """Give start and end of the encoded resource in what `delta_resource` made of it.

    Without aliases.
    """
    end = len(entry) - len(_entry_name(name))
    return end - len(body), end


def sotw_resource(type_url: str, body: bytes) -> bytes:
    """One entry of a DiscoveryResponse's `resources`, tag and length included.

    Ready to be joined.
    """
    return delimited(2, any_bytes(type_url, body))


def delta_response_body(
    parts: Iterable[bytes], type_url: str, removed: Sequence[str] = (), system_version: str = ""
) -> bytes:
    """A DeltaDiscoveryResponse without its nonce, for `with_nonce`.

    Args:
        parts: Entries from `delta_resource`.
        type_url: Type of all of them.
        removed: Names of resources that are gone.
        system_version: Shown in Envoy's config dump; has no effect.
    """
    return b"".join(
        (
            string(1, system_version),
            *parts,
            string(4, type_url),
            *[delimited(6, name.encode()) for name in removed],
        )
    )


def sotw_response_body(parts: Iterable[bytes], type_url: str, version_info: str) -> bytes:
    """A DiscoveryResponse without its nonce, for `with_nonce`.

    Args:
        parts: Entries from `sotw_resource`.
        type_url: Type of all of them.
        version_info: Version of the whole set.
    """
    return b"".join((string(1, version_info), *parts, string(4, type_url)))


def with_nonce(body: bytes, nonce: str) -> bytes:
    """A response, delta or SotW, finished for one stream."""
    return body + string(5, nonce)
