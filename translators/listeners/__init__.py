"""Listener: where connections arrive, and what becomes of them, in each mode."""

from translators.listeners.inbound import (
    inbound_listener,
    inbound_listener_names,
)
from translators.listeners.outbound import listener, listener_names

__all__ = [
    "inbound_listener",
    "inbound_listener_names",
    "listener",
    "listener_names",
]
