"""Buckets: all hosts in a fixed number of groups, so that one that comes or goes costs its group.

Lists over all hosts are made bucket by bucket. What is asked of all buckets together, such as the
ports in use, is a small answer of each, which mostly stays as it is. (Decision 13 calls them
shards; in this field that word means replicas of a control plane.)
"""

from __future__ import annotations

from zlib import crc32

BUCKETS = range(64)
"""Each costs some microseconds for every scope of proxies even when it is empty; a mesh of 5,000
hosts has 80 in each.
"""


def bucket_of(host: str) -> int:
    """The bucket of a host name; the same in every process."""
    return crc32(host.encode()) % len(BUCKETS)
