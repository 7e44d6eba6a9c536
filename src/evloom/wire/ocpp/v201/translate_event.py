"""NotifyEvent of 2.x: what a station's monitors and its own wiring say; the availability of EVSE and connectors comes this way too."""

from evloom.pile.station import Noted, StationEvent, StatusSeen
from evloom.wire.ocpp.base import seconds
from evloom.wire.ocpp.noted import body_of
from evloom.wire.ocpp.repeat import digest
from evloom.wire.ocpp.spoken import Dated, Heard, Spoken
from evloom.wire.ocpp.v201 import messages as m

STATUSES = frozenset({"Available", "Occupied", "Reserved", "Unavailable", "Faulted"})


def event(heard: Heard[m.NotifyEventRequest]) -> Spoken:
    """The whole message as a note; availability and problems of connectors also as their status."""
    message = heard.message
    note = Noted("NotifyEvent", body=body_of(message))
    at_s = seconds(message.generated_at)
    entries = [Dated(note, at_s, f"NotifyEvent:{message.seq_no}:{at_s:.3f}:{digest(heard.payload)}")]
    entries += [Dated(seen, seconds(data.timestamp)) for data in message.event_data if (seen := _status(data)) is not None]
    return Spoken(tuple(entries))


def _status(data: m.EventDataType) -> StationEvent | None:
    """AvailabilityState of a component: EVSE 0 is the station, connector 0 the whole EVSE."""
    if data.variable.name != "AvailabilityState" or data.actual_value not in STATUSES:
        return None
    evse = data.component.evse
    error = (data.tech_code or "") if data.actual_value == "Faulted" else ""
    return StatusSeen(
        evse.id if evse else 0,
        (evse.connector_id or 0) if evse else 0,
        data.actual_value,
        detail=data.actual_value,
        error=error,
        info=data.tech_info or "",
    )
