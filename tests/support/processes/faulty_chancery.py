"""`chancery` with a bug: it cannot translate rules that have the prefix `BUG`."""

from __future__ import annotations

from translators.routes import virtual_hosts
from xds_server.cli.main import main

BUG = "/bug"

_rule_routes = virtual_hosts.rule_routes


def rule_routes(*args: object, **kwargs: object) -> bytes:
    if repr(BUG) in repr(args[0]):
        raise ValueError(f"no way to say {BUG!r}")
    return _rule_routes(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they come


if __name__ == "__main__":
    setattr(virtual_hosts, "rule_routes", rule_routes)  # noqa: B010 - mypy knows it as a constant
    main()
