"""A directory of configuration files: which files count, and reading them.

Blocking; no state but what was seen. Whatever lies in the directory, listing and reading it ends:
each directory is visited once, by one name; there are limits; what is no ordinary file is never
opened.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from xds_server.errors import ChanceryError
from xds_server.sources.texts import Content, Unreadable

SUFFIXES: Final = (".yaml", ".yml", ".json")
MAX_DEPTH: Final = 32
"""How deep directories may be nested."""

Stamp = tuple[int, int, int, int]
"""What changes when a file is replaced or written: device, inode, modification time and size."""

Identity = tuple[int, int]
"""Device and inode."""


class ConfigDirectoryError(ChanceryError):
    """The directory of configuration files cannot be used at all."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read of a directory.

    Attributes:
        file_bytes: A larger file is refused.
        files: So many files are read; of more, those that were read before go first.
    """

    file_bytes: int = 16 << 20
    files: int = 50_000


@dataclass(slots=True)
class _Listing:
    """What one look through the directories has found.

    Attributes:
        files: The configuration files, in order.
        visited: Each directory by its identity, with the name by which it was visited.
        names: These names.
        troubles: Path → what is not read there, and why.
        closed: Directories that could not be listed, with a separator at their ends.
    """

    files: list[str] = field(default_factory=list)
    visited: dict[Identity, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    troubles: dict[str, str] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)


class Directory:
    """The configuration files below one directory.

    A file counts when its name ends in `.yaml`, `.yml` or `.json` and neither it nor a directory
    above it is hidden; so editors' swap, lock and backup files and the versioned directories of
    mounted ConfigMaps do not. Links are followed, and a directory with several names is read by one
    of them, rather its own than a link's. Files are named by their path as the user would type it:
    `root` as given, joined with the path below it.
    """

    def __init__(self, root: Path, limits: Limits | None = None) -> None:
        self.root = root
        self._limits = limits or Limits()
        self._stamps: dict[str, Stamp] = {}
        self._listing = _Listing()

    @property
    def troubles(self) -> Mapping[str, str]:
        """Path → what was not read there when all was last looked through, and why."""
        return self._listing.troubles

    def check(self) -> None:
        """Refuse a root that is no directory or cannot be listed.

        Raises:
            ConfigDirectoryError: says why and what to do.
        """
        if not self.root.exists():
            raise ConfigDirectoryError(
                f"the configuration directory {self.root} does not exist; create it, or name another with --config"
            )
        if not self.root.is_dir():
            raise ConfigDirectoryError(
                f"{self.root} is a file; name the directory that holds the configuration with --config"
            )
        try:
            with os.scandir(self.root):
                pass
        except OSError as error:
            raise ConfigDirectoryError(
                f"the configuration directory {self.root} cannot be read: {error.strerror}; "
                "let this user list and read it"
            ) from error

    def identity(self) -> Identity | None:
        """Device and inode of what the root leads to now; None when it is gone."""
        return _identity(os.fspath(self.root))

    def files(self) -> tuple[str, ...]:
        """Every configuration file that is read, in order."""
        listing = self._listing = self._look_through()
        most = self._limits.files
        if len(listing.files) > most:
            known = [path for path in listing.files if path in self._stamps]
            new = [path for path in listing.files if path not in self._stamps]
            kept = [*known, *new][:most]
            listing.troubles[os.fspath(self.root)] = (
                f"holds {len(listing.files)} configuration files, and {most} are read: not {new[-1]}, for one; "
                "remove some, or raise --max-files"
            )
            listing.files = sorted(kept)
        return tuple(listing.files)

    def _look_through(self) -> _Listing:
        listing = _Listing()
        own: deque[tuple[str, int]] = deque([(os.fspath(self.root), 0)])
        links: deque[tuple[str, int]] = deque()
        while own or links:
            path, depth = (own or links).popleft()
            identity = _identity(path)
            if identity is None or identity in listing.visited:
                continue
            if depth > MAX_DEPTH:
                listing.troubles[path] = (
                    f"is nested deeper than {MAX_DEPTH} directories, and not read; move it up"
                )
                continue
            listing.visited[identity] = path
            listing.names.add(path)
            try:
                entries = sorted(os.scandir(path), key=lambda entry: entry.name)
            except OSError as error:
                listing.closed.append(os.path.join(path, ""))  # noqa: PTH118 - with a separator
                listing.troubles[path] = (
                    f"cannot be listed: {error.strerror}; what was read below it is kept"
                )
                continue
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if _is_directory(entry):
                    (links if entry.is_symlink() else own).append((entry.path, depth + 1))
                elif entry.name.lower().endswith(SUFFIXES):
                    listing.files.append(entry.path)
        return listing

    def counts(self, path: str) -> bool:
        """Whether a path below the root is that of a configuration file, by its name."""
        return path.lower().endswith(SUFFIXES) and not self.is_hidden(path)

    def knows(self, path: str) -> bool:
        """Whether a path was that of a directory when all was last looked through."""
        return path in self._listing.names

    def is_hidden(self, path: str) -> bool:
        """Whether a path below the root has a hidden part."""
        below = Path(os.path.relpath(path, self.root))
        return any(part.startswith(".") and part not in {".", ".."} for part in below.parts)

    def read_changes(self, paths: Iterable[str], *, look_through: bool) -> dict[str, Content]:
        """Read these files, and with `look_through` all that look different from when last read.

        New files and gone ones count as different. All is looked through as well when one of the
        files is in a directory that was not seen before.
        """
        named = {self._named(path) for path in paths}
        is_full = len(self._stamps) + len(named) > self._limits.files
        if not (look_through or is_full or None in named):
            return {path: self.read(path) for path in sorted(filter(None, named))}
        here = set(self.files())
        known = set(self._stamps)
        gone = {path for path in known - here if not path.startswith(tuple(self._listing.closed))}
        changed = {path for path in here if self._stamps.get(path, ()) != _stamp_of(path)}
        named = {self._named(path) for path in paths}
        wanted = gone | changed | {path for path in named if path in here}
        return {path: self.read(path) if path not in gone else None for path in sorted(wanted)}

    def _named(self, path: str) -> str | None:
        """A file by the name of its directory; None when that was not visited yet."""
        above, name = os.path.split(path)
        identity = _identity(above)
        if identity is None:
            return path  # it is gone
        visited = self._listing.visited.get(identity)
        return None if visited is None else os.path.join(visited, name)  # noqa: PTH118 - a name

    def size(self, path: str) -> int:
        """How large a file is now; 0 when it is gone."""
        try:
            return os.stat(path).st_size  # noqa: PTH116 - see above
        except OSError:
            return 0

    def read(self, path: str) -> Content:
        """A file's text; None when it is gone; `Unreadable` when it is there and gives no text."""
        self._stamps.pop(path, None)
        try:
            status = os.stat(path)  # noqa: PTH116 - twice as fast as Path for thousands of files
            if stat.S_ISDIR(status.st_mode):
                return None
            self._stamps[path] = _stamp(status)
            reason = self._why_not(path, status)
            return Unreadable(reason) if reason else self._text(path)
        except (FileNotFoundError, NotADirectoryError):
            self._stamps.pop(path, None)
            return None
        except OSError as error:
            self._stamps[path] = _stamp_of(path) or (0, 0, 0, 0)
            return Unreadable(error.strerror or str(error))
        except UnicodeDecodeError as error:
            return Unreadable(f"it is not UTF-8 (at byte {error.start}); save it as UTF-8")

    def _why_not(self, path: str, status: os.stat_result) -> str:
        """Why a file is not even opened; empty when it is."""
        if not stat.S_ISREG(status.st_mode):
            return "it is a pipe, a socket or a device; remove it"  # who opens a pipe may wait for ever
        if any(unicodedata.category(char) in {"Cc", "Cs"} for char in path):
            return "its name is not UTF-8 or has control characters; rename it"
        if status.st_size > self._limits.file_bytes:
            return self._too_large()
        return ""

    def _text(self, path: str) -> Content:
        # It may be another file by now, so even a pipe must not block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - it is open already
            self._stamps[path] = _stamp(os.fstat(descriptor))
            # Some files say nothing of their size, and some grow.
            content = file.read(self._limits.file_bytes + 1) or b""
        if len(content) > self._limits.file_bytes:
            return Unreadable(self._too_large())
        return content.decode("utf-8-sig")

    def _too_large(self) -> str:
        return (
            f"it has more than {self._limits.file_bytes} bytes; split it, or raise --max-file-bytes"
        )


def _identity(path: str) -> Identity | None:
    """Device and inode of a directory; None when there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - see above
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _stamp_of(path: str) -> Stamp | None:
    try:
        return _stamp(os.stat(path))  # noqa: PTH116 - see above
    except OSError:
        return None


def _stamp(found: os.stat_result) -> Stamp:
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
