"""Why the demo cannot go on."""

from xds_server.errors import ChanceryError


class DemoError(ChanceryError):
    """Something that the demo needs is missing, taken or broke; the text says what to do."""
