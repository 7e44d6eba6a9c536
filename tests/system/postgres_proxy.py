"""Something between us and PostgreSQL that cuts the line at a chosen COMMIT, before or after it reached the server."""

import socket
import threading
from contextlib import suppress
from pathlib import Path


class CuttingProxy:
    """Listens at `folder` as PostgreSQL would. `cut` how many COMMIT pass first; then the line is cut once, after the server answered it
    where `after` is true, else before the server saw it."""

    def __init__(self, folder: Path, server: Path, cut: int, after: bool) -> None:
        self._server = server
        self._left = cut
        self._after = after
        self.n_cut = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more lines."""
        _hang_up(self._listener)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server / ".s.PGSQL.5432"))
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            threading.Thread(target=self._down, args=(client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(client):
            if b"COMMIT" in data and self.n_cut == 0:
                self._left -= 1
                if self._left < 0:
                    self.n_cut = 1
                    _hang_up(client)  # whatever is answered does not get through
                    if self._after:
                        server.sendall(data)
                        threading.Event().wait(0.1)
                    break
            server.sendall(data)
        _hang_up(server)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(server):
            try:
                client.sendall(data)
            except OSError:
                break
        _hang_up(client)
        client.close()
        server.close()


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _received(line: socket.socket) -> bytes:
    try:
        return line.recv(65536)
    except OSError:
        return b""
