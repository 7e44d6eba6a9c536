"""What a virtual station does when it is told to, in the same way for every version."""

import hashlib
from collections.abc import Sequence

from evloom.pile.profile import TX, ChargingProfile
from evloom.simulate.station.bay import Bay
from evloom.simulate.station.connection import Said
from evloom.simulate.station.station import ACCEPTED, Station
from evloom.wire.ocpp.v201.command_profile import read_period
from evloom.wire.ocpp.version import Version

REJECTED = "Rejected"
FIRMWARE_FLOW = ("Downloading", "Downloaded", "Installing", "Installed")
SIGNED_FLOW = ("Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed")
LOG_FLOW = ("Uploading", "Uploaded")
STEP_S = 5.0


Wanted = tuple[int | None, tuple[str, str, str]]
"""An EVSE, or None for any, and a token: its id, type and group."""


def start(station: Station, said: Wanted, remote_start: int | None, profile: ChargingProfile | None) -> bool:
    """Start a transaction from afar; whether it will."""
    evse, token = said
    free = [bay for bay in station.bays.values() if station.is_free(bay) and evse in (None, 0, bay.evse)]
    if not free or (profile is not None and not _fits(station, profile)):
        return False
    bay = max(free, key=lambda each: each.plugged)
    station.later(_begin_when_plugged(station, bay, token, remote_start, profile))
    return True


def _fits(station: Station, profile: ChargingProfile) -> bool:
    return profile.purpose == TX and not profile.transaction and not station.spec.manners.rejects_profiles


async def _begin_when_plugged(
    station: Station, bay: Bay, token: tuple[str, str, str], remote_start: int | None, profile: ChargingProfile | None
) -> None:
    if station.memory.is_on("AuthorizeRemoteTxRequests"):
        status, group = await station.authorise(token[0], token[1])
        token = (token[0], token[1], group)
        if status != ACCEPTED:
            return
    until_s = station.clock.now_s() + station.memory.number("ConnectionTimeOut")
    while not bay.plugged and station.clock.now_s() < until_s:
        await station.clock.sleep(1.0)
    if bay.plugged and station.is_free(bay):
        station.begin(bay, token, "RemoteStart", remote_start, profile)


def stop(station: Station, number: str) -> bool:
    """End a transaction from afar; whether there is one."""
    bay = running(station, number)
    if bay is None:
        return False

    async def end() -> None:
        station.end(bay, ("RemoteStop", "Remote"))

    station.later(end())
    return True


def running(station: Station, number: str) -> Bay | None:
    """The bay at which a transaction runs."""
    return next((bay for bay in station.bays.values() if bay.transaction is not None and bay.transaction.number == number), None)


def unlock(station: Station, evse: int) -> str:
    """Unlock a cable: in 2.x not while somebody charges, in 1.6 that ends the transaction."""
    bay = station.bays.get(evse)
    if bay is None:
        return "NotSupported" if station.spec.version is Version.V16 else "UnknownConnector"
    if bay.transaction is not None:
        if station.spec.version is not Version.V16:
            return "OngoingAuthorizedTransaction"
        station.end(bay, ("UnlockCommand", "Unlock"))
    return "Unlocked"


def reset(station: Station, at_once: bool) -> str:
    """Restart, at once or when nobody charges any more."""
    busy = any(bay.transaction is not None for bay in station.bays.values())
    if at_once or not busy or station.spec.version is Version.V16:
        reason = "ImmediateReset" if at_once else "ScheduledReset" if station.spec.version is Version.V16 else "ImmediateReset"
        station.later(station.restart(reason, "ResetCommand"))
        return ACCEPTED

    async def when_idle() -> None:
        while any(bay.transaction is not None for bay in station.bays.values()):
            await station.clock.sleep(station.spec.tick_s)
        await station.restart("ImmediateReset", "ResetCommand")

    station.later(when_idle())
    return "Scheduled"


def availability(station: Station, operative: bool, evse: int) -> str:
    """Take bays (0: all) out of service or back into it; those that charge, afterwards."""
    if evse and evse not in station.bays:
        return REJECTED
    bays = [station.bays[evse]] if evse else list(station.bays.values())
    busy = [bay for bay in bays if bay.transaction is not None and not operative]

    async def change(these: Sequence[Bay]) -> None:
        for bay in these:
            bay.operative = operative
            station.say_status(bay)

    async def change_later() -> None:
        while any(bay.transaction is not None for bay in busy):
            await station.clock.sleep(station.spec.tick_s)
        await change(busy)

    station.later(change([bay for bay in bays if bay not in busy]))
    if busy:
        station.later(change_later())
    return "Scheduled" if busy else ACCEPTED


