"""Envoy's words about what it rejects: for a person, and for finding the field that they repeat.

In: the error detail of a NACK, or what `--mode validate` prints. Out: one line, and a field's path.

Of a message that breaks a constraint Envoy prints all of it, as protobuf text, and then the reason,
led by the names of the fields on the way down. The dump says what stands at that place; so the
reason is told with this value, and without the rest of the dump.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xds_server.quarantine.protobuf_text import Step, escaped, lone_scalar, place, unescaped

LIMIT = 300
"""The longest text for a person, in characters."""

_VALUE_LIMIT = 80
_SEARCHED = 16_384
_BRACKETS = 4
_PASSES = 4
_GAP = " … "
_QUOTES = "'\"`"
_OBJECT_ITSELF = ("metadata", "apiVersion", "kind")
"""What names an object is found in the names of its resources."""

_VALIDATED = re.compile(r"error initializing config(?:uration)? '[^'\n]*': ")
_DUMP = re.compile(r"goo\.gle/debug\w*\s*(?P<dump>.*?)(?:(?:\n|^): (?P<reason>.*)|\Z)", re.DOTALL)
_LEADS = ("Unable to parse JSON as proto (", "Proto constraint validation failed (")
_DUMP_AFTERWARDS = re.compile(r"\): (?=\{|\w+(?: \{|: ))")
_TRUNCATED = "...(truncated)"
_CUT_OFF = "(Envoy's words were cut off before the reason)"
_BROKEN = re.compile(
    r"(?P<before>.*?)Proto constraint validation failed \((?P<links>.*)", re.DOTALL
)
_LINK = re.compile(r"\w+ValidationError\.(\w+)(?:\[([^]]*)\])?: (.*)", re.DOTALL)
_REQUIRED = re.compile(r'field: "(\w+)", reason: (.*)', re.DOTALL)
_EMPTY = "value length must be at least 1"
_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TOLD = re.compile(
    r"(?:(?P<resource>.*?): )?field (?P<path>[a-z]\S*?)"
    r'(?: is (?P<value>"(?:[^"\\]|\\.)*"|[^\s":]+))?: (?P<text>.*)'
)
_ABOUT = re.compile(r"Error adding/updating (?:cluster|listener)\(s\) (\S+): ")
_MAY_BE_ENVOYS = re.compile(r"[A-Za-z\s]*|[\d.+-]*|..?", re.DOTALL)
"""Words, numbers and trifles, which Envoy says of its own accord."""
_ENDS_CLAUSE = re.compile(r"\Z|[.,;)](?:\s|\Z)")


@dataclass(frozen=True, slots=True)
class _Words:
    """What Envoy said.

    Attributes:
        text: The reason, in its own words.
        resource: Whose; empty when only the text may tell.
        path: Where in the resource, in Envoy's names; empty when that is not told.
        value: What stands there, as protobuf prints it; empty when that is not told.
    """

    text: str
    resource: str = ""
    path: str = ""
    value: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}: " if self.resource else ""
        if not self.path:
            return resource + self.text
        value = f" is {_fitting(self.value, _VALUE_LIMIT)}" if self.value else ""
        return f"{resource}field {self.path}{value}: {self.text}"


def shortened(reason: str) -> str:
    """Envoy's words in one line of at most `LIMIT` characters: the resource and the reason.

    What is short already stays as it is.
    """
    for _ in range(_PASSES):
        before, reason = reason, _fitting(_one_line(str(_read(reason))), LIMIT)
        if reason == before:
            break
    return reason


def named_field(values: Iterable[tuple[str, str]], reason: str) -> str:
    """The path of the scalar that Envoy's words repeat; empty when it is not known.

    The longest one counts. It is not known when several are as long, or when all that is repeated
    may be a word of Envoy's own or a resource's name.

    Args:
        values: (path, text) of the object's scalars.
        reason: Envoy's words as they came; shortened ones may leave out the value.
    """
    words = _read(reason)
    said = unescaped(words.value) if words.value else _ABOUT.sub("", words.text)
    said = _fitting(said, _SEARCHED)
    if said.endswith(_CUT_OFF):
        return ""
    has = _is_in_value if words.value else _is_in_words
    longest, paths = 0, list[str]()
    for path, value in values:
        if len(value) < longest or path.startswith(_OBJECT_ITSELF) or not has(said, value):
            continue
        if len(value) > longest:
            longest, paths = len(value), []
        paths.append(path)
    return paths[0] if len(paths) == 1 else ""


def _read(reason: str) -> _Words:
    """Take Envoy's words apart; also those that were shortened."""
    told = _TOLD.fullmatch(reason) if len(reason) <= LIMIT else None
    if told is not None:
        groups = told.groupdict(default="")
        return _Words(groups["text"], groups["resource"], groups["path"], groups["value"])
    *_, begin = 0, *(led.end() for led in _VALIDATED.finditer(reason))
    text, dump = reason[begin:].strip(), ""
    is_cut = text.endswith(_TRUNCATED)
    if (marked := _DUMP.search(text)) is not None:
        dump, before = marked["dump"], text[: marked.start()]
        if marked["reason"] is None and not is_cut:
            return _Words(before + (lone_scalar(dump) or dump))
        if marked["reason"] is None:
            return _Words(_CUT_OFF, place(dump, ()).resource)
        text = before + marked["reason"]
    elif (lead := max(map(text.find, _LEADS))) >= 0 and (
        after := _DUMP_AFTERWARDS.search(text, lead)
    ):
        dump, text = text[after.end() :], text[: after.start() + 1]
    broken = _BROKEN.match(text)
    if broken is None:
        return _Words(text)
    return _broken(broken["links"].removesuffix(")"), dump, broken["before"])


