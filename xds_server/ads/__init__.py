"""The stream layer: state machines without I/O and the gRPC service that drives them."""
