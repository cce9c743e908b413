"""Type URLs, and `google.protobuf.Any` around messages and around bytes encoded already."""

import contextlib
import importlib
import re

import betterproto2
from envoy_data_plane.google.protobuf import Any
from envoy_data_plane.message_pool import default_message_pool

from translators.codec.encoder import encode
from translators.codec.wire import delimited, string

_PACKAGE = re.compile(r"[^/]*/([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)(?:\.[A-Z][A-Za-z0-9_]*)+")


def type_url(cls: type[betterproto2.Message]) -> str:
    """The type URL of a message class, under its protobuf name: `Rbac` is `…/envoy.….RBAC`.

    Raises:
        TypeError: The class belongs to no generated package.
    """
    try:
        return default_message_pool.type_to_url[cls]
    except KeyError:
        raise TypeError(f"{cls.__qualname__} is not a generated Envoy message class") from None


def full_name(cls: type[betterproto2.Message]) -> str:
    """The protobuf name of a message class with its package: `envoy.config.core.v3.Node`.

    Raises:
        TypeError: The class belongs to no generated package.
    """
    return type_url(cls).partition("/")[2]


def message_class(url: str) -> type[betterproto2.Message]:
    """The message class of a type URL; its generated package is imported if it has not been yet.

    Raises:
        TypeError: No generated package defines the type.
    """
    known = default_message_pool.url_to_type
    if url not in known:
        package = _PACKAGE.fullmatch(url)
        if package is not None:
            with contextlib.suppress(ModuleNotFoundError):
                importlib.import_module(f"envoy_data_plane.{package[1]}")
    try:
        return known[url]
    except KeyError:
        raise TypeError(f"{url!r} is not the type of a generated Envoy message") from None


def pack(message: betterproto2.Message) -> Any:
    """An `Any` that holds the message, encoded.

    Raises:
        EncodeError: A value does not fit the type of its field.
    """
    return Any(type_url=type_url(type(message)), value=encode(message))


def any_bytes(url: str, body: bytes) -> bytes:
    """The wire form of an `Any` around a body that is encoded already."""
    return string(1, url) + delimited(2, body) if body else string(1, url)
