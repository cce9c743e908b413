"""What an Envoy rejected: which resource, which object made it, and what is served instead."""
