"""Retry policies: Istio's default for outbound and inbound requests, and explicit ones.

The default stands on the virtual host, so that a route says something of retries only when its rule
does.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRetry and
config.route.v3.RetryPolicy.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from envoy_data_plane.envoy.config.route.v3 import (
    RetryPolicy,
    RetryPolicyRetryBackOff,
    RetryPolicyRetryHostPredicate,
    RetryPolicyRetryPriority,
)
from envoy_data_plane.envoy.extensions.retry.host.previous_hosts.v3 import PreviousHostsPredicate
from envoy_data_plane.envoy.extensions.retry.priority.previous_priorities.v3 import (
    PreviousPrioritiesConfig,
)

from translators.codec import new, pack
from translators.model.routing import Retries

DEFAULT_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
DEFAULT_ATTEMPTS = 2
_SERVICE_UNAVAILABLE = 503
_STATUS_CODES = "retriable-status-codes"
_HOST_SELECTION_ATTEMPTS = 5
_LEAST_BACKOFF = timedelta(milliseconds=1)


@cache
def _previous_hosts() -> RetryPolicyRetryHostPredicate:
    """Pick another host than those that were tried."""
    return new(RetryPolicyRetryHostPredicate)(
        name="envoy.retry_host_predicates.previous_hosts",
        typed_config=pack(new(PreviousHostsPredicate)()),
    )


@cache
def _previous_priorities() -> RetryPolicyRetryPriority:
    """Move on to the next priority after two attempts in one."""
    return new(RetryPolicyRetryPriority)(
        name="envoy.retry_priorities.previous_priorities",
        typed_config=pack(new(PreviousPrioritiesConfig)(update_frequency=2)),
    )


@cache
def default_outbound() -> RetryPolicy:
    """Two more attempts, on another host, where the request cannot have been served."""
    return new(RetryPolicy)(
        retry_on=DEFAULT_RETRY_ON,
        num_retries=DEFAULT_ATTEMPTS,
        retry_host_predicate=[_previous_hosts()],
        host_selection_retry_max_attempts=_HOST_SELECTION_ATTEMPTS,
        retriable_status_codes=[_SERVICE_UNAVAILABLE],
    )


@cache
def default_inbound() -> RetryPolicy:
    """Two more attempts when the application closed the connection before the request was sent.

    Not meant for gRPC.
    """
    return new(RetryPolicy)(retry_on="reset-before-request", num_retries=DEFAULT_ATTEMPTS)


def retry_policy(retries: Retries) -> RetryPolicy:
    """The policy of a rule that says something of retries.

    An empty one, which turns them off, for no attempts.
    """
    if retries.attempts <= 0:
        return new(RetryPolicy)()
    retry_on, codes = _conditions(retries.retry_on)
    backoff = (
        None
        if retries.backoff is None
        else new(RetryPolicyRetryBackOff)(base_interval=max(retries.backoff, _LEAST_BACKOFF))
    )
    ignores_previous = retries.retry_ignore_previous_hosts
    return new(RetryPolicy)(
        retry_on=retry_on,
        num_retries=retries.attempts,
        per_try_timeout=retries.per_try_timeout or None,
        retry_host_predicate=[_previous_hosts()] if ignores_previous else [],
        host_selection_retry_max_attempts=_HOST_SELECTION_ATTEMPTS if ignores_previous else 0,
        retriable_status_codes=codes,
        retry_priority=_previous_priorities() if retries.retry_remote_localities else None,
        retry_back_off=backoff,
    )


def _conditions(retry_on: str) -> tuple[str, list[int]]:
    """Envoy's condition names and status codes: numbers in Istio's list are codes."""
    if not retry_on:
        return DEFAULT_RETRY_ON, [_SERVICE_UNAVAILABLE]
    parts = [part.strip() for part in retry_on.split(",") if part.strip()]
    names = [part for part in parts if not part.isdigit()]
    codes = [int(part) for part in parts if part.isdigit()]
    if codes and _STATUS_CODES not in names:
        names.append(_STATUS_CODES)
    return ",".join(names), codes
