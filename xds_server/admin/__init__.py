"""The admin API: what the control plane says of itself over HTTP, its server and its client."""
