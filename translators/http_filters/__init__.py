"""The HTTP filters that requests pass, each with its part in listeners and its part in routes.

A filter is one file, which makes both of its parts, and one line in `chain`, whose place is its
place in the order. Listeners take the one part and routes the other; neither knows a filter.
"""

from translators.http_filters.chain import HTTP_FILTERS, http_filters, typed_per_filter_config
from translators.http_filters.http_filter import HttpFilter, Placement

__all__ = [
    "HTTP_FILTERS",
    "HttpFilter",
    "Placement",
    "http_filters",
    "typed_per_filter_config",
]
