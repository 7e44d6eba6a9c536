"""What the loop of a site is told: changed documents and limits. Without a loop in this process there is nobody to tell."""

from evloom.serve.api.call import Call


async def plan_changed(call: Call, site_id: str) -> None:
    """Tell the loop of a site that its document has changed."""
    if call.platform.live is not None:
        await call.platform.live.site_changed(site_id)


async def limit_changed(call: Call, site_id: str, node: str, max_kw: float | None) -> None:
    """Tell the loop of a site that a limit from outside has changed, or was taken back (None)."""
    if call.platform.live is not None:
        await call.platform.live.limit_changed(site_id, node, max_kw)
