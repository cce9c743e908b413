"""Envoy's words, as Envoy 1.40 said them: shortened, and the field that they repeat."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.processes.envoy import require_envoy
from tests.support.processes.static_envoy import bootstrap, pipe, static_cluster, validate
from xds_server.quarantine.protobuf_text import escaped, unescaped
from xds_server.quarantine.words import LIMIT, named_field, shortened

HOST = """\
goo.gle/debugstr\x20\x20
name: "r/svc"
domains: "svc"
routes {
  match {
    prefix: "/"
    headers {
      name: "x-a"
      string_match {
        prefix: ""
      }
    }
  }
  route {
    cluster: "c0"
    host_rewrite_literal: "a\\nb"
  }
  request_headers_to_add {
    header {
      key: "x-saw"
      value: "one\\ntwo \\303\\251 \\"three\\""
    }
  }
}
routes {
  direct_response {
    status: 99
  }
}
: Proto constraint validation failed (VirtualHostValidationError.Routes"""
INNER = ": embedded message failed validation | caused by "
NO_LINE_BREAK = 'value does not match regex pattern "^[^\\x00\\n\\r]*$"'
AUTHORITY = (
    f"{HOST}[0]{INNER}RouteValidationError.Route{INNER}"
    f"RouteActionValidationError.HostRewriteLiteral: {NO_LINE_BREAK})"
)
HEADER = (
    f"{HOST}[0]{INNER}RouteValidationError.RequestHeadersToAdd[0]{INNER}"
    f"HeaderValueOptionValidationError.Header{INNER}"
    f"HeaderValueValidationError.Value: {NO_LINE_BREAK})"
)
STATUS = (
    f"{HOST}[1]{INNER}RouteValidationError.DirectResponse{INNER}"
    "DirectResponseActionValidationError.Status: value must be inside range [200, 600))"
)
EMPTY = (
    f"{HOST}[0]{INNER}RouteValidationError.Match{INNER}"
    f"RouteMatchValidationError.Headers[0]{INNER}HeaderMatcherValidationError.StringMatch{INNER}"
    "StringMatcherValidationError.Prefix: value length must be at least 1 characters)"
)
NO_ACTION = f'{HOST}[1]{INNER}field: "action", reason: is required)'
STATIC = f"""\
[2026-11-24 21:36:55.495][4767][critical][main] [source/server/config_validation/server.cc:76] \
error initializing configuration '/tmp/b.pb': goo.gle/debugproto
node {{
  id: "test"
}}
static_resources {{
  clusters {{
    name: "xds"
    type: STATIC
  }}
  clusters {{
    name: "outbound|80||svc.example"
    ring_hash_lb_config {{
      minimum_ring_size {{
        value: 99999999
      }}
    }}
  }}
}}
: Proto constraint validation failed (BootstrapValidationError.StaticResources{INNER}\
StaticResourcesValidationError.Clusters[1]{INNER}ClusterValidationError.RingHashLbConfig{INNER}\
RingHashLbConfigValidationError.MinimumRingSize: value must be less than or equal to 8388608)
"""
INLINE = f"""\
goo.gle/debugonly
stat_prefix: "l"
route_config {{
  name: "80"
  virtual_hosts {{
    name: "svc"
  }}
}}
: Proto constraint validation failed (HttpConnectionManagerValidationError.RouteConfig{INNER}\
RouteConfigurationValidationError.VirtualHosts[0]{INNER}\
VirtualHostValidationError.Domains: value must contain at least 1 item(s))"""
LISTENER = """\
Error adding/updating listener(s) 0.0.0.0_80: goo.gle/debugstr
stat_prefix: "l"
: Proto constraint validation failed (HttpConnectionManagerValidationError.StatPrefix: value \
length must be at least 2 characters)
"""
CUT = f"{HOST[:200]}...(truncated)"
DURATION = "Invalid duration: Expected positive duration: goo.gle/debugstr   \nseconds: -5\n\n"
FRACTION = "Invalid duration: goo.gle/debugonly\nseconds: -1\nnanos: -500000000\n"
JSON = (
    "Unable to parse JSON as proto (INVALID_ARGUMENT: invalid JSON   in envoy.config.bootstrap.v3."
    "Bootstrap @ static_resources.clusters[0].connect_timeout: duration   must end with a single "
    """'s'): {"static_resources":{"clusters":[{"name":"a","connect_timeout":"5q"}]}}"""
)
OLDER = (
    "Proto constraint validation failed (ClusterValidationError.LbPolicy: value must be one of the "
    'defined enum values): name: "bad"\ntype: EDS\nlb_policy: 99\n'
)
RING = (
    "Error adding/updating cluster(s) outbound|80||svc.example: ring hash: minimum_ring_size (100) "
    "> maximum_ring_size (10)"
)
PERCENT = "Incorrect configuration: 100% sure. Couldn't find valid command at position 3"
TWICE = (
    "Only unique values for domains are permitted. Duplicate entry of domain dup.example in route r"
)
NOT_AN_IP = (
    "Error adding/updating cluster(s) ep: malformed IP address: not-an-ip. Consider setting "
    "resolver_name or setting cluster type to 'STRICT_DNS' or 'LOGICAL_DNS'"
)
REGEX = "missing ): /a(b"
BIND = (
    "Error adding/updating listener(s) 0.0.0.0_81: cannot bind '127.0.0.1:5109': "
    "Address already in use\n"
)
CLUSTER = "route: unknown cluster 'nobody'"
ALL = (
    AUTHORITY, HEADER, STATUS, EMPTY, NO_ACTION, STATIC, INLINE, LISTENER, CUT, DURATION, FRACTION,
    JSON, OLDER, RING, PERCENT, TWICE, NOT_AN_IP, REGEX, BIND, CLUSTER,
)  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "short"),
    [
        (
            AUTHORITY,
            f'r/svc: field routes[0].route.host_rewrite_literal is "a\\nb": {NO_LINE_BREAK}',
        ),
        (
            STATUS,
            "r/svc: field routes[1].direct_response.status is 99: value must be inside range "
            "[200, 600)",
        ),
        (
            EMPTY,
            'r/svc: field routes[0].match.headers[x-a].string_match.prefix is "": value length '
            "must be at least 1 characters",
        ),
        (NO_ACTION, "r/svc: field routes[1].action: is required"),
        (
            STATIC,
            "outbound|80||svc.example: field ring_hash_lb_config.minimum_ring_size is 99999999: "
            "value must be less than or equal to 8388608",
        ),
        (INLINE, "80: field virtual_hosts[svc].domains: value must contain at least 1 item(s)"),
        (
            LISTENER,
            '0.0.0.0_80: field stat_prefix is "l": value length must be at least 2 characters',
        ),
        (CUT, "r/svc: (Envoy's words were cut off before the reason)"),
        (DURATION, "Invalid duration: Expected positive duration: -5s"),
        (FRACTION, "Invalid duration: -1.5s"),
        (
            JSON,
            "Unable to parse JSON as proto (INVALID_ARGUMENT: invalid JSON in envoy.config.bootstrap"
            ".v3.Bootstrap @ static_resources.clusters[0].connect_timeout: duration must end with a "
            "single 's')",
        ),
        (OLDER, "bad: field lb_policy is 99: value must be one of the defined enum values"),
        (RING, RING),
        (REGEX, REGEX),
        (BIND, BIND.rstrip()),
        ("missing ): {a(b", "missing ): {a(b"),
        ("two\nlines\tand \x1b[31mcolour", "two lines and \\x1b[31mcolour"),
        ("", ""),
    ],
)
def test_words_are_one_line_that_says_which_resource_and_why(reason: str, short: str) -> None:
    assert shortened(reason) == short


def test_words_too_long_keep_both_ends() -> None:
    short = shortened(f"Incorrect configuration: {'x' * 5000}. Couldn't find valid command")
    assert len(short) == LIMIT
    assert short.startswith("Incorrect configuration: xxx")
    assert short.endswith("xxx. Couldn't find valid command")


def test_a_long_value_leaves_room_for_its_reason() -> None:
    short = shortened(AUTHORITY.replace("a\\nb", "a" * 500))
    assert len(short) <= LIMIT
    assert short.endswith(f'aaa": {NO_LINE_BREAK}')


def test_a_dump_of_a_whole_mesh_is_soon_shortened() -> None:
    clusters = '  clusters {\n    name: "c"\n  }\n' * 30_000
    reason = STATIC.replace("  clusters {\n", clusters + "  clusters {\n", 1)
    assert shortened(reason.replace("Clusters[1]", "Clusters[30001]")) == shortened(STATIC)


@pytest.mark.parametrize(
    "piece",
    [
        "Proto constraint validation failed (",
        "Unable to parse JSON as proto (): ",
        "error initializing configuration '",
        "Error adding/updating cluster(s) x",
        "goo.gle/debugstr\n: ",
        'field a is "x',
        " | caused by XValidationError.Field: embedded",
        "((((",
        "a: ",
    ],
)
def test_words_that_are_meant_to_take_long_do_not(piece: str) -> None:
    reason = piece * (1_000_000 // len(piece))
    assert len(shortened(reason)) <= LIMIT
    assert named_field([("spec.a", piece * 2), ("spec.b", "((")], reason) in {"", "spec.a"}


@given(
    st.lists(
        st.sampled_from(ALL).flatmap(
            lambda said: st.tuples(st.integers(0, len(said)), st.integers(0, len(said))).map(
                lambda ends: said[min(ends) : max(ends)]
            )
        )
        | st.sampled_from((*ALL, "field x is ", ": ", "...(truncated)", "goo.gle/debugstr ", "): "))
        | st.text(max_size=20),
        max_size=4,
    ).map("".join)
)
def test_whatever_it_says_is_shortened_once_and_for_all(reason: str) -> None:
    short = shortened(reason)
    assert len(short) <= LIMIT
    assert short.isprintable()
    assert shortened(short) == short
    named_field([("spec.a", reason[:9]), ("spec.b", "")], reason)


@pytest.mark.parametrize(
    ("reason", "value", "others"),
    [
        (PERCENT, "100% sure", ["100", "3", "sure", "configuration"]),
        (REGEX, "/a(b", ["/a", "missing", "a(b", "b"]),
        (RING, "100", ["10", "outbound|80||svc.example", "svc.example", "80"]),
        (TWICE, "dup.example", ["example", "dup", "r", "unique"]),
        (NOT_AN_IP, "not-an-ip", ["ip", "not", "ep", "LOGICAL"]),
        (CLUSTER, "nobody", ["cluster", "unknown cluster", "route"]),
        (DURATION, "-5s", ["5s", "-5"]),
        (AUTHORITY, "a\nb", ["a", "b", "value", "c0", "/", "svc", "r/svc"]),
        (HEADER, 'one\ntwo é "three"', ["x-saw", "one", "three", "regex", "", "99"]),
        (STATUS, "99", ["200", "600", "", "one\ntwo"]),
        (EMPTY, "", ["/", "x-a", "1", "c0"]),
        (STATIC, "99999999", ["8388608", "xds", "STATIC", "svc.example"]),
        ('Bad \\303\\251 \\"x\\" here', 'é "x"', ["x", "here"]),
        ("Unable to parse 'two  words'", "two  words", ["two", "words"]),
    ],
)
def test_the_field_is_the_one_whose_value_is_repeated(
    reason: str, value: str, others: list[str]
) -> None:
    values = [(f"spec.other[{number}]", text) for number, text in enumerate(others)]
    assert named_field([*values, ("spec.wrong", value)], reason) == "spec.wrong"
    assert named_field([("spec.wrong", value), *values], reason) == "spec.wrong"
    assert named_field(values, reason) in {"", "spec.other[0]" if reason == RING else ""}
    assert named_field([("spec.wrong", value), *values, ("spec.same", value)], reason) == ""


@pytest.mark.parametrize("reason", ALL)
def test_no_field_is_named_for_words_that_envoy_says_of_its_own_accord(reason: str) -> None:
    words = {word.strip(".,:()'\"") for word in reason.split() if not word.startswith("(")}
    own = [word for word in words if word.isalpha()]
    named = named_field([(word, word) for word in own], reason)
    assert named in {"", "nobody" if reason == CLUSTER else "", "l" if reason == LISTENER else ""}


def test_no_field_is_named_for_what_names_the_object_or_its_resources() -> None:
    assert named_field([("metadata.name", "dup.example")], TWICE) == ""
    assert named_field([("spec.host", "0.0.0.0_81")], BIND) == ""
    assert named_field([("spec.address", "127.0.0.1")], BIND) == ""
    assert named_field([("spec.host", "r/svc"), ("spec.hosts[0]", "svc")], CUT) == ""
    assert named_field([("spec.host", "r/svc")], shortened(CUT)) == ""


@pytest.mark.parametrize("reason", [AUTHORITY, HEADER, STATUS, EMPTY, STATIC, PERCENT, REGEX])
def test_shortened_words_still_name_the_field(reason: str) -> None:
    values = {
        "a": "a\nb", "b": 'one\ntwo é "three"', "c": "99", "d": "", "e": "99999999",
        "f": "100% sure", "g": "/a(b",
    }  # fmt: skip
    named = named_field(values.items(), reason)
    assert named
    assert named_field(values.items(), shortened(reason)) == named


@given(st.text())
def test_a_text_is_printed_and_read_back(text: str) -> None:
    assert unescaped(f'"{escaped(text)}"') == text


@pytest.mark.envoy
def test_this_is_how_the_installed_envoy_speaks(tmp_path: Path) -> None:
    """What a dump looks like may change from one Envoy to the next."""
    cluster = static_cluster("bad é", pipe(tmp_path / "sock"))
    cluster.lb_policy = 99
    with pytest.raises(AssertionError) as rejected:
        validate(require_envoy(), bootstrap([], [cluster]), tmp_path)
    assert shortened(str(rejected.value)) == (
        "bad é: field lb_policy is 99: value must be one of the defined enum values"
    )