def reserve(station: Station, number: int, evse: int, expires_at_s: float, said: Said) -> str:
    """Keep a bay (0: any) for a token."""
    old = next((bay for bay in station.bays.values() if bay.reservation == number), None)
    if old is not None:
        old.reservation = None
    bays = [station.bays[evse]] if evse in station.bays else [] if evse else list(station.bays.values())
    if not bays:
        return REJECTED
    free = [bay for bay in bays if station.is_free(bay) and not bay.plugged and bay.reservation is None]
    if not free:
        if all(bay.faulted for bay in bays):
            return "Faulted"
        return "Occupied" if any(bay.operative for bay in bays) else "Unavailable"
    free[0].reservation = number
    station.memory.reservations[number] = said
    station.say_status(free[0])
    station.later(_expire(station, free[0], number, expires_at_s))
    return ACCEPTED


async def _expire(station: Station, bay: Bay, number: int, expires_at_s: float) -> None:
    await station.clock.sleep_until(expires_at_s)
    if bay.reservation == number:
        cancel(station, number)
        if station.spec.version is not Version.V16:
            station.tell(("ReservationStatusUpdate", {"reservationId": number, "reservationUpdateStatus": "Expired"}))


def cancel(station: Station, number: int) -> str:
    """Give up a reservation."""
    station.memory.reservations.pop(number, None)
    bay = next((bay for bay in station.bays.values() if bay.reservation == number), None)
    if bay is None:
        return REJECTED
    bay.reservation = None
    station.say_status(bay)
    return ACCEPTED


def set_profile(station: Station, evse: int, profile: ChargingProfile) -> str:
    """Install a charging profile; why not, or "" when it is taken."""
    if station.spec.manners.rejects_profiles:
        return "UnsupportedRequest"
    refusal = station.book.refusal(evse, profile, station.bays)
    if not refusal:
        station.book.take(evse, profile, station.says_s())
        station.settle()
        if profile.kind == "Dynamic" and profile.update_every_s:
            station.later(_pull(station, profile, profile.update_every_s))
    return refusal


async def _pull(station: Station, profile: ChargingProfile, every_s: float) -> None:
    """Ask for new values of a dynamic profile as often as it says, as long as it is installed."""
    while True:
        await station.clock.sleep(every_s)
        held = next((item.profile for item in station.book.installed if item.profile.profile_id == profile.profile_id), None)
        if held is None or held.transaction != profile.transaction:
            return
        answer = await station.ask_quietly("PullDynamicScheduleUpdate", {"chargingProfileId": profile.profile_id})
        if answer is not None and "scheduleUpdate" in answer:
            period = read_period(answer["scheduleUpdate"], "A" if profile.schedule.unit == "A" else "W")
            station.book.update(profile.profile_id, period, station.says_s())
            station.settle()


def clear_profiles(station: Station, profile_id: int | None, evse: int | None, purpose: str, stack_level: int | None) -> str:
    """Take charging profiles off."""
    n_cleared = station.book.clear(profile_id, evse, purpose, stack_level)
    station.settle()
    return ACCEPTED if n_cleared else "Unknown"


async def flow(station: Station, action: str, statuses: Sequence[str], request: int | None) -> None:
    """Tell one status after the other, as firmware and logs go."""
    for status in statuses:
        await station.clock.sleep(STEP_S)
        said: Said = {"status": status}
        if request is not None:
            said["requestId"] = request
        await station.ask_quietly(action, said)


def certificate_hashes(pem: str) -> Said:
    """Hashes that name a certificate here. They are made of its text: a virtual station has no use for its keys."""

    def digest(part: str) -> str:
        return hashlib.sha256(f"{part}{pem}".encode()).hexdigest()

    return {"hashAlgorithm": "SHA256", "issuerNameHash": digest("name"), "issuerKeyHash": digest("key"), "serialNumber": digest("")[:16]}


def install_certificate(station: Station, kind: str, pem: str) -> str:
    """Keep a certificate."""
    if "BEGIN CERTIFICATE" not in pem:
        return REJECTED
    hashes = certificate_hashes(pem)
    station.memory.certificates = [each for each in station.memory.certificates if each["hashes"] != hashes]
    station.memory.certificates.append({"kind": kind, "hashes": hashes})
    return ACCEPTED


def delete_certificate(station: Station, hashes: Said) -> str:
    """Forget a certificate."""
    wanted = {name: hashes[name] for name in ("hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber")}
    kept = [each for each in station.memory.certificates if each["hashes"] != wanted]
    found = len(kept) < len(station.memory.certificates)
    station.memory.certificates = kept
    return ACCEPTED if found else "NotFound"


def certificate_request() -> str:
    """A request for a certificate, with the frame of one: virtual stations sign nothing."""
    return "-----BEGIN CERTIFICATE REQUEST-----\nMIIBVIRTUAL\n-----END CERTIFICATE REQUEST-----\n"


def change_list(station: Station, version: int, full: bool, entries: Sequence[tuple[str, str, str]]) -> str:
    """Take a local list: entries are (token, status or "" to take it off, group)."""
    memory = station.memory
    if not full and version <= memory.list_version:
        return "VersionMismatch"
    if full:
        memory.local_list.clear()
    for token, status, group in entries:
        if status:
            memory.local_list[token] = (status, group)
        else:
            memory.local_list.pop(token, None)
    memory.list_version = version
    return ACCEPTED