def _broken(links: str, dump: str, before: str) -> _Words:
    """Where a constraint is broken, as its validators tell it from the outermost inwards."""
    steps, text = list[Step](), links
    for link in links.split(" | caused by "):
        if (named := _LINK.fullmatch(link)) is not None:
            steps.append(Step(_WORD_BEGINS.sub("_", named[1]).lower(), named[2] or ""))
            text = named[3]
        elif (required := _REQUIRED.fullmatch(link)) is not None:
            steps.append(Step(required[1]))
            text = required[2]
        else:
            text = link
    there = place(dump, steps)
    value = there.value or ('""' if text.startswith(_EMPTY) else "")
    resources = [*_ABOUT.findall(before), there.resource]
    text = _ABOUT.sub("", before) + text
    return _Words(text, ": ".join(filter(None, resources)), there.path, value)


def _is_in_value(said: str, value: str) -> bool:
    """Whether what stands in the resource is a value, or has it as a word of its own."""
    if said == value:
        return True
    return not _MAY_BE_ENVOYS.fullmatch(value) and any(
        _begins(said, begin) and _ends(said, end) for begin, end in _places(said, value)
    )


def _is_in_words(said: str, value: str) -> bool:
    """Whether words have a value in them: as it is, in one line, or as protobuf prints it."""
    if not value or (len(value) == 1 and not value.isdecimal()):
        return False
    is_doubtful = _MAY_BE_ENVOYS.fullmatch(value) is not None
    return any(
        _is_set_off(text, begin, end)
        or (not is_doubtful and _begins(text, begin) and _ends(text, end))
        for text in {said, _one_line(said)}
        for spelling in {value, _one_line(value), escaped(value)}
        for begin, end in _places(text, spelling)
    )


def _places(text: str, word: str) -> Iterator[tuple[int, int]]:
    """Where a text has a word."""
    begin = text.find(word) if word else -1
    while begin >= 0:
        yield begin, begin + len(word)
        begin = text.find(word, begin + 1)


def _is_set_off(text: str, begin: int, end: int) -> bool:
    """Whether something stands in quotes, in brackets, or as one word alone behind a colon."""
    around = text[max(begin - 1, 0) : begin] + text[end : end + 1]
    if around == "()" or (len(around) > 1 and around[0] == around[1] and around[0] in _QUOTES):
        return True
    return (
        text[:begin].endswith(": ")
        and " " not in text[begin:end]
        and _ENDS_CLAUSE.match(text, end) is not None
    )


def _begins(text: str, begin: int) -> bool:
    before = text[max(begin - _BRACKETS, 0) : begin].rstrip("([{<")
    return not before or before[-1].isspace() or before[-1] in _QUOTES + ",="


def _ends(text: str, end: int) -> bool:
    after = text[end : end + _BRACKETS].lstrip(")]}>.,;:!?")
    return not after or after[0].isspace() or after[0] in _QUOTES


def _one_line(text: str) -> str:
    joined = " ".join(text.split())
    if joined.isprintable():
        return joined
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in joined
    )


def _fitting(text: str, limit: int) -> str:
    """A text with its middle left out, so that it fits."""
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail - len(_GAP)]}{_GAP}{text[-tail:]}"
