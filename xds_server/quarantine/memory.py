"""What is held back, as text that outlives the process.

Out: JSON with the documents of each object that is held back, the rejected and the good one. In:
the same. What cannot be read any more, because a document is refused by now, is left out: then the
object is judged anew, as any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from translators.kinds.registry import parse
from translators.model.config_object import ConfigObject
from translators.model.resource import Resource
from xds_server.quarantine.rejection import Rejection

VERSION: Final = 1


def written(rejections: Iterable[Rejection]) -> str:
    """The text that remembers these, sorted by object."""
    objects = [
        {
            "object": str(rejection.key),
            "path": rejection.path,
            "reason": rejection.reason,
            "resource": {"type": rejection.resource.type_url, "name": rejection.resource.name},
            "rejected": rejection.document,
            "good": rejection.good_document,
        }
        for rejection in rejections
        if rejection.document is not None
        and (rejection.good is None) == (rejection.good_document is None)
    ]
    objects.sort(key=lambda each: str(each["object"]))
    return json.dumps({"version": VERSION, "held back": objects}, indent=1, default=str) + "\n"


def read(text: str) -> list[Rejection]:
    """What a text remembers.

    Raises:
        ValueError: It is no such text.
    """
    remembered = json.loads(text)
    if not isinstance(remembered, dict) or remembered.get("version") != VERSION:
        raise ValueError(f"not what this version of Chancery writes (version {VERSION})")
    objects = remembered.get("held back")
    held = objects if isinstance(objects, list) else []
    return [rejection for each in held for rejection in _rejection(each)]


def _rejection(remembered: object) -> Iterator[Rejection]:
    """One object that was held back; none when that cannot be told any more."""
    if not isinstance(remembered, dict):
        return
    rejected, good = _object(remembered.get("rejected")), _object(remembered.get("good"))
    named = remembered.get("resource")
    is_lost = remembered.get("good") is not None and good is None
    if rejected is None or is_lost or not isinstance(named, dict):
        return
    if good is not None and good.key != rejected.key:
        return
    yield Rejection(
        key=rejected.key,
        value=rejected,
        good=good,
        resource=Resource(str(named.get("type", "")), str(named.get("name", "")), ""),
        reason=str(remembered.get("reason", "")),
        path=str(remembered.get("path", "")),
        place="",
        revision=0,
        proxies=(),
        is_serving=good is not None,
        document=remembered.get("rejected"),
        good_document=remembered.get("good"),
    )


def _object(document: object) -> ConfigObject[object] | None:
    return parse(document).object if document is not None else None
