"""Text into plain values, as Kubernetes reads YAML, and where in a text a value stands."""
