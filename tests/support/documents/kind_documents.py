"""Documents for the tests of kinds."""

from __future__ import annotations

import textwrap

from translators.kinds.manifest import Manifest, read_manifest
from translators.model.origin import Problem, Severity


def manifest(text: str) -> Manifest:
    """What a text says, indented as the test likes."""
    return read_manifest(textwrap.dedent(text).lstrip("\n"), "test.yaml")


def errors(text: str) -> list[tuple[str, int]]:
    """(path, line) of each error of a text."""
    return [(p.path, p.line) for p in manifest(text).problems if p.severity is Severity.ERROR]


def document(
    kind: str, spec: str, *, name: str = "x", version: str = "networking.istio.io/v1"
) -> str:
    """A document of five lines and a spec from line 6 on, each of its lines indented by two."""
    head = f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n"
    return head + textwrap.indent(textwrap.dedent(spec).strip("\n"), "  ") + "\n"


def workload_entry(name: str, address: str = "10.0.0.1") -> str:
    """A WorkloadEntry in six lines; its address is in the last one."""
    return document("WorkloadEntry", f"address: {address}", name=name)


def only_object(text: str) -> object:
    """The spec of the one object of a text that has no problems but what is unsupported."""
    found = manifest(text)
    assert not [p for p in found.problems if p.severity is Severity.ERROR], found.problems
    (entry,) = found.entries.values()
    return entry.object.spec


def messages(problems: tuple[Problem, ...], severity: Severity) -> set[str]:
    """The paths of the problems of one severity."""
    return {p.path for p in problems if p.severity is severity}
