"""What an accepted API kind is made of: its names, its shape and what its metadata adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from translators.kinds.field_types import (
    ANNOTATIONS,
    LABELS,
    is_dns_label,
    is_dns_subdomain,
    text_where,
)
from translators.kinds.findings import Findings
from translators.kinds.schema import (
    TEXT,
    Field,
    Shape,
    ignored,
    optional,
    record,
    required,
)
from translators.model.origin import Labels

ISTIO_NETWORKING: Final = tuple(
    f"networking.istio.io/{version}" for version in ("v1", "v1beta1", "v1alpha3")
)
CORE: Final = ("v1",)
DISCOVERY: Final = ("discovery.k8s.io/v1",)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is read of an object's metadata. ``namespace`` is "default" when not given; of no meaning for cluster-wide kinds."""

    name: str
    namespace: str = "default"
    labels: Labels = frozenset()
    annotations: Labels = frozenset()
    created: str = ""


_SERVER = "kept by the API server"

METADATA: Final = record(
    Metadata,
    {
        "name": required(
            "name",
            text_where(
                is_dns_subdomain,
                "an object's name: lower-case letters, digits, '-' and '.', at most 253",
            ),
            "the object's name",
        ),
        "namespace": optional(
            "namespace",
            text_where(
                is_dns_label, "a namespace's name: lower-case letters, digits and '-', at most 63"
            ),
        ),
        "labels": optional("labels", LABELS),
        "annotations": optional("annotations", ANNOTATIONS),
        "creationTimestamp": optional("created", TEXT),
        "generateName": ignored("the API server makes a name of it"),
        "selfLink": ignored(_SERVER),
        "uid": ignored(_SERVER),
        "resourceVersion": ignored(_SERVER),
        "generation": ignored(_SERVER),
        "deletionTimestamp": ignored("the object serves until it is gone"),
        "deletionGracePeriodSeconds": ignored(_SERVER),
        "ownerReferences": ignored(_SERVER),
        "finalizers": ignored(_SERVER),
        "managedFields": ignored(_SERVER),
    },
)


def _as_parsed(spec: object, metadata: Metadata, findings: Findings) -> object:  # noqa: ARG001
    return spec


@dataclass(frozen=True, slots=True)
class Kind:
    """An accepted kind.

    `body` reads the whole document except its metadata; `complete` adds to the spec what the
    metadata says (labels and annotations with a meaning). `suspicion` is the kind's rank among the
    suspects when Envoy rejects what several objects made: lower ones are suspected first.
    `is_policy`: it says how services are treated, so it is suspected before all that are there to
    be treated.
    """

    name: str
    api_versions: tuple[str, ...]
    body: Shape
    suspicion: int
    is_policy: bool = False
    is_namespaced: bool = True
    complete: Callable[[object, Metadata, Findings], object] = _as_parsed


_HEAD: Final[dict[str, Field]] = {
    "apiVersion": ignored("says which kind this is"),
    "kind": ignored("says which kind this is"),
    "metadata": ignored("read for every kind alike"),
}


def document(build: Callable[..., object], fields: dict[str, Field]) -> Shape:
    """The body of a kind with these top-level fields beside apiVersion, kind and metadata."""
    return record(build, _HEAD | fields)


def _only_spec(spec: object) -> object:
    return spec


def document_with_spec(spec: Shape) -> Shape:
    """The body of a kind whose content is ``spec``; ``status`` is what others report about it."""
    return document(
        _only_spec,
        {
            "spec": required("spec", spec, "the object's content"),
            "status": ignored("what controllers report, not what is asked for"),
        },
    )
