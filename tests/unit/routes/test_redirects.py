"""Redirects: which port the Location gets, for schemes and authorities of every sort."""

from __future__ import annotations

import pytest

from translators.model.routing import Redirect
from translators.routes.redirects import redirect_routes

PROTOCOL, REQUEST = "FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"


@pytest.mark.parametrize(
    ("redirect", "host", "port"),
    [
        (Redirect(authority="a.example"), "a.example", 0),
        (Redirect(authority="a.example", port=81), "a.example", 81),
        (Redirect(authority="a.example", port=80), "a.example", 0),
        (Redirect(authority="a.example", port=443, scheme="https"), "a.example", 0),
        (Redirect(authority="a.example", port=443, scheme="HTTPS"), "a.example", 0),
        (Redirect(authority="a.example", port=80, scheme="https"), "a.example", 80),
        (Redirect(authority="a.example", derive_port=REQUEST), "a.example", 9080),
        (Redirect(authority="a.example", derive_port=PROTOCOL), "a.example", 0),
        (Redirect(authority="a.example", derive_port=PROTOCOL, scheme="HTTPS"), "a.example", 0),
        (Redirect(authority="a.example", derive_port=PROTOCOL, scheme="ftp"), "a.example", 0),
        (Redirect(authority="a.example:81"), "a.example:81", 0),
        (Redirect(authority="a.example:81", port=82), "a.example:81", 0),
        (Redirect(authority="a.example:81", derive_port=REQUEST), "a.example:81", 0),
        (Redirect(authority="a.example:80", port=82), "a.example", 0),
        (Redirect(authority="a.example:80", scheme="https"), "a.example:80", 0),
        (Redirect(authority="a.example:99999", port=82), "a.example:99999", 0),
        (Redirect(authority="[fd00::1]", port=82), "[fd00::1]", 82),
        (Redirect(authority="[fd00::1]:443", port=82, scheme="https"), "[fd00::1]", 0),
        (Redirect(authority="fd00::1", port=82), "fd00::1", 82),
        (Redirect(authority="a:" + "1" * 5000, port=82), "a:" + "1" * 5000, 82),
        (Redirect(port=81), "", 81),
        (Redirect(scheme="ftp", derive_port=PROTOCOL), "", 0),
        (Redirect(scheme="https"), "", 0),
    ],
)
def test_a_redirect_names_one_port_and_only_when_it_must(
    redirect: Redirect, host: str, port: int
) -> None:
    (route,) = redirect_routes(redirect, 9080)
    assert not route.has_port
    assert (route.action.host_redirect, route.action.port_redirect) == (host, port)


@pytest.mark.parametrize(
    ("redirect", "port"),
    [
        (Redirect(port=80), 80),
        (Redirect(port=443, scheme="https"), 443),
        (Redirect(derive_port=PROTOCOL), 80),
        (Redirect(derive_port=PROTOCOL, scheme="https"), 443),
        (Redirect(derive_port=REQUEST), 80),
    ],
)
def test_a_port_that_clients_write_is_replaced_where_none_is_needed(
    redirect: Redirect, port: int
) -> None:
    written, bare = redirect_routes(redirect, 80)
    assert written.has_port
    assert written.action.port_redirect == port
    assert not bare.has_port
    assert bare.action.port_redirect == 0
