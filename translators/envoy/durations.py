"""Durations with a meaning of their own to Envoy."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

NO_LIMIT: Final = timedelta(0)
"""As a timeout: none at all. To leave a timeout out gives Envoy's default."""
