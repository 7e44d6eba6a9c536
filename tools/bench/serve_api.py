"""The platform's API as its administrator uses it."""

from types import TracebackType
from typing import Any, Self

import httpx

from tools.bench.serve_server import PASSWORD, Server


class Api:
    """An asynchronous context manager: logged in while inside."""

    def __init__(self, server: Server) -> None:
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.http_port}/api/v1", timeout=60.0, trust_env=False)

    async def __aenter__(self) -> Self:
        me = await self._client.post("/login", json={"login": "admin", "password": PASSWORD})
        me.raise_for_status()
        self._client.headers["X-CSRF-Token"] = me.json()["csrf"]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._client.aclose()

    async def order(self, station_id: str, command: dict[str, Any], valid_s: float, wait_s: float = 0.0) -> dict[str, Any]:
        """Order something of a station; the command as it stands."""
        path = f"/stations/{station_id}/commands"
        answer = await self._client.post(path, params={"wait_s": wait_s}, json={"command": command, "valid_s": valid_s})
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, path: str) -> Any:
        """Whatever else can be read."""
        answer = await self._client.get(path)
        answer.raise_for_status()
        return answer.json()

    async def command(self, command_id: str) -> dict[str, Any]:
        """A command as it stands."""
        found: dict[str, Any] = await self.get(f"/commands/{command_id}")
        return found
