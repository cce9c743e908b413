"""Where an endpoint or a proxy runs.

Region, zone and sub-zone, as Envoy and Kubernetes name them.
"""

from __future__ import annotations

from typing import NamedTuple


class Locality(NamedTuple):
    """A place of three levels; an empty level is unknown and so are all levels below it.

    A tuple, since endpoints are grouped by it: it is compared and hashed more often than anything
    else.
    """

    region: str = ""
    zone: str = ""
    sub_zone: str = ""

    @classmethod
    def parse(cls, text: str) -> Locality:
        """The locality written as `region/zone/sub-zone`; missing levels are empty."""
        parts = [*text.split("/", 2), "", ""]
        return cls(parts[0], parts[1], parts[2])

    def __str__(self) -> str:
        return "/".join((self.region, self.zone, self.sub_zone)).rstrip("/")


NOWHERE = Locality()
