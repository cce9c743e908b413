"""A directory of configuration files: which files count, and reading them.

Blocking; no state but what was seen.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from xds_server.errors import ChanceryError
from xds_server.sources.texts import Content, Unreadable

SUFFIXES: Final = (".yaml", ".yml", ".json")
MAX_BYTES: Final = 64 << 20
"""A larger file is refused: it is hardly configuration, and would stop the server for seconds."""

Stamp = tuple[int, int, int, int]
"""What changes when a file is replaced or written: device, inode, modification time and size."""


class ConfigDirectoryError(ChanceryError):
    """The directory of configuration files cannot be used at all."""


class Directory:
    """The configuration files below one directory.

    A file counts when its name ends in `.yaml`, `.yml` or `.json` and neither it nor a directory
    above it is hidden; so editors' swap, lock and backup files and the versioned directories of
    mounted ConfigMaps do not. Links are followed. Files are named by their path as the user would
    type it: `root` as given, joined with the path below it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._stamps: dict[str, Stamp] = {}

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

    def identity(self) -> tuple[int, int] | None:
        """Device and inode of what the root leads to now; None when it is gone."""
        try:
            status = self.root.stat()
        except OSError:
            return None
        return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None

    def files(self) -> Iterator[str]:
        """Every configuration file, in no particular order."""
        yield from self._files(os.fspath(self.root), set())

    def _files(self, directory: str, above: set[tuple[int, int]]) -> Iterator[str]:
        try:
            status = os.stat(directory)  # noqa: PTH116 - twice as fast as Path for thousands of files
            entries = list(os.scandir(directory))
        except OSError:
            return
        own = (status.st_dev, status.st_ino)
        if own in above:
            return  # a link that leads back up
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from self._files(entry.path, above | {own})
            elif entry.name.lower().endswith(SUFFIXES):
                yield entry.path

    def counts(self, path: str) -> bool:
        """Whether a path below the root is that of a configuration file, by its name."""
        return path.lower().endswith(SUFFIXES) and not self.is_hidden(path)

    def is_hidden(self, path: str) -> bool:
        """Whether a path below the root has a hidden part."""
        below = Path(os.path.relpath(path, self.root))
        return any(part.startswith(".") and part not in {".", ".."} for part in below.parts)

    def changed(self) -> set[str]:
        """Files that look different from when they were read, new ones and gone ones too."""
        here = set(self.files())
        gone = self._stamps.keys() - here
        return gone | {path for path in here if self._stamps.get(path) != _stamp_of(path)}

    def read(self, path: str) -> Content:
        """A file's text; None when it is gone; `Unreadable` when it is there and gives no text."""
        self._stamps.pop(path, None)
        try:
            if not Path(path).is_file():
                return None  # a pipe would block whoever opens it
            with Path(path).open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_size > MAX_BYTES:
                    return Unreadable(f"it has more than {MAX_BYTES >> 20} MiB; split it")
                self._stamps[path] = _stamp(status)
                return file.read().decode("utf-8-sig")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._stamps[path] = _stamp_of(path) or (0, 0, 0, 0)
            return Unreadable(error.strerror or str(error))
        except UnicodeDecodeError as error:
            return Unreadable(f"it is not UTF-8 (at byte {error.start}); save it as UTF-8")


def _stamp_of(path: str) -> Stamp | None:
    try:
        return _stamp(os.stat(path))  # noqa: PTH116 - see above
    except OSError:
        return None


def _stamp(found: os.stat_result) -> Stamp:
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
