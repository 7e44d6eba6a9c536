"""What stations ask about certificates: to sign theirs, the status of others, and contracts of cars (Plug & Charge)."""

import asyncio
from contextlib import suppress
from pathlib import Path

from evloom.pile.command import GiveCertificate
from evloom.serve.certificates.authority import Authority, CsrRefused, Signed
from evloom.serve.certificates.contract import checked, roots_in
from evloom.serve.certificates.status import GOOD_S, response_for, status_of
from evloom.serve.desk.ports import Ports
from evloom.store.desk import Registered
from evloom.store.errors import StoreError
from evloom.wire.ocpp.spoken import AskChain, AskOcsp, AskSign, AskToken, CertificateHash, ChainStatus, Decided, OcspStatus

ROOTS = "contract-roots"
"""Folder, beside our authority's files, of the roots of mobility operators that are trusted."""

AFTER_ANSWER_S = 0.3
"""A certificate is sent this long after the request for it was answered."""

ANSWERED_S = 3600.0
"""How long an answer about a certificate of others holds, of which nobody said how long it does."""


class Certificates:
    """Answers about certificates, with the authority in `folder`; None: there is none."""

    def __init__(self, folder: Path | None, ports: Ports) -> None:
        self._folder = folder
        self._authority = None if folder is None else Authority(folder)
        self._ports = ports
        self._giving: set[asyncio.Task[None]] = set()

    async def sign(self, station: Registered, ask: AskSign, now_s: float) -> Decided:
        """Sign a station's request and send it the certificate, which is a command of its own (2.0.1 A02)."""
        if ask.kind != "ChargingStation" or self._authority is None:
            return Decided("Rejected", "NoAuthority", f"there is no authority here that signs certificates of kind {ask.kind}")
        names = frozenset({station.station_id, station.serial})
        try:
            signed: Signed = await asyncio.to_thread(self._authority.sign, ask.csr, names, now_s)
        except CsrRefused as refused:
            return Decided("Rejected", refused.reason, refused.info)
        except OSError as error:
            return Decided("Rejected", "Storage", f"the certificate could not be kept: {error}")
        task = asyncio.create_task(self._give(station.station_id, GiveCertificate(signed.chain, ask.kind, ask.request)))
        self._giving.add(task)
        task.add_done_callback(self._giving.discard)
        return Decided("Accepted")

    async def _give(self, station_id: str, command: GiveCertificate) -> None:
        """Stations expect the answer first and the certificate then. If it is lost here they ask again (2.0.1 A02.FR.17)."""
        await asyncio.sleep(AFTER_ANSWER_S)
        with suppress(StoreError):
            await self._ports.order(station_id, command)

    async def ocsp(self, ask: AskOcsp, now_s: float) -> OcspStatus:
        """An OCSP response about a certificate of ours; we have none about others and do not ask addresses that a station names."""
        response = None if self._authority is None else await asyncio.to_thread(response_for, self._authority, ask.hash, now_s)
        if response is not None:
            return OcspStatus(response)
        return OcspStatus("", "NotOurs", "the certificate is of an issuer of whose status nothing is known here")

    async def chain(self, ask: AskChain, now_s: float) -> ChainStatus:
        """The status of each certificate, as far as it is known."""
        statuses = [await self._status(one, now_s) for one in ask.hashes]
        ours = all(status in ("Good", "Revoked") for status in statuses)
        return ChainStatus(ask, tuple(statuses), now_s + (GOOD_S if ours else ANSWERED_S))

    async def _status(self, asked: CertificateHash, now_s: float) -> str:
        known = None if self._authority is None else await asyncio.to_thread(status_of, self._authority, asked, now_s)
        return known if known is not None else await self._ports.certificate(asked)

    async def contract(self, ask: AskToken, now_s: float) -> str:
        """Status of the contract certificate that was shown with a token, "" where none was."""
        if ask.certificate:
            roots = [] if self._folder is None else await asyncio.to_thread(roots_in, self._folder / ROOTS)
            found = checked(ask.certificate, roots, now_s)
            same = _plain(found.emaid) == _plain(ask.token)
            return found.status if same or found.status != "Accepted" else "CertChainError"
        if ask.hashes:
            statuses = [await self._status(one, now_s) for one in ask.hashes]
            if "Revoked" in statuses:
                return "CertificateRevoked"
            return "Accepted" if set(statuses) == {"Good"} else "NoCertificateAvailable"
        return ""


def _plain(emaid: str) -> str:
    """An eMAID as it is compared: without the separators that are optional (ISO 15118-2, H.1)."""
    return emaid.replace("-", "").casefold()
