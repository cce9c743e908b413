"""The admin API's client, as the commands use it.

Blocking, standard library only, quick to import.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode

from xds_server.admin.documents import read_mesh_status, read_wait_result
from xds_server.errors import AdminError
from xds_server.settings import join_address
from xds_server.status import MeshStatus, WaitResult

T = TypeVar("T")

ANSWER_SECONDS = 10.0
"""So long a server may take to answer, beyond what it was asked to wait."""


class AdminClient:
    """Asks one server."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    @property
    def address(self) -> str:
        """`host:port` of the server."""
        return join_address(self._host, self._port)

    def status(self) -> MeshStatus:
        """Everything the server says of itself.

        Raises:
            AdminError: No server answers there, or it is none of ours.
        """
        return self._get("/status", 0, read_mesh_status)

    def wait(self, revision: int | None, timeout_seconds: float) -> WaitResult:
        """The answer once every proxy has the revision (None: the newest), or when the time is up.

        Raises:
            AdminError: No server answers there, or it is none of ours.
        """
        query = urlencode(
            {"revision": "latest" if revision is None else revision, "timeout": timeout_seconds}
        )
        return self._get(f"/wait?{query}", timeout_seconds, read_wait_result)

    def _get(self, path: str, extra_seconds: float, read: Callable[[bytes], T]) -> T:
        connection = http.client.HTTPConnection(
            self._host, self._port, timeout=ANSWER_SECONDS + extra_seconds
        )
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        except TimeoutError as cause:
            raise AdminError(
                f"the admin API at {self.address} does not answer; is the server frozen or overloaded? its log may tell"
            ) from cause
        except (OSError, http.client.HTTPException) as cause:
            raise AdminError(self._unreachable(cause)) from cause
        finally:
            connection.close()
        try:
            if response.status != 200:
                raise ValueError(f"HTTP {response.status}")  # noqa: TRY301 - one message for all foreign answers
            return read(body)
        except ValueError as cause:
            raise AdminError(
                f"what answers at {self.address} is not Chancery's admin API ({cause}); "
                "name the right address with --admin or CHANCERY_ADMIN"
            ) from cause

    def _unreachable(self, cause: Exception) -> str:
        reason = (
            (isinstance(cause, OSError) and cause.strerror) or str(cause) or type(cause).__name__
        )
        return (
            f"no control plane answers at {self.address} ({reason.lower()}); start one with 'chancery serve --config DIR', "
            "or say where its admin API is with --admin HOST:PORT or CHANCERY_ADMIN"
        )
