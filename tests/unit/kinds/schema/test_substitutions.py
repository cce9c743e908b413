"""What a percent sign in a header's value may begin; a real Envoy is asked in tests/e2e."""

from __future__ import annotations

import pytest

from translators.kinds.schema.substitutions import COMMANDS, wrong_substitutions


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "100%%",
        "%%%%",
        "%PROTOCOL%",
        "a %REQ(:path?x-a):12% b%%",
        "%REQ(x)%%REQ(y)%",
        "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
        "%START_TIME%",
        "%DYNAMIC_METADATA(a:b):5%",
        "%FILTER_STATE(key:FIELD:name)%",
        "%PATH(NQ:)%",
        "%GRPC_STATUS()%",
        *(command.example for command in COMMANDS.values()),
    ],
)
def test_what_envoy_substitutes_is_right(text: str) -> None:
    assert wrong_substitutions(text) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("%", "write %% for the sign"),
        ("50%", "write %% for the sign"),
        ("%%%", "write %% for the sign"),
        ("%REQ(x)", "write %% for the sign"),
        ("% PROTOCOL%", "write %% for the sign"),
        ("%protocol%", "write %% for the sign"),
        ("%é%", "write %% for the sign"),
        ("%REQ(x):99999999999999999999999%", "write %% for the sign"),
        ("%PROTOCOLL%", "did you mean PROTOCOL?"),
        ("%FOO%", "is no substitution that is known here"),
        ("%CEL()%", "write for example %CEL(request.path)%"),
        ("%PROTOCOL():1%", "takes nothing beside its name"),
        ("%PROTOCOL(x)%", "takes nothing beside its name"),
        ("%REQ%", "write for example %REQ(x-name)%"),
        ("%REQ()%", "write for example %REQ(x-name)%"),
        ("%REQ(a?b?c)%", "write for example %REQ(x-name)%"),
        ("%REQ(a b)%", "write for example %REQ(x-name)%"),
        ("%REQ(a,b)%", "write for example %REQ(x-name)%"),
        ("%START_TIME(%n)%", "write for example %START_TIME(%Y-%m-%d)%"),
        ("%START_TIME(%Y):5%", "takes no length"),
        ("%COMMON_DURATION(A:B:h)%", "DS_RX_BEG"),
        ("%FILTER_STATE(a:TEXT)%", "(key:PLAIN)"),
        ("%METADATA(FOO:a)%", "(ROUTE:namespace:key)"),
        ("fine %PROTOCOL% and 5% not", "write %% for the sign"),
    ],
)
def test_what_envoy_would_not_take_is_wrong_with_the_reason(text: str, reason: str) -> None:
    assert reason in wrong_substitutions(text)
