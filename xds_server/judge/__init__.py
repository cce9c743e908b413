"""An Envoy of our own that says what an Envoy would reject, before or after one has."""
