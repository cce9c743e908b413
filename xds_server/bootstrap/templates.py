"""The bootstrap templates.

The files of `envoy-configs/`, in a checkout or as they were packed into the wheel.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from translators.model.proxy_node import Mode

FILES = {Mode.EGRESS: "egress.yaml", Mode.CAPTURED: "captured.yaml", Mode.PROXYLESS: "grpc.json"}
"""The template of each mode."""


def template(mode: Mode) -> str:
    """The text of the mode's template, comments included."""
    packed = resources.files("xds_server.bootstrap") / "templates" / FILES[mode]
    if packed.is_file():
        return packed.read_text(encoding="utf-8")
    checkout = Path(__file__).parents[2] / "envoy-configs"
    return (checkout / FILES[mode]).read_text(encoding="utf-8")
