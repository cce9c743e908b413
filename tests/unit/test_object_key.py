"""The names of configuration objects."""

from __future__ import annotations

from translators.object_key import ObjectKey


def test_a_key_reads_as_people_write_it() -> None:
    assert str(ObjectKey("VirtualService", "shop", "reviews")) == "VirtualService shop/reviews"
    assert str(ObjectKey("Node", "", "n1")) == "Node n1"


def test_keys_sort_by_kind_namespace_and_name_before_their_cluster() -> None:
    keys = [
        ObjectKey("Service", "a", "a"),
        ObjectKey("Pod", "a", "b"),
        ObjectKey("Pod", "a", "a", "east"),
        ObjectKey("Pod", "", "z"),
    ]
    assert sorted(keys) == [keys[3], keys[2], keys[1], keys[0]]


def test_objects_of_two_clusters_are_two() -> None:
    assert ObjectKey("Pod", "a", "a") != ObjectKey("Pod", "a", "a", "east")
