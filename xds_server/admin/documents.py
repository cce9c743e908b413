"""The status values as JSON documents and back.

A document has the fields of its dataclass, in their order; enums are written as their values and
tuples as lists. Reading ignores fields that it does not know, so that an older command can read a
newer server's answer.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Never

from xds_server.status import (
    Lacking,
    MeshStatus,
    ProblemStatus,
    ProxyStatus,
    RejectionStatus,
    TypeState,
    TypeStatus,
    WaitResult,
)


def document(value: MeshStatus | WaitResult) -> dict[str, object]:
    """The value as plain dictionaries, lists, texts and numbers."""
    return asdict(value, dict_factory=_plain)


def read_mesh_status(text: str | bytes) -> MeshStatus:
    """The status written as JSON.

    Raises:
        ValueError: The text is no such document.
    """
    top = _Fields.parse(text)
    return MeshStatus(
        revision=top.number("revision"),
        proxies=tuple(_proxy(entry) for entry in top.entries("proxies")),
        rejections=tuple(_rejection(entry) for entry in top.entries("rejections")),
        problems=tuple(_problem(entry) for entry in top.entries("problems")),
        judge=top.text("judge") if "judge" in top else "",
    )


def read_wait_result(text: str | bytes) -> WaitResult:
    """The answer of a wait, written as JSON.

    Raises:
        ValueError: The text is no such document.
    """
    top = _Fields.parse(text)
    lacking = (
        Lacking(entry.text("proxy"), entry.texts("types"), entry.text("reason"))
        for entry in top.entries("lacking")
    )
    return WaitResult(
        revision=top.number("revision"),
        everywhere=top.claim("everywhere"),
        proxies=top.number("proxies"),
        seconds=top.real("seconds"),
        lacking=tuple(lacking),
        rejected=tuple(map(_rejection, top.optional_entries("rejected"))),
        held_back=tuple(map(_rejection, top.optional_entries("held_back"))),
        exists=top.claim("exists") if "exists" in top else True,
        failed=tuple(map(_problem, top.optional_entries("failed"))),
    )


class _Fields:
    """One JSON object, read with its types checked."""

    def __init__(self, fields: object) -> None:
        if not isinstance(fields, dict):
            raise ValueError(f"expected an object, found {_short(fields)}")  # noqa: TRY004 - a bad document
        self._fields: dict[str, object] = fields

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    @classmethod
    def parse(cls, text: str | bytes) -> _Fields:
        return cls(json.loads(text))

    def text(self, name: str) -> str:
        value = self._get(name)
        return value if isinstance(value, str) else self._refuse(name, "a text")

    def number(self, name: str) -> int:
        value = self._get(name)
        whole = isinstance(value, int) and not isinstance(value, bool)
        return value if whole and isinstance(value, int) else self._refuse(name, "a number")

    def real(self, name: str) -> float:
        value = self._get(name)
        return float(value) if isinstance(value, int | float) else self._refuse(name, "a number")

    def claim(self, name: str) -> bool:
        value = self._get(name)
        return value if isinstance(value, bool) else self._refuse(name, "true or false")

    def entries(self, name: str) -> Iterator[_Fields]:
        for value in self._list(name):
            yield _Fields(value)

    def optional_entries(self, name: str) -> Iterator[_Fields]:
        """Entries that older servers do not send."""
        return self.entries(name) if name in self else iter(())

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(str(value) for value in self._list(name))

    def _list(self, name: str) -> list[object]:
        value = self._get(name)
        return value if isinstance(value, list) else self._refuse(name, "a list")

    def _get(self, name: str) -> object:
        if name not in self._fields:
            raise ValueError(f"the field {name!r} is missing")
        return self._fields[name]

    def _refuse(self, name: str, expected: str) -> Never:
        raise ValueError(
            f"the field {name!r} should be {expected}, found {_short(self._fields[name])}"
        )


def _proxy(entry: _Fields) -> ProxyStatus:
    return ProxyStatus(
        id=entry.text("id"),
        namespace=entry.text("namespace"),
        locality=entry.text("locality"),
        version=entry.text("version"),
        mode=entry.text("mode"),
        wire=entry.text("wire"),
        connected=entry.text("connected"),
        revision=entry.number("revision"),
        types=tuple(
            TypeStatus(
                type=row.text("type"),
                state=TypeState(row.text("state")),
                resources=row.number("resources"),
                reason=row.text("reason"),
            )
            for row in entry.entries("types")
        ),
    )


def _rejection(entry: _Fields) -> RejectionStatus:
    return RejectionStatus(
        object=entry.text("object"),
        place=entry.text("place"),
        path=entry.text("path"),
        reason=entry.text("reason"),
        resource=entry.text("resource"),
        revision=entry.number("revision"),
        serving=entry.text("serving"),
        proxies=entry.texts("proxies") if "proxies" in entry else (),
    )


def _problem(entry: _Fields) -> ProblemStatus:
    return ProblemStatus(
        severity=entry.text("severity"),
        object=entry.text("object"),
        place=entry.text("place"),
        path=entry.text("path"),
        message=entry.text("message"),
    )


def _plain(fields: list[tuple[str, object]]) -> dict[str, object]:
    return {name: value.value if isinstance(value, enum.Enum) else value for name, value in fields}


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
