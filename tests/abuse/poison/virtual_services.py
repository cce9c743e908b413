"""VirtualServices that are mistakes."""

from __future__ import annotations

from tests.abuse.poison.row import rows

_ROUTE = "route: [{destination: {host: author.mesh}}]"


def _policy(spec: str, name: str = "author") -> str:
    return f"""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, creationTimestamp: "2024-01-01T00:00:00Z"}}
spec: {spec}
"""


def _rule(rule: str) -> str:
    return _policy(f"{{hosts: [author.mesh], http: [{{{rule}}}]}}")


def _match(match: str) -> str:
    return _rule(f"match: [{{{match}}}], {_ROUTE}")


def _with(action: str) -> str:
    return _rule(f"{action}, {_ROUTE}")


_MANY_RULES = ", ".join(
    f"{{match: [{{uri: {{prefix: /{n}}}}}], {_ROUTE}, timeout: {n}s}}" for n in range(3000)
)

VIRTUAL_SERVICES = rows(
    "VirtualService",
    "author-policy.yaml",
    {
        "regex that only this Envoy refuses": _match('uri: {regex: "/([a-z]{1,40}/){1,4}x"}'),
        "regex of 1,600 repetitions": _match('uri: {regex: "/(?:[A-Za-z.]{1,40}/){1,40}"}'),
        "regex with a backward reference": _match(r"uri: {regex: '/(a)\1'}"),
        "regex with a look-ahead": _match("uri: {regex: '/(?=a)b'}"),
        "regex without an end": _match("uri: {regex: '/(((('}"),
        "regex of 200,000 characters": _match(f"uri: {{regex: '/{'(a|b)*' * 33_000}'}}"),
        "header regex without an end": _match("headers: {x-a: {regex: '[a'}}"),
        "query regex without an end": _match("queryParams: {a: {regex: '*a'}}"),
        "empty prefix of a path": _match('uri: {prefix: ""}'),
        "empty prefix of a header": _match('headers: {x-a: {prefix: ""}}'),
        "empty regex of a method": _match('method: {regex: ""}'),
        "empty prefix in withoutHeaders": _match('withoutHeaders: {x-a: {prefix: ""}}'),
        "port of a match beyond 65535": _match("port: 99999"),
        "stray % in a response header": _with('headers: {response: {set: {x-share: "100%"}}}'),
        "stray % in a request header": _with('headers: {request: {add: {x-share: "%d items"}}}'),
        "unknown % command in a header": _with('headers: {request: {set: {x-a: "%NOPE(x)%"}}}'),
        "% command without an end": _with('headers: {response: {add: {x-a: "%REQ(x"}}}'),
        "line break in a header value": _with(r'headers: {response: {set: {x-a: "a\r\nx-b: c"}}}'),
        "zero byte in a header value": _with(r'headers: {response: {set: {x-a: "a\0b"}}}'),
        "blank in a header name": _with('headers: {request: {set: {"x a": b}}}'),
        "pseudo header set": _with('headers: {request: {set: {":path": /other}}}'),
        "Host removed": _with("headers: {request: {remove: [host]}}"),
        "content-length set": _with('headers: {response: {set: {content-length: "5"}}}'),
        "transfer-encoding set": _with("headers: {request: {set: {transfer-encoding: chunked}}}"),
        "upgrade set": _with(
            "headers: {request: {set: {connection: upgrade, upgrade: websocket}}}"
        ),
        "timeout beyond Envoy's": _with("timeout: 10000000000s"),
        "timeout of 400 digits": _with(f"timeout: {'9' * 400}h"),
        "perTryTimeout beyond Envoy's": _with(
            "retries: {attempts: 2, perTryTimeout: 10000000000s}"
        ),
        "retries without end": _with("retries: {attempts: 2147483648}"),
        "retryOn of blanks": _with('retries: {attempts: 2, retryOn: ", ,"}'),
        "regex rewrite with a group too many": _with(
            r"rewrite: {uriRegexRewrite: {match: '/a', rewrite: '\9'}}"
        ),
        "regex rewrite with an odd backslash": _with(
            r"rewrite: {uriRegexRewrite: {match: '/a', rewrite: '\q'}}"
        ),
        "line break in a rewritten authority": _with(r'rewrite: {authority: "a\nb"}'),
        "line break in a rewritten path": _with(r'rewrite: {uri: "/a\nb"}'),
        "line break in a redirect": _rule(r'redirect: {uri: "/a\r\nset-cookie: b"}'),
        "odd scheme of a redirect": _rule(
            "redirect: {scheme: FTP, derivePort: FROM_PROTOCOL_DEFAULT}"
        ),
        "redirect that changes nothing": _rule("redirect: {}"),
        "answer of one megabyte": _rule(
            f"directResponse: {{status: 200, body: {{string: {'x' * (1 << 20)}}}}}"
        ),
        "answer in bytes that are not base64": _rule(
            "directResponse: {status: 200, body: {bytes: 'é'}}"
        ),
        "weights beyond 32 bits": _rule(
            "route: [{destination: {host: author.mesh}, weight: 2147483647}, "
            "{destination: {host: a.mesh}, weight: 2147483647}, "
            "{destination: {host: b.mesh}, weight: 2147483647}]"
        ),
        "weight of 5,000 digits": _rule(
            f"route: [{{destination: {{host: author.mesh}}, weight: {'9' * 5000}}}]"
        ),
        "destination that is no host": _rule('route: [{destination: {host: "a b%"}}]'),
        "destination that nobody knows": _rule("route: [{destination: {host: nobody.mesh}}]"),
        "subset that nobody knows": _rule(
            "route: [{destination: {host: author.mesh, subset: nobody}}]"
        ),
        "every host of the mesh": _policy(f'{{hosts: ["*"], http: [{{{_ROUTE}}}]}}', "star"),
        "every host of a domain": _policy(f'{{hosts: ["*.mesh"], http: [{{{_ROUTE}}}]}}', "star"),
        "the host of another": _policy(f"{{hosts: [honest.mesh], http: [{{{_ROUTE}}}]}}", "thief"),
        "the host of another in capitals": _policy(
            f"{{hosts: [HONEST.mesh], http: [{{{_ROUTE}}}]}}", "thief"
        ),
        "the host of another with a dot": _policy(
            f"{{hosts: [honest.mesh.], http: [{{{_ROUTE}}}]}}", "thief"
        ),
        "the host of another and a mistake": _policy(
            "{hosts: [honest.mesh, author.mesh], http: [{match: [{uri: {regex: "
            f"'/([a-z]{{1,40}}/){{1,4}}x'}}}}], {_ROUTE}}}]}}",
            "thief",
        ),
        "a host twice": _policy(f"{{hosts: [author.mesh, author.mesh], http: [{{{_ROUTE}}}]}}"),
        "host with a port": _policy(f'{{hosts: ["author.mesh:80"], http: [{{{_ROUTE}}}]}}'),
        "host of 300 characters": _policy(
            f"{{hosts: [{'.'.join(['a' * 59] * 5)}], http: [{{{_ROUTE}}}]}}"
        ),
        "3,000 rules": _policy(f"{{hosts: [author.mesh], http: [{_MANY_RULES}]}}"),
        "nested 3,000 deep": _policy(f"{{hosts: [author.mesh], http: {'[' * 3000}{']' * 3000}}}"),
        "no rules": _policy("{hosts: [author.mesh], http: []}"),
        "unknown field": _policy(f"{{hosts: [author.mesh], http: [{{{_ROUTE}, timout: 1s}}]}}"),
        "tls rule for the name of another": _policy(
            f"{{hosts: [honest.mesh], tls: [{{match: [{{sniHosts: [honest.mesh]}}], {_ROUTE}}}]}}",
            "thief",
        ),
        "tcp rule for the host of another": _policy(
            f"{{hosts: [honest.mesh], tcp: [{{{_ROUTE}}}]}}", "thief"
        ),
    },
    unnamed=frozenset(
        (
            "pseudo header set",
            "regex rewrite with a group too many",
            "regex rewrite with an odd backslash",
            "answer of one megabyte",
            "retryOn of blanks",
            "destination that nobody knows",
            "subset that nobody knows",
            "every host of a domain",
            "the host of another",
            "the host of another in capitals",
            "the host of another with a dot",
            "3,000 rules",
            "tls rule for the name of another",
            "tcp rule for the host of another",
        )
    ),
)
