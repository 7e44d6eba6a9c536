"""The document of a site together with its EVSE, as the database has them; and the one of a site that nobody has described yet."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from evloom.serve.config import Config
from evloom.serve.site.plan import EvsePlan, SitePlan


def default_plan(site_id: str, row: tuple[str, str, str] | None, config: Config) -> SitePlan:
    """The document of a site of which only the settings say something: one node with the limit of [site]. row is (id, name, zone)."""
    own, control = config.site, config.control
    name, zone = (row[1], row[2]) if row is not None else (own.name, own.zone)
    return SitePlan(
        site_id,
        own.limit_kw,
        name=name,
        zone=zone or own.zone,
        voltage_v=own.voltage_v,
        currency=own.currency,
        margin=control.margin,
        policy=control.policy,
        objective=control.objective,
        step_s=control.step_s,
        horizon_h=control.horizon_h,
    )


def with_evses(plan: SitePlan, rows: Sequence[Mapping[str, Any]], config: Config) -> SitePlan:
    """The document with the EVSE of the table evse; one at a node that is no more hangs on the root."""
    nodes = {item.id for item in plan.limits}
    least_kw = plan.voltage_v / 1000.0
    evse = []
    for row in rows:
        n_phase: Literal[1, 3] = 3 if row["n_phase"] == 3 else 1
        rating_kw = row["rating_kw"] if row["rating_kw"] > 0.0 else config.site.rating_kw
        current_min_a = min(row["current_min_a"], rating_kw / (least_kw * n_phase))
        evse.append(
            EvsePlan(
                row["station_id"], row["evse"], row["node"] if row["node"] in nodes else "", rating_kw, n_phase,
                row["phase"] if row["phase"] in ("L1", "L2", "L3") else "", current_min_a, row["current_step_a"], row["dc"],
                row["discharge_max_kw"],
            )
        )  # fmt: skip
    return msgspec.structs.replace(plan, evse=tuple(evse))
