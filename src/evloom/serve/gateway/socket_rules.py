"""What a socket is told: its limits, to whom it belongs, and who receives its messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from websockets.extensions import ServerExtensionFactory
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

if TYPE_CHECKING:
    from evloom.serve.gateway.station_socket import StationSocket


class Guest(Protocol):
    """Who receives what a socket brings."""

    def received(self, text: bytes | bytearray) -> None:
        """A whole message."""

    def lost(self, reason: str) -> None:
        """The link is down; called once."""


class House(Protocol):
    """To whom a socket belongs."""

    def opened(self, socket: StationSocket) -> None:
        """It is connected, with TLS in place where it is that port."""

    def knocked(self, socket: StationSocket) -> None:
        """Its handshake was read: let it in or refuse it."""

    def ended(self, socket: StationSocket) -> None:
        """It is gone."""


@dataclass(frozen=True, slots=True)
class SocketRules:
    """Limits of every socket of a port. Times in real seconds, by the loop's clock."""

    message_max_bytes: int = 1024 * 1024
    unread_max_bytes: int = 1024 * 1024
    handshake_s: float = 10.0
    ping_s: float = 30.0
    stalled_s: float = 60.0
    messages_per_s: float = 50.0
    messages_at_once: float = 200.0
    extensions: tuple[ServerExtensionFactory, ...] = field(default=())


def deflate() -> tuple[ServerExtensionFactory, ...]:
    """Compression of messages without memory between them, so that an idle station costs nothing more."""
    settings = {"memLevel": 5}
    return (
        ServerPerMessageDeflateFactory(
            server_no_context_takeover=True, client_no_context_takeover=True, server_max_window_bits=12, compress_settings=settings
        ),
    )
