"""The demo's own copy of `examples/demo`.

Edited as a person would, in an editor that replaces files at once.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from importlib import resources
from pathlib import Path

from xds_server.demo.errors import DemoError
from xds_server.demo.topology import NETWORK

ROUTES = "reviews-routes.yaml"
NEAR_ZONE = "reviews-eu-1a.yaml"
RATINGS_FILE = "ratings.yaml"

_WEIGHT = re.compile(r"(?<=weight: )\d+")


class Workspace:
    """A temporary directory.

    `mesh` is the configuration that is served, `logs` and `bootstraps` are what their names say.

    `close` removes it all, unless `keep` was called.
    """

    def __init__(self, network: str) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="chancery-demo-"))
        self.mesh = self.root / "mesh"
        self.logs = self.root / "logs"
        self.bootstraps = self.root / "bootstraps"
        for directory in (self.mesh, self.logs, self.bootstraps):
            directory.mkdir()
        self._original: dict[str, str] = {}
        self._is_kept = False
        for name, text in _examples().items():
            self._original[name] = text.replace(f"{NETWORK}.", f"{network}.")
            self.write(name, self._original[name])

    def read(self, name: str) -> str:
        """A file's text."""
        return (self.mesh / name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        """Replace a file at once."""
        fd, new = tempfile.mkstemp(dir=self.root)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        Path(new).chmod(0o644)
        Path(new).replace(self.mesh / name)

    def set_weights(self, *weights: int) -> None:
        """Write the weights of the routes' destinations, in their order."""
        given = iter(weights)
        self.write(ROUTES, _WEIGHT.sub(lambda _: str(next(given)), self.read(ROUTES)))

    def replace(self, name: str, old: str, new: str) -> int:
        """Replace the first `old` in a file, and return the number of its line.

        Raises:
            DemoError: The text is not there.
        """
        text = self.read(name)
        before, found, after = text.partition(old)
        if not found:
            raise DemoError(f"{name} has no {old!r}: the demo's files do not fit its script")
        self.write(name, before + new + after)
        return before.count("\n") + 1

    def remove(self, name: str) -> None:
        """Take a file away."""
        (self.mesh / name).unlink()

    def restore(self, name: str) -> None:
        """Brings a file back as it was at first."""
        self.write(name, self._original[name])

    def keep(self) -> None:
        """Leaves everything in place, for a person to look at."""
        self._is_kept = True

    def close(self) -> None:
        """Remove the directory, unless it is to be kept."""
        if not self._is_kept:
            shutil.rmtree(self.root, ignore_errors=True)


def _examples() -> dict[str, str]:
    """File name → text of the example, from the package or from the checkout."""
    packed = resources.files("xds_server.demo") / "config"
    folder = packed if packed.is_dir() else Path(__file__).parents[2] / "examples" / "demo"
    files = {entry.name: entry for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    return {name: files[name].read_text(encoding="utf-8") for name in sorted(files)}
