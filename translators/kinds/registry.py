"""Every accepted kind, and the way from a document to a configuration object.

A value as YAML or JSON gives it flows in; a `ConfigObject` or the reasons against it flow out. The
same code serves files, the Kubernetes API and offline checks.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from translators.kinds.destination_rule import DESTINATION_RULE
from translators.kinds.endpoint_slice import ENDPOINT_SLICE
from translators.kinds.field_path import Key
from translators.kinds.namespace import NAMESPACE
from translators.kinds.node import NODE
from translators.kinds.pod import POD
from translators.kinds.schema.context import (
    INVALID,
    Context,
    Findings,
    Invalid,
    TooManyErrorsError,
)
from translators.kinds.schema.field_types import is_dns_label
from translators.kinds.schema.kind import METADATA, Kind, Metadata
from translators.kinds.schema.shape import describe, did_you_mean
from translators.kinds.service import SERVICE
from translators.kinds.service_entry import SERVICE_ENTRY
from translators.kinds.virtual_service import VIRTUAL_SERVICE
from translators.kinds.workload_entry import WORKLOAD_ENTRY
from translators.model.config_object import ConfigObject
from translators.model.origin import Problem, Severity
from translators.object_key import ObjectKey

KINDS: Final[tuple[Kind[object], ...]] = (
    SERVICE,
    ENDPOINT_SLICE,
    NAMESPACE,
    NODE,
    POD,
    VIRTUAL_SERVICE,
    DESTINATION_RULE,
    SERVICE_ENTRY,
    WORKLOAD_ENTRY,
)
_BY_TYPE: Final = {(version, kind.name): kind for kind in KINDS for version in kind.api_versions}
_BY_NAME: Final = {kind.name: kind for kind in KINDS}
_LAST: Final = max(kind.suspicion for kind in KINDS) + 1
_ALMOST = 0.85


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document's outcome.

    `object` is None when it was refused or is of a kind that is not accepted; `key` is None when
    the document does not even say which object it is. `is_foreign`: it is surely none of ours.
    """

    object: ConfigObject[object] | None
    key: ObjectKey | None
    problems: tuple[Problem, ...] = ()
    is_foreign: bool = False


def suspicion(kind_name: str) -> int:
    """Give the kind's rank among suspects; unknown kinds come last."""
    kind = _BY_NAME.get(kind_name)
    return _LAST if kind is None else kind.suspicion


def is_policy(kind_name: str) -> bool:
    """Say whether the kind says how services are treated; unknown kinds do not."""
    kind = _BY_NAME.get(kind_name)
    return kind is not None and kind.is_policy


def expand(document: object) -> Iterator[tuple[tuple[Key, ...], object]]:
    """Give the objects of a document with their place in it.

    They are itself, or the items of a `kind: List`; an empty document has none.
    """
    if document is None:
        return
    if isinstance(document, dict) and document.get("kind") == "List":
        items = document.get("items")
        for i, item in enumerate(items if isinstance(items, list) else ()):
            yield ("items", i), item
    else:
        yield (), document


def parse(document: object) -> Parsed:
    """Give the configuration object that a document describes, or why there is none.

    Problems carry the path of the field inside this document; the caller adds where that is.
    """
    findings = Findings()
    try:
        return _parse(document, findings)
    except TooManyErrorsError:
        key = next((problem.key for problem in findings.problems if problem.key), None)
        rest = "has too many errors; the rest of it was not looked at"
        findings.problems.append(Problem(Severity.ERROR, rest, key=key))
        return Parsed(None, key, tuple(findings.problems))


