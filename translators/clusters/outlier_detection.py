"""Outlier detection: a host that keeps failing is left out for a while.

Two of Envoy's defaults are changed. Ejection by success rate is off, as in Istio. And when the rule
does not say what share of hosts may be ejected, Envoy's 10 % holds, but one host may be ejected in
any case: 10 % of two hosts is none.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import OutlierDetection as EnvoyOutlierDetection
from envoy_data_plane.envoy.type.v3 import Percent

from translators.codec import new
from translators.model.policy import OutlierDetection

_ALWAYS = 100


def outlier_detection(rule: OutlierDetection) -> EnvoyOutlierDetection:
    """Envoy's form of a rule's outlier detection."""
    gateway_errors = rule.consecutive_gateway_errors
    split = rule.split_external_local_origin_errors
    local_errors = rule.consecutive_local_origin_failures if split else None
    return new(EnvoyOutlierDetection)(
        consecutive_5xx=rule.consecutive_5xx or None,
        enforcing_consecutive_5xx=_enforcing(rule.consecutive_5xx),
        consecutive_gateway_failure=gateway_errors or None,
        enforcing_consecutive_gateway_failure=_enforcing(gateway_errors),
        split_external_local_origin_errors=split,
        consecutive_local_origin_failure=local_errors or None,
        enforcing_consecutive_local_origin_failure=_enforcing(local_errors),
        enforcing_local_origin_success_rate=0 if split else None,
        interval=rule.interval,
        base_ejection_time=rule.base_ejection_time,
        max_ejection_percent=rule.max_ejection_percent,
        always_eject_one_host=True if rule.max_ejection_percent is None else None,
        enforcing_success_rate=0,
    )


def _enforcing(threshold: int | None) -> int | None:
    """Whether the number of errors leads to ejection.

    None is Envoy's default, 0 errors turn the check off.
    """
    if threshold is None:
        return None
    return _ALWAYS if threshold else 0


def panic_threshold(rule: OutlierDetection | None) -> Percent:
    """The share of healthy hosts below which Envoy sends to all hosts, sick ones too.

    It is 0 %, so that requests fail fast rather than go to hosts that are known to be sick. But
    where the only host of a service may be ejected (see above), being ejected must not be worse
    than being sick: there, panic begins when no host is left.
    """
    if rule is None:
        return new(Percent)(value=0.0)
    if rule.min_health_percent or rule.max_ejection_percent is not None:
        return new(Percent)(value=float(rule.min_health_percent))
    return new(Percent)(value=1.0)
