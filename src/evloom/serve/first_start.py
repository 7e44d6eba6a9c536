"""What a database is given at its first start: an organisation and a site, from the settings, so that chargers have a place to come to."""

from evloom.serve.config import Config
from evloom.serve.people.first import FIRST_ORG
from evloom.store import people, registry
from evloom.store.connection import Connection
from evloom.store.scope import EVERYTHING

FIRST_SITE = "site-1"


def first_site(conn: Connection, config: Config) -> bool:
    """Make the first site where there is none; whether one was made."""
    if registry.site_page(conn, EVERYTHING, None, 1)[0]:
        return False
    if people.organisation_of(conn, EVERYTHING, FIRST_ORG) is None:
        people.put_organisation(conn, FIRST_ORG, "My organisation")
    registry.put_site(conn, FIRST_SITE, {"org_id": FIRST_ORG, "name": config.site.name, "zone": config.site.zone})
    return True
