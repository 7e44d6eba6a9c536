"""Vehicles, and the batteries of which telemetry came."""

from sqlalchemy import Column, Double, Index, Integer, Table, Text

from evloom.store.tables.base import Number, metadata

vehicle = Table(
    "vehicle",
    metadata,
    Column("vehicle_id", Text, primary_key=True),
    Column("org_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("driver_id", Text, nullable=False),
    Column("tokens", Text, nullable=False),
    Column("pack_id", Text, nullable=False),
    Column("chemistry", Text, nullable=False),
    Column("capacity_ah", Double),
    Column("battery_kwh", Double),
    Column("note", Text, nullable=False),
    Column("created_at_s", Double, nullable=False),
)
"""Vehicles: vehicle_id is the VIN, or the name of its data box. tokens is JSON: cards, EVCCIDs, MAC addresses by which it is known at a
pile; driver_id: whose cards mean it too. pack_id: its battery where that does not follow from telemetry. capacity_ah is rated."""
Index("ix_vehicle_org_id", vehicle.c.org_id, vehicle.c.vehicle_id)
Index("ix_vehicle_driver_id", vehicle.c.driver_id)

battery = Table(
    "battery",
    metadata,
    Column("pack_id", Text, primary_key=True),
    Column("org_id", Text, nullable=False),
    Column("vehicle_id", Text, nullable=False),
    Column("chemistry", Text, nullable=False),
    Column("n_cell", Integer, nullable=False),
    Column("n_probe", Integer, nullable=False),
    Column("capacity_ah", Double),
    Column("first_s", Double, nullable=False),
    Column("last_s", Double, nullable=False),
    Column("known_s", Double, nullable=False),
    Column("n_frame", Number, nullable=False),
    Column("days", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    Column("severity", Double, nullable=False),
    Column("urgency", Double, nullable=False),
    Column("soc", Double),
    Column("charging", Integer, nullable=False),
    Column("view", Text, nullable=False),
    Column("health", Text, nullable=False),
    Column("card", Text, nullable=False),
)
"""Batteries as the doctor saw them last. first_s, last_s by the box, known_s by our clock; days looked at; level 0 none, 1 watch,
2 inspect, 3 stop; urgency orders the worst first; view, health, card are JSON for pages, "" where nothing is known."""
Index("ix_battery_org_id", battery.c.org_id, battery.c.urgency, battery.c.pack_id)
Index("ix_battery_urgency", battery.c.urgency, battery.c.pack_id)
Index("ix_battery_vehicle_id", battery.c.vehicle_id)

battery_stay = Table(
    "battery_stay",
    metadata,
    Column("pack_id", Text, primary_key=True),
    Column("from_s", Double, primary_key=True),
    Column("vehicle_id", Text, nullable=False),
)
"""Which vehicle a battery was in, from when on by our clock."""
