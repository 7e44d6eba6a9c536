"""What a query may see: one organisation, some sites of it, or one driver; None is everything."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """org_id None: every organisation. site_ids None: every site of it. driver_id None: every driver of it."""

    org_id: str | None = None
    site_ids: tuple[str, ...] | None = None
    driver_id: str | None = None


EVERYTHING = Scope()
