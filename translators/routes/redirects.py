"""Redirects: the answer to a rule's requests that sends them elsewhere.

Where a port is asked for that its scheme has anyway, the Location leaves it out. Envoy replaces the
port in the host that a client wrote only by another port, so such a redirect takes two routes when
it keeps that host: one for clients that wrote a port, and one for the others.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRedirect and
config.route.v3.RedirectAction.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from envoy_data_plane.envoy.config.route.v3 import (
    RedirectAction,
    RedirectActionRedirectResponseCode,
)

from translators.codec import new
from translators.model.routing import Redirect

_CODES: Final = {
    301: RedirectActionRedirectResponseCode.MOVED_PERMANENTLY,
    302: RedirectActionRedirectResponseCode.FOUND,
    303: RedirectActionRedirectResponseCode.SEE_OTHER,
    307: RedirectActionRedirectResponseCode.TEMPORARY_REDIRECT,
    308: RedirectActionRedirectResponseCode.PERMANENT_REDIRECT,
}
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_PLAINTEXT: Final = "http"
"""The scheme of requests that arrive: listeners take plaintext."""
_WITH_PORT: Final = re.compile(r"(?P<host>\[[^]]+\]|[^:]+):(?P<port>[0-9]{1,5})")


class RedirectRoute(NamedTuple):
    """An action, and whether it is only for requests whose host is written with a port."""

    action: RedirectAction
    has_port: bool = False


def redirect_routes(redirect: Redirect, port: int) -> tuple[RedirectRoute, ...]:
    """The redirect of requests that came in on a port, in the order of the routes."""
    default = _DEFAULT_PORTS.get((redirect.scheme or _PLAINTEXT).lower(), 0)
    asked = _asked_port(redirect, port, default)
    bare = 0 if asked == default else asked
    written = _WITH_PORT.fullmatch(redirect.authority)
    if written is not None:
        is_default = int(written["port"]) == default
        host = written["host"] if is_default else redirect.authority
        return (RedirectRoute(_action(redirect, host, 0)),)
    routes = (RedirectRoute(_action(redirect, redirect.authority, bare)),)
    if redirect.authority or asked == bare:
        return routes
    return (RedirectRoute(_action(redirect, "", asked), has_port=True), *routes)


def _asked_port(redirect: Redirect, port: int, default: int) -> int:
    """The port that the redirect asks for, 0 for none: then the host stays as it is."""
    if redirect.port:
        return redirect.port
    derived = {"FROM_REQUEST_PORT": port, "FROM_PROTOCOL_DEFAULT": default}
    return derived.get(redirect.derive_port, 0)


def _action(redirect: Redirect, host: str, port: int) -> RedirectAction:
    """The action; `uri` replaces the whole path, `uri_prefix` what was matched."""
    return new(RedirectAction)(
        host_redirect=host,
        port_redirect=port,
        path_redirect=redirect.uri or None,
        prefix_rewrite=redirect.uri_prefix if not redirect.uri and redirect.uri_prefix else None,
        scheme_redirect=redirect.scheme or None,
        response_code=_CODES.get(
            redirect.code, RedirectActionRedirectResponseCode.MOVED_PERMANENTLY
        ),
    )
