"""The reference of all commands as Markdown, made from the commands' own signatures.

`python -m xds_server.cli.reference docs/cli.md` writes it; a test compares the file with what this
would write.
"""

from __future__ import annotations

import enum
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args, get_type_hints

from typer.models import ArgumentInfo, OptionInfo

from xds_server.cli.main import app

_HEADING = """# The commands

<!-- Written by `make docs` from the commands themselves. -->

An option that has an environment variable takes the variable's value when it is not given itself.
`chancery COMMAND --help` says the same as this page. Commands end with 0 when they did what they were
asked, with 1 when not, and with 2 when they did not understand it.
"""


def reference() -> str:
    """The page."""
    commands = (command.callback for command in app.registered_commands)
    return "\n".join([_HEADING, *(line for each in commands if each for line in _command(each))])


def _command(command: Callable[..., object]) -> Iterator[str]:
    rows: list[str] = []
    names: list[str] = []
    hints = get_type_hints(command, include_extras=True)
    for parameter in inspect.signature(command).parameters.values():
        value_type, *extras = get_args(hints[parameter.name])
        info = next(each for each in extras if isinstance(each, ArgumentInfo | OptionInfo))
        if isinstance(info, ArgumentInfo):
            names.append(parameter.name.upper())
            name = f"`{names[-1]}`"
        else:
            name = ", ".join(f"`{flag}`" for flag in _flags(parameter.name, info))
        meaning = (info.help or "").replace("|", "\\|") + _choices(value_type)
        default, variable = _default(parameter), f"`{info.envvar}`" if info.envvar else ""
        rows.append(f"| {name} | {meaning} | {default} | {variable} |")
    yield f"## chancery {command.__name__}\n\n{inspect.getdoc(command)}\n"
    yield f"```\n{' '.join(['chancery', command.__name__, *names, '[OPTIONS]'])}\n```\n"
    yield "| | meaning | default | environment |\n| --- | --- | --- | --- |"
    yield from rows
    yield ""


def _flags(name: str, info: OptionInfo) -> list[str]:
    """The option's spellings; inside `Annotated` the first one stands where a default would."""
    told = (info.default, *(info.param_decls or ()))
    flags = [flag for flag in told if isinstance(flag, str) and flag.startswith("-")]
    return flags or [f"--{name.replace('_', '-')}"]


def _choices(value_type: object) -> str:
    if not (isinstance(value_type, type) and issubclass(value_type, enum.Enum)):
        return ""
    return f" One of {', '.join(f'`{choice.value}`' for choice in value_type)}."


def _default(parameter: inspect.Parameter) -> str:
    value = parameter.default
    if value is inspect.Parameter.empty:
        return "required"
    if isinstance(value, enum.Enum):
        value = value.value
    return "" if value in (None, "", False) else f"`{value}`"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
