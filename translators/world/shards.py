"""Shards: all hosts in a fixed number of groups, so that a host that comes or goes costs its group and not the mesh.

Lists over all hosts are made shard by shard. What is asked of all shards together, such as the ports in use, is a small answer of
each, which mostly stays as it is.
"""

from __future__ import annotations

from zlib import crc32

SHARDS = range(64)
"""Each costs some microseconds for every scope of proxies even when it is empty; a mesh of 5,000 hosts has 80 in each."""


def shard_of(host: str) -> int:
    """The shard of a host name; the same in every process."""
    return crc32(host.encode()) % len(SHARDS)
