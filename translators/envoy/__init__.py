"""What resources of several types are made of: sources, addresses, durations.

TLS contexts belong here.

Each file makes one thing of Envoy's API that clusters, endpoints, listeners and routes have in
common. It knows messages and values, never the database.
"""
