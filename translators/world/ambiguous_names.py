"""Host names that might be taken for a further name of another host, such as `reviews.default` or an IP address.

They belong to the host that has them in full. There are few such names in any mesh, and the indexes hold only these, so
that nothing is asked again when ordinary hosts come and go.
"""

from __future__ import annotations

from translators.database import Reader, query
from translators.model.viewer import Viewer
from translators.world.exposure import AMBIGUOUS_ENTRIES, AMBIGUOUS_VIRTUAL_SERVICES
from translators.world.inputs import index_pairs
from translators.world.visibility import EVERYONE


@query
def ambiguous_names(db: Reader, viewer: Viewer) -> frozenset[str]:
    """The ambiguous host names that a client sees; they are no other host's further name. Nearly always empty."""
    return frozenset(
        host
        for index in (AMBIGUOUS_ENTRIES, AMBIGUOUS_VIRTUAL_SERVICES)
        for target, host in index_pairs(db, index)
        if target in (EVERYONE, viewer.namespace)
    )
