"""The part of the platform that hears vehicles and boxes: made, started and stopped by the composition root."""

import ssl
from collections.abc import Callable
from pathlib import Path

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.serve.telematics.databox import DataBoxes
from evloom.serve.telematics.gateway import Sink, TelematicsGateway
from evloom.serve.telematics.settings import Telematics


class Telemetry:
    """Both sides. `sink` keeps rows and raw frames; it returns when they would survive a crash, and raises when they are not kept.

    Raises InputError when the certificate cannot be read.
    """

    def __init__(self, rules: Telematics, host: str, sink: Sink, now_s: Callable[[], float]) -> None:
        self.gateway = TelematicsGateway(rules, host, sink, now_s, _context(rules))
        self.boxes = DataBoxes(rules, sink, now_s)

    async def start(self) -> None:
        """Begin to listen."""
        await self.gateway.start()
        await self.boxes.start()

    async def stop(self) -> None:
        """End; what came is kept before."""
        await self.boxes.stop()
        await self.gateway.stop()

    def counts(self) -> dict[str, int]:
        """Figures since the start: rows, frames, and every word of the log with how often it was said."""
        return {
            **{f"vehicles.{word}": n for word, n in self.gateway.counts.items()},
            **{f"boxes.{word}": n for word, n in self.boxes.counts.items()},
        }


def _context(rules: Telematics) -> ssl.SSLContext | None:
    if not rules.tls_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(Path(rules.tls_certificate), Path(rules.tls_key or rules.tls_certificate))
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(name for name in (rules.tls_certificate, rules.tls_key) if name)
        allowed = "PEM files: the certificate chain and its private key"
        finding = Finding("serve.tls", "refused", "settings", None, "telematics.tls_certificate", files, allowed, f"OpenSSL says: {error}")
        raise InputError([finding]) from error
    return context
