"""Resources and the bytes in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from translators.codec import delta_resource
from translators.model.resource import resource
from translators.names import CLUSTER_TYPE


@given(st.text(max_size=200), st.binary(max_size=40_000))
def test_the_bare_message_is_found_in_the_entry_of_a_response(name: str, body: bytes) -> None:
    found = resource(CLUSTER_TYPE, name, body)
    assert found.body == body
    assert found.part == delta_resource(name, found.version, CLUSTER_TYPE, body)


def test_the_version_is_that_of_the_bytes() -> None:
    one, same = resource(CLUSTER_TYPE, "a", b"x"), resource(CLUSTER_TYPE, "a", b"x", ("b",))
    other = resource(CLUSTER_TYPE, "a", b"y")
    assert (one, hash(one)) == (same, hash(same))
    assert one != other
    assert resource(CLUSTER_TYPE, "b", b"x") != one
