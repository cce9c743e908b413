"""What is served: from edits of objects to the snapshots of every group of proxies."""
