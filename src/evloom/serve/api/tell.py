"""What other parts of the process are told after a write. Without such a part in this process there is nobody to tell."""

from evloom.pile.command import Trigger
from evloom.serve.api.call import Call

ACCEPTED_S = 300.0
"""A station that was accepted and is not there to hear it boots when it comes."""


async def site_changed(call: Call, *site_ids: str) -> None:
    """The document of sites, or their stations and EVSE, changed."""
    live = call.platform.live
    for site_id in dict.fromkeys(site_ids):
        if live is not None and site_id:
            await live.site_changed(site_id)


async def limit_changed(call: Call, site_id: str, node: str, max_kw: float | None) -> None:
    """A limit from outside was set, or taken back (None)."""
    if call.platform.live is not None:
        await call.platform.live.limit_changed(site_id, node, max_kw)


def prices_changed(call: Call) -> None:
    """A tariff has a new version, or another one was assigned."""
    if call.platform.live is not None:
        call.platform.live.look_again()


async def need_changed(call: Call, session_id: str) -> None:
    """What is needed of a session changed."""
    if call.platform.live is not None:
        await call.platform.live.need_changed(session_id)


def station_changed(call: Call, station_id: str) -> None:
    """What is known of a station changed: this process looks it up anew when it speaks. Others do within a minute."""
    if call.platform.desk is not None:
        call.platform.desk.forget(station_id)


async def accepted(call: Call, station_id: str) -> None:
    """A station that waited was accepted: it is to boot at once, not when its interval is over."""
    if call.platform.commands is not None:
        deadline_s = call.now_s + ACCEPTED_S
        await call.platform.commands.order(station_id, Trigger("BootNotification"), deadline_s=deadline_s, actor=call.caller.actor)


async def cut_off(call: Call, station_id: str, reason: str) -> None:
    """A station may no longer be connected: its link is closed, by whichever process holds it."""
    if call.platform.gateway is not None:
        await call.platform.gateway.dismiss(station_id, reason)
