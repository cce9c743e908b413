"""The directory whose files outlive the process: what is held back, and what served instead.

A file is replaced as a whole, so that whatever ends the process leaves the old one or the new one.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from xds_server.errors import StateError

HELD_BACK: Final = "held-back.json"
"""The file of what is held back."""


class StateDirectory:
    """The files that outlive the process.

    Args:
        path: The directory; it is made when there is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> str:
        """The text of a file; empty when there is none.

        Raises:
            StateError: The directory or the file cannot be used.
        """
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"{self._path} cannot be made: {error.strerror}") from error
        if not os.access(self._path, os.W_OK | os.X_OK):
            raise StateError(f"{self._path} cannot be written to; give --state another directory")
        try:
            return (self._path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise StateError(f"{self._path / name} cannot be read: {error}") from error

    def write(self, name: str, text: str) -> None:
        """Replace a file, for its owner only.

        Raises:
            StateError: It cannot be written; what was there before is still there.
        """
        draft = self._path / f".{name}.{os.getpid()}"
        try:
            with open(draft, "w", encoding="utf-8", opener=_owners_only) as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise StateError(f"{self._path / name} cannot be written: {error}") from error


def _owners_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