def _parse(document: object, findings: Findings) -> Parsed:
    unnamed = Context(findings)
    if not isinstance(document, dict):
        unnamed.error(None, f"must be a mapping with apiVersion and kind, not {describe(document)}")
        return Parsed(None, None, tuple(findings.problems))
    kind = _kind_of(document, unnamed)
    if kind is None:
        return Parsed(None, None, tuple(findings.problems), is_foreign=not findings.errors)
    metadata, context = _metadata(document, kind, unnamed)
    spec = kind.parse(document, metadata, context)
    if metadata is INVALID or spec is INVALID or findings.errors:
        return Parsed(None, context.key, tuple(findings.problems))
    config: ConfigObject[object] = ConfigObject(
        kind.name,
        context.namespace,
        metadata.name,
        spec,
        metadata.labels,
        metadata.annotations,
        metadata.created,
    )
    return Parsed(config, context.key, tuple(findings.problems))


def _metadata(
    document: dict[str, object], kind: Kind[object], unnamed: Context
) -> tuple[Metadata | Invalid, Context]:
    """Give the metadata, and the context of all else: whose it is, as far as the document says."""
    given = document.get("metadata")
    at = (None, "metadata")
    if given is None:
        return unnamed.error(at, f"is required: at least the {kind.name}'s name"), unnamed
    namespace, name = _identity(given)
    if not kind.is_namespaced:
        namespace = ""
    key = ObjectKey(kind.name, namespace, name) if name else None
    named = Context(unnamed.findings, key=key)
    told = len(unnamed.findings.problems)
    metadata = METADATA.parse(given, at, named)
    if key is None:  # which else says whose metadata this is
        unnamed.findings.problems[told:] = [
            replace(problem, message=f"in a {kind.name}: {problem.message}")
            for problem in unnamed.findings.problems[told:]
        ]
    if metadata is not INVALID and kind.has_label_names and not is_dns_label(metadata.name):
        named.error(
            (at, "name"), f"must be a {kind.name}'s name, without dots and of at most 63 characters"
        )
    if metadata is not INVALID and not kind.is_namespaced and metadata.namespace != "default":
        named.warning((at, "namespace"), f"a {kind.name} belongs to no namespace")
    return metadata, Context(unnamed.findings, namespace, key)


def _identity(metadata: object) -> tuple[str, str]:
    """Give namespace and name as the metadata says them; an empty name when it does not."""
    if not isinstance(metadata, dict):
        return "default", ""
    name, namespace = metadata.get("name"), metadata.get("namespace") or "default"
    if not isinstance(name, str) or not isinstance(namespace, str):
        return "default", ""
    return namespace, name


def _kind_of(document: dict[str, object], context: Context) -> Kind[object] | None:
    """Give the kind, or None with the reason.

    It is an error when it is nearly one of ours, else merely not supported.
    """
    version, name = document.get("apiVersion"), document.get("kind")
    if isinstance(version, str) and isinstance(name, str):
        kind = _BY_TYPE.get((version, name))
        if kind is not None:
            return kind
    for field, value in (("apiVersion", version), ("kind", name)):
        if not isinstance(value, str) or not value:
            context.error((None, field), f"must be text, not {describe(value)}")
    if not isinstance(version, str) or not isinstance(name, str) or context.findings.errors:
        return None
    if name in _BY_NAME:
        _other_version(_BY_NAME[name], version, context)
    elif difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=_ALMOST):
        context.error((None, "kind"), f"{name!r} is not a kind{did_you_mean(name, _BY_NAME)}")
    else:
        supported = ", ".join(sorted(_BY_NAME))
        context.unsupported(
            (None, "kind"),
            f"kind {name} ({version}) is not supported (yet); supported: {supported}",
        )
    return None


def _other_version(kind: Kind[object], version: str, context: Context) -> None:
    supported = ", ".join(kind.api_versions)
    group = version.partition("/")[0]
    is_ours = any(group == known.partition("/")[0] for known in kind.api_versions)
    if is_ours or difflib.get_close_matches(version, kind.api_versions, n=1, cutoff=_ALMOST):
        context.error((None, "apiVersion"), f"must be {supported} for a {kind.name}, not {version}")
    else:
        context.unsupported(
            (None, "apiVersion"),
            f"kind {kind.name} of {version} is not supported (yet); supported: {supported}",
        )
