"""What other parts of the process are told after a write. Without such a part in this process there is nobody to tell."""

from evloom.serve.api.call import Call


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


async def need_changed(call: Call, session_id: str) -> None:
    """What is needed of a session changed."""
    if call.platform.live is not None:
        await call.platform.live.need_changed(session_id)


async def cut_off(call: Call, station_id: str, reason: str) -> None:
    """A station may no longer be connected: its link is closed, by whichever process holds it."""
    if call.platform.gateway is not None:
        await call.platform.gateway.dismiss(station_id, reason)
