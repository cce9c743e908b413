"""The demo: a small mesh with real Envoys, walked through a canary, failures and mistakes."""

from xds_server.demo.run import main

__all__ = ["main"]
