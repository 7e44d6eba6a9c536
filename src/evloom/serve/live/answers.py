"""What the loops answer to stations that ask them: what an EVSE is to do now, and what becomes of a car's needs."""

from evloom.loop.told import value_at
from evloom.pile.station import NeedsSeen
from evloom.serve.live.actuator import PLAN_ID
from evloom.serve.live.bay import Bay
from evloom.serve.live.dynamic import DYNAMIC_ID
from evloom.serve.live.live import Live
from evloom.serve.site.plan import evse_id_of
from evloom.wire.ocpp.spoken import Decided, Dynamic


class Answers:
    """For the desk, which is made before the loops: `live` is set when they are. Answers at once, from memory."""

    live: Live | None = None

    def dynamic(self, station_id: str, profile: int) -> Dynamic:
        """What the plan of an EVSE has for now; nothing for profiles that the loop did not give."""
        bay = self._bay(station_id, profile - (DYNAMIC_ID if profile > DYNAMIC_ID else PLAN_ID))
        if self.live is None or bay is None or not bay.session_id or not bay.told or bay.trouble:
            return Dynamic()
        power_kw = value_at(bay.told[-1].plan, self.live.now_s())
        if power_kw < 0.0:
            return Dynamic(setpoint_kw=power_kw, limit_kw=0.0, discharge_limit_kw=power_kw)
        return Dynamic(limit_kw=power_kw)

    def needs(self, station_id: str, needs: NeedsSeen) -> Decided:
        """A car's needs are planned for in the next cycle, where the station stands at a site that has a loop."""
        if self.live is None or self.live.knows(station_id):
            return Decided("Processing")
        return Decided("Rejected", "NoSite", "the station stands at no site whose charging is planned")

    def _bay(self, station_id: str, number: int) -> Bay | None:
        return None if self.live is None else self.live.bay(evse_id_of(station_id, number))
