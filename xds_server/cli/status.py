"""`chancery status`: what every proxy has, what was rejected and what is wrong with documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xds_server.admin.client import AdminClient
from xds_server.admin.documents import document
from xds_server.cli.options import DEFAULT_ADMIN, AdminOption, Output, OutputOption, address
from xds_server.status import MeshStatus, ProxyStatus, RejectionStatus, TypeState, TypeStatus

if TYPE_CHECKING:
    from rich.text import Text

_COLOURS = {TypeState.ACKED: "green", TypeState.BEHIND: "yellow", TypeState.REJECTED: "red"}


def status(admin: AdminOption = DEFAULT_ADMIN, output: OutputOption = Output.TABLE) -> None:
    """List the proxies and, per type, whether they have the newest configuration.

    What Envoy rejected and what is wrong with documents follows.
    """
    mesh = AdminClient(*address(admin, "--admin")).status()
    from xds_server.cli.printing import print_document, print_lines

    if output is not Output.TABLE:
        print_document(document(mesh), output)
        return
    print_lines(report(mesh))


def report(mesh: MeshStatus) -> list[Text]:
    """The status as lines.

    A summary, a table of proxies, then what was rejected and what is wrong.
    """
    from rich.text import Text

    from xds_server.cli.printing import columns, problem_lines

    lines = [Text(_summary(mesh))]
    if mesh.proxies:
        lines += [Text(), *columns(_table(mesh.proxies)), *_reasons(mesh.proxies)]
    if mesh.rejections:
        lines += [Text(), Text(f"rejected by Envoy ({len(mesh.rejections)})", "bold red")]
        for rejection in mesh.rejections:
            lines += _rejection(rejection)
    if mesh.problems:
        lines += [Text(), Text(f"problems ({len(mesh.problems)})", "bold yellow")]
        lines += problem_lines(mesh.problems)
    return [*lines, Text(), Text(_judge(mesh), "dim")]


def _summary(mesh: MeshStatus) -> str:
    if not mesh.proxies:
        return f"revision {mesh.revision}; no proxies are connected"
    current = sum(proxy.revision >= mesh.revision for proxy in mesh.proxies)
    count = len(mesh.proxies)
    return f"revision {mesh.revision}; {current} of {count} {'proxy has' if count == 1 else 'proxies have'} it"


def _judge(mesh: MeshStatus) -> str:
    if mesh.judge:
        return f"what proxies reject is judged by Envoy {mesh.judge}"
    return "no Envoy judges what proxies reject: each keeps what it has"


def _table(proxies: tuple[ProxyStatus, ...]) -> list[list[Text]]:
    from rich.text import Text

    from xds_server.cli.printing import plain

    types = tuple(dict.fromkeys(row.type for proxy in proxies for row in proxy.types))
    heads = ("PROXY", "LOCALITY", "VERSION", "MODE", "WIRE", *map(str.upper, types), "REVISION")
    rows = [[Text(head, "bold") for head in heads]]
    for proxy in proxies:
        texts = (proxy.id, proxy.locality, proxy.version, proxy.mode, proxy.wire)
        by_type = {row.type: row for row in proxy.types}
        rows.append(
            [
                *(Text(plain(text) or "-") for text in texts),
                *(_cell(by_type.get(type_)) for type_ in types),
                Text(str(proxy.revision)),
            ]
        )
    return rows


def _cell(row: TypeStatus | None) -> Text:
    from rich.text import Text

    if row is None:
        return Text("-", "dim")
    return Text(f"{row.state.value} {row.resources}", _COLOURS[row.state])


def _reasons(proxies: tuple[ProxyStatus, ...]) -> list[Text]:
    """A line for each type of a proxy that is not ACKed and whose reason is known."""
    from rich.text import Text

    from xds_server.cli.printing import plain

    lines = [
        Text.assemble(
            "  ", (f"{plain(proxy.id)} {row.type}", _COLOURS[row.state]), ": ", plain(row.reason)
        )
        for proxy in proxies
        for row in proxy.types
        if row.reason
    ]
    return [Text(), *lines] if lines else []


def _rejection(rejection: RejectionStatus) -> list[Text]:
    from rich.text import Text

    from xds_server.cli.printing import plain

    where = "  ".join(filter(None, (rejection.place, rejection.object, rejection.path)))
    lines = [
        Text.assemble("  ", (plain(where), "bold")),
        Text("    " + plain(rejection.reason).replace("\n", "\n    ")),
        Text(f"    in {plain(rejection.resource)} of revision {rejection.revision}", "dim"),
    ]
    if rejection.serving:
        lines.append(Text(f"    proxies have instead: {plain(rejection.serving)}", "dim"))
    return lines
