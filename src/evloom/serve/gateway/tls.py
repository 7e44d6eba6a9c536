"""TLS of the port for chargers: security profiles 2 and 3."""

import logging
import ssl
from collections.abc import Sequence
from pathlib import Path

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.serve.config import Ocpp
from evloom.serve.logs import told

_LOG = logging.getLogger("evloom.gateway")


def server_context(settings: Ocpp, authorities: Sequence[str] = ()) -> ssl.SSLContext | None:
    """The context of the TLS port; None when no certificate is configured. `authorities` are PEM texts beside the configured file.

    A station may show a certificate; whether it must is a matter of its security profile and settled by `door.Door`. TLS 1.2 at least
    (OCPP 2.0.1 A00.FR.317). Raises InputError when a file cannot be read.
    """
    if not settings.tls_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        _load(context, settings)
        if settings.client_ca:
            context.load_verify_locations(cafile=settings.client_ca)
        if authorities:
            context.load_verify_locations(cadata="\n".join(authorities))
    except (OSError, ssl.SSLError) as error:
        raise InputError([_finding(settings, error)]) from error
    if settings.client_ca or authorities:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


class Renewal:
    """Takes a renewed certificate from its files without a restart: new connections see it, old ones go on."""

    def __init__(self, context: ssl.SSLContext, settings: Ocpp) -> None:
        self._context = context
        self._settings = settings
        self._seen = self._marks()

    def look(self) -> bool:
        """Load the files when they have changed; whether they were. What cannot be read is logged, and the old certificate stays."""
        try:
            marks = self._marks()
            if marks == self._seen:
                return False
            _load(self._context, self._settings)
        except (OSError, ssl.SSLError) as error:
            told(_LOG, logging.ERROR, "tls.not_renewed", file=self._settings.tls_certificate, why=str(error))
            return False
        self._seen = marks
        told(_LOG, logging.INFO, "tls.renewed", file=self._settings.tls_certificate)
        return True

    def _marks(self) -> tuple[float, ...]:
        return tuple(path.stat().st_mtime for path in _files(self._settings))


def _load(context: ssl.SSLContext, settings: Ocpp) -> None:
    context.load_cert_chain(*_files(settings))


def _files(settings: Ocpp) -> tuple[Path, Path]:
    return Path(settings.tls_certificate), Path(settings.tls_key or settings.tls_certificate)


def _finding(settings: Ocpp, error: Exception) -> Finding:
    files = ", ".join(name for name in (settings.tls_certificate, settings.tls_key, settings.client_ca) if name)
    allowed = "PEM files: the certificate chain, its private key, the authorities of the stations' certificates"
    return Finding("serve.tls", "refused", "settings", None, "ocpp.tls_certificate", files, allowed, f"OpenSSL says: {error}")
