"""What the ledger knows, as values to show: entries and rejections in, status values out.

Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator

from translators.resource_types import TYPES, short_name
from xds_server.ledger.entry import Entry
from xds_server.quarantine.rejection import Rejection
from xds_server.status import (
    Lacking,
    ProxyStatus,
    RejectionStatus,
    TypeState,
    TypeStatus,
)


def proxy_status(entry: Entry, newest: int) -> ProxyStatus:
    """One proxy at this moment; `newest` is the newest revision that there is."""
    node = entry.member.node
    return ProxyStatus(
        id=node.id,
        namespace=node.namespace,
        locality=str(node.locality),
        version=node.agent_version,
        mode=node.mode.value,
        wire=entry.stream.wire.value,
        connected=entry.connected,
        revision=entry.newest(newest),
        types=tuple(_types(entry)),
    )


def _types(entry: Entry) -> Iterator[TypeStatus]:
    for known in TYPES:
        watched = entry.stream.watched.get(known.url)
        if watched is None:
            continue
        _, reason = entry.rejected.get(known.url, (None, ""))
        if reason:
            state = TypeState.REJECTED
        elif not watched.is_idle:
            state = TypeState.BEHIND
        else:
            state = TypeState.ACKED
        yield TypeStatus(known.short, state, len(watched.sent), reason)


def lacking(entry: Entry) -> Lacking:
    """Why a proxy does not have a revision, as far as is known."""
    behind = tuple(
        short_name(watched.type_url)
        for watched in entry.stream.watched.values()
        if not watched.is_idle or entry.rejects(watched.type_url)
    )
    reason = next((reason for _, reason in entry.rejected.values()), "")
    return Lacking(entry.member.node.id, behind, reason or "no answer yet")


def rejection_status(rejection: Rejection) -> RejectionStatus:
    """What is held back, and what is served instead."""
    if not rejection.is_withheld:
        serving = "each proxy that rejects it keeps what it has"
    elif rejection.is_serving:
        serving = "the last good version"
    else:
        serving = "nothing: it was never good"
    reason = rejection.reason
    if rejection.uncovered_by:
        reason += f" (brought to light by {', '.join(map(str, rejection.uncovered_by))})"
    return RejectionStatus(
        object=str(rejection.key) if rejection.key is not None else "",
        place=rejection.place,
        path=rejection.path,
        reason=reason,
        resource=rejection.resource.name,
        revision=rejection.revision,
        serving=serving,
        proxies=rejection.proxies,
    )
