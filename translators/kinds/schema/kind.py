"""What an accepted API kind is made of: its names, its shape and what its metadata adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from translators.kinds.schema.context import INVALID, Context, Invalid
from translators.kinds.schema.field_types import ANNOTATIONS, LABELS, is_dns_label, is_dns_subdomain
from translators.kinds.schema.record import ignored, optional, record, required
from translators.kinds.schema.shape import TEXT, Field, Shape, text_where
from translators.model.origin import Labels

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)

ISTIO_NETWORKING: Final = tuple(
    f"networking.istio.io/{version}" for version in ("v1", "v1beta1", "v1alpha3")
)
CORE: Final = ("v1",)
DISCOVERY: Final = ("discovery.k8s.io/v1",)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is read of an object's metadata.

    `namespace` is "default" when not given, and of no meaning for cluster-wide kinds.
    """

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


def _as_parsed(spec: S, metadata: Metadata, context: Context) -> S:  # noqa: ARG001 a completion
    return spec


@dataclass(frozen=True, slots=True)
class Kind(Generic[S_co]):
    """An accepted kind.

    Attributes:
        name: As documents and `ObjectKey` have it.
        api_versions: Those under which it is known.
        body: What is read of the whole document except its metadata.
        suspicion: Its rank among the suspects when Envoy rejects what several objects made; lower
            ones are suspected first.
        is_policy: Whether it says how services are treated, so that it is suspected before all that
            is there to be treated.
        is_namespaced: Whether its objects belong to a namespace.
        has_label_names: Whether its objects' names are labels of host names, so without dots.
        complete: Adds to the spec what the metadata says (labels and annotations with a meaning).
    """

    name: str
    api_versions: tuple[str, ...]
    body: Shape[S_co]
    suspicion: int
    is_policy: bool = False
    is_namespaced: bool = True
    has_label_names: bool = False
    complete: Callable[[S_co, Metadata, Context], S_co | Invalid] = _as_parsed

    def parse(
        self, document: object, metadata: Metadata | Invalid, context: Context
    ) -> S_co | Invalid:
        """Give the spec of a document of this kind, or `INVALID` after an error was noted.

        The body is read even without metadata, so that all problems are told at once.
        """
        body = self.body.parse(document, None, context)
        if body is INVALID or metadata is INVALID:
            return INVALID
        return self.complete(body, metadata, context)


_HEAD: Final[dict[str, Field]] = {
    "apiVersion": ignored("says which kind this is"),
    "kind": ignored("says which kind this is"),
    "metadata": ignored("read for every kind alike"),
}


def document(build: Callable[..., S], fields: Mapping[str, Field]) -> Shape[S]:
    """The body of a kind with these top-level fields beside apiVersion, kind and metadata."""
    return record(build, {**_HEAD, **fields})


def document_with_spec(spec: Shape[S]) -> Shape[S]:
    """The body of a kind whose content is `spec`; `status` is what others report about it."""

    def only_spec(spec: S) -> S:
        return spec

    return document(
        only_spec,
        {
            "spec": required("spec", spec, "the object's content"),
            "status": ignored("what controllers report, not what is asked for"),
        },
    )
