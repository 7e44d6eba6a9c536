"""What needs attention: warnings with acknowledgement, and who breaks the protocol how often."""

from dataclasses import dataclass

from starlette.responses import Response

from evloom.serve.api import acknowledge, attention, commands, stations
from evloom.serve.api.acknowledge import Acknowledgement
from evloom.serve.api.attention import Notice
from evloom.serve.console.page import Page, go, page
from evloom.serve.console.visit import Visit
from evloom.serve.people.roles import LOOK, SITE


@dataclass(frozen=True, slots=True)
class Alarm:
    """A warning, and who has seen to it; None where nobody has since it began."""

    notice: Notice
    seen: Acknowledgement | None


async def alarms_of(visit: Visit) -> list[Alarm]:
    """All warnings; one that began after it was acknowledged is new."""
    notices = await visit.do(attention.list_warnings)
    seen = {(one.kind, one.subject): one for one in await visit.do(acknowledge.list_acknowledgements)}
    found = []
    for notice in notices:
        ack = seen.get((notice.kind, notice.subject))
        fresh = ack is not None and notice.since is not None and notice.since > ack.at
        found.append(Alarm(notice, None if fresh else ack))
    return found


async def listed(visit: Visit) -> Response:
    """Alarms that nobody has seen to, those that somebody has, and deviations."""
    found = await alarms_of(visit)
    return await page(
        visit, "alarms.html", visit.t("Alarms"), open=[one for one in found if one.seen is None], seen=[one for one in found if one.seen],
        deviations=await visit.do(attention.list_deviations), sites=await visit.sites(), may_order=visit.may(commands.order),
        may_accept=visit.may(stations.change_station), may_acknowledge=visit.may(acknowledge.acknowledge),
    )  # fmt: skip


async def see_to(visit: Visit) -> Response:
    """Acknowledge one."""
    body = {name: str(visit.form.get(name, "")).strip() for name in ("kind", "subject", "note")}
    await visit.do(acknowledge.acknowledge, body=body)
    return go("/alarms", "acknowledged")


async def take_back(visit: Visit) -> Response:
    """Take an acknowledgement back."""
    await visit.do(acknowledge.take_back_acknowledgement, path={"ack_id": str(visit.form.get("ack_id", ""))})
    return go("/alarms", "done")


PAGES = (
    Page("GET", "/alarms", listed, LOOK),
    Page("POST", "/alarms/acknowledge", see_to, SITE),
    Page("POST", "/alarms/take-back", take_back, SITE),
)
