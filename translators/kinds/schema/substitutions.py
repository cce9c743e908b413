"""Substitutions such as `%REQ(x-user)%`, which Envoy puts into the values of headers.

Out: "" for a text whose substitutions Envoy 1.40 knows, else what is wrong with it.

Source: Envoy's page on format rules of access logs, which hold for headers too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from translators.kinds.schema.shape import did_you_mean

_HEADER = r"[A-Za-z0-9!#$%&'*+.^_`|~:-]*"
_SUBSTITUTION = re.compile(r"([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]{1,9}))?%")


@dataclass(frozen=True, slots=True)
class Command:
    """What may stand beside a command's name.

    Attributes:
        takes: What its parentheses, or nothing, must be; None where it has none.
        example: A right use of it, for a message.
        has_length: Whether `:LENGTH` may follow.
    """

    takes: re.Pattern[str] | None = None
    example: str = ""
    has_length: bool = False


_NAMES = """
ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_RETRANSMITTED BYTES_SENT CONNECTION_ID
CONNECTION_TERMINATION_DETAILS CUSTOM_FLAGS DURATION FILTER_CHAIN_NAME GRPC_STATUS_NUMBER HOSTNAME
LISTENER_NAME LOCAL_REPLY_BODY PROTOCOL ROUTE_NAME ROUTE_RESOLUTION_COUNT ROUTE_RESOLUTION_TIME_US
SPAN_ID STREAM_ID TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT TRACE_ID UNIQUE_ID VIRTUAL_CLUSTER_NAME
REQUEST_DURATION REQUEST_HEADERS_BYTES REQUEST_TX_DURATION
RESPONSE_CODE RESPONSE_DURATION RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_HEADERS_BYTES
RESPONSE_TRAILERS_BYTES RESPONSE_TX_DURATION
DOWNSTREAM_CX_RTT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED
DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT DOWNSTREAM_DETECTED_CLOSE_TYPE
DOWNSTREAM_DIRECT_LOCAL_ADDRESS DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID
DOWNSTREAM_DIRECT_LOCAL_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_PORT
DOWNSTREAM_HANDSHAKE_DURATION DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT
DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_LOCAL_CLOSE_REASON
DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN
DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_SUBJECT
DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_CERT DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1
DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 DOWNSTREAM_PEER_CHAIN_SERIALS DOWNSTREAM_PEER_DNS_SAN
DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_FINGERPRINT_256
DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256
DOWNSTREAM_PEER_ISSUER_SERIAL DOWNSTREAM_PEER_OTHERNAME_SAN DOWNSTREAM_PEER_SERIAL
DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_PORT
DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_GROUP DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TLS_VERSION
DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT
UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_CONNECTION_ID UPSTREAM_CONNECTION_IDS_ATTEMPTED
UPSTREAM_CONNECTION_POOL_READY_DURATION UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED
UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DETECTED_CLOSE_TYPE UPSTREAM_HEADER_BYTES_RECEIVED
UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HOST UPSTREAM_HOSTS_ATTEMPTED
UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME UPSTREAM_HOST_NAMES_ATTEMPTED
UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS
UPSTREAM_LOCAL_CLOSE_REASON UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN UPSTREAM_LOCAL_PORT
UPSTREAM_LOCAL_URI_SAN UPSTREAM_PEER_CERT UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN
UPSTREAM_PEER_ISSUER UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_URI_SAN UPSTREAM_PROTOCOL
UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_REMOTE_PORT
UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_SERVER_NAME UPSTREAM_TLS_CIPHER UPSTREAM_TLS_GROUP
UPSTREAM_TLS_SESSION_ID UPSTREAM_TLS_VERSION UPSTREAM_TRANSPORT_FAILURE_REASON
UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_WIRE_BYTES_SENT
"""
"""Commands that are a name and nothing else."""


def _commands(
    names: str, takes: str | None, example: str, *, has_length: bool = False
) -> dict[str, Command]:
    pattern = None if takes is None else re.compile(takes)
    return {name: Command(pattern, f"%{name}{example}%", has_length) for name in names.split()}


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    _commands(_NAMES, None, "")
    | _commands(
        "REQ REQUEST_HEADER RESP RESPONSE_HEADER TRAILER RESPONSE_TRAILER STREAM_INFO_REQ",
        rf"(?!\Z){_HEADER}(?:\?{_HEADER})?",
        "(x-name)",
        has_length=True,
    )
    | _commands("CEL", r".+", "(request.path)", has_length=True)
    | _commands("DYNAMIC_METADATA ENVIRONMENT QUERY_PARAM", r".+", "(name)", has_length=True)
    | _commands("CLUSTER_METADATA UPSTREAM_METADATA", r".+", "(namespace:key)")
    | _commands(
        "FILTER_STATE UPSTREAM_FILTER_STATE",
        r"[^:]+(?::(?:PLAIN|TYPED|FIELD:[^:]+))?",
        "(key:PLAIN)",
        has_length=True,
    )
    | _commands(
        "METADATA",
        r"(?:DYNAMIC|CLUSTER|ROUTE|UPSTREAM_HOST|LISTENER|LISTENER_FILTER_CHAIN|VIRTUAL_HOST)(?::.*)?",
        "(ROUTE:namespace:key)",
        has_length=True,
    )
    | _commands(
        """
        DOWNSTREAM_PEER_CERT_V_END DOWNSTREAM_PEER_CERT_V_START EMIT_TIME EMIT_TIME_LOCAL START_TIME
        START_TIME_LOCAL UPSTREAM_PEER_CERT_V_END UPSTREAM_PEER_CERT_V_START
        """,
        r"(?:(?!%[0-9E]*n).)*",
        "(%Y-%m-%d)",
    )
    | _commands(
        """
        DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT
        DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT
        UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT
        """,
        r"(?:\d{1,3})?",
        "(16)",
    )
    | _commands("RESPONSE_CODE_DETAILS", r"(?:ALLOW_WHITESPACES)?", "")
    | _commands("GRPC_STATUS", r"(?:CAMEL_STRING|SNAKE_STRING|NUMBER)?", "(SNAKE_STRING)")
    | _commands("COMMON_DURATION", r"[^:]+:[^:]+(?::(?:s|ms|us|ns))?", "(DS_RX_BEG:DS_RX_END:ms)")
    | _commands(
        "PATH", r"(?:WQ|NQ)?(?::(?:ORIG|PATH|ORIG_OR_PATH)?)?", "(NQ:PATH)", has_length=True
    )
    | _commands("QUERY_PARAMS", r"(?:ORIG|DECODED)?", "(ORIG)", has_length=True)
    | _commands(
        "REQUESTED_SERVER_NAME",
        r"(?:SNI_ONLY|SNI_FIRST|HOST_FIRST)?(?::(?:ORIG|HOST|ORIG_OR_HOST)?)?",
        "(SNI_FIRST:ORIG)",
    )
)
"""Those that are known. What stands in the parentheses of CEL only Envoy can judge."""


def has_expression(text: str) -> bool:
    """Say whether right substitutions hold an expression that is not judged here."""
    return "%CEL(" in text


def wrong_substitutions(text: str) -> str:
    """Give what Envoy would not take of a text with substitutions, "" for nothing."""
    at = text.find("%")
    while at >= 0:
        if text.startswith("%%", at):
            at = text.find("%", at + 2)
            continue
        match = _SUBSTITUTION.match(text, at + 1)
        if match is None:
            return "has a % that begins no substitution such as %PROTOCOL%; write %% for the sign"
        wrong = _wrong_command(*match.groups())
        if wrong:
            return wrong
        at = text.find("%", match.end())
    return ""


def _wrong_command(name: str, given: str | None, length: str | None) -> str:
    command = COMMANDS.get(name)
    if command is None:
        return (
            f"%{name}% is no substitution that is known here"
            f"{did_you_mean(name, COMMANDS)}; write %% for the sign"
        )
    if command.takes is None:
        beside = given or length
        return f"%{name}% takes nothing beside its name" if beside is not None else ""
    if not command.takes.fullmatch(given or ""):
        return f"%{name}% is not used rightly; write for example {command.example}"
    if length is not None and not command.has_length:
        return f"%{name}% takes no length"
    return ""
