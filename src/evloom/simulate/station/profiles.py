"""The charging profiles of a virtual station: which it takes, and what they allow each bay."""

from collections.abc import Sequence
from dataclasses import replace

from evloom.pile.profile import EXTERNAL, LOCAL_GENERATION, PRIORITY, STATION_MAX, TX, ChargingProfile, Period, faults_of
from evloom.pile.profile_composite import Allowed, Installed, Situation, allowed_at, composite, install
from evloom.simulate.station.bay import Bay

STACK_LEVEL_MAX = 10
PERIODS_MAX = 64
PROFILES_MAX = 20


class ProfileBook:
    """The profiles that are installed, and the link's state that some of them depend on."""

    def __init__(self) -> None:
        self.installed: tuple[Installed, ...] = ()
        self.offline_since_s: float | None = None

    def refusal(self, evse: int, profile: ChargingProfile, bays: dict[int, Bay]) -> str:
        """Why a profile is refused, in the words of a reason code of OCPP 2.x; "" where it is taken."""
        if evse not in bays and evse != 0:
            return "UnknownEvse"
        if faults_of(profile):
            return "InvalidProfile"
        if profile.stack_level > STACK_LEVEL_MAX:
            return "InvalidStackLevel"
        if any(len(schedule.periods) > PERIODS_MAX for schedule in profile.schedules):
            return "InvalidSchedule"
        if profile.purpose == TX and not self._fits_transaction(evse, profile, bays):
            return "TxNotFound"
        if profile.purpose == STATION_MAX and (evse != 0 or profile.kind == "Relative"):
            return "InvalidProfile"
        if profile.purpose == EXTERNAL:
            return "InvalidProfile"  # set by an external system, not by the central one (2.x K01.FR.22)
        known = any(item.profile.profile_id == profile.profile_id for item in self.installed)
        return "" if known or len(self.installed) < PROFILES_MAX else "TooManyProfiles"

    def _fits_transaction(self, evse: int, profile: ChargingProfile, bays: dict[int, Bay]) -> bool:
        running = None if evse == 0 else bays[evse].transaction
        return running is not None and profile.transaction in ("", running.number)

    def take(self, evse: int, profile: ChargingProfile, now_s: float) -> None:
        """Install a profile."""
        self.installed = install(self.installed, Installed(evse, profile, now_s))

    def update(self, profile_id: int, period: Period, now_s: float) -> bool:
        """Set the values of a dynamic profile anew; whether there is one."""
        old = next((item for item in self.installed if item.profile.profile_id == profile_id), None)
        if old is None or old.profile.kind != "Dynamic":
            return False
        schedule = old.profile.schedule
        before = schedule.periods[0]
        said = {name: value for name in Period.__slots__ if (value := getattr(period, name)) not in (None, "", ())}
        profile = replace(old.profile, schedules=(replace(schedule, periods=(replace(before, **said),)),), updated_at_s=now_s)
        self.installed = install(self.installed, replace(old, profile=profile))
        return True

    def clear(self, profile_id: int | None, evse: int | None, purpose: str, stack_level: int | None) -> int:
        """Take profiles off; how many."""

        def fits(item: Installed) -> bool:
            if profile_id is not None:
                return item.profile.profile_id == profile_id
            return (
                (evse is None or item.evse == evse)
                and (not purpose or item.profile.purpose == purpose)
                and (stack_level is None or item.profile.stack_level == stack_level)
            )

        before = len(self.installed)
        self.installed = tuple(item for item in self.installed if not fits(item))
        return before - len(self.installed)

    def forget_transaction(self, number: str) -> None:
        """A transaction ended: its profiles go."""
        self.installed = tuple(
            item for item in self.installed if item.profile.purpose != TX or item.profile.transaction not in ("", number)
        )

    def end_offline(self, now_s: float) -> None:
        """The link is back: profiles that end for ever by a time without it go, if it was that long."""
        since_s, self.offline_since_s = self.offline_since_s, None
        if since_s is not None:
            self.installed = tuple(item for item in self.installed if not _ended(item.profile, now_s - since_s))

    def situation(self, bay: Bay, unit: str = "kW") -> Situation:
        """What the composite schedule of a bay depends on now."""
        running = bay.transaction
        return Situation(
            evse=bay.evse,
            transaction="" if running is None else running.number or "not yet known",
            started_at_s=None if running is None else running.started_at_s,
            priority=running is not None and running.is_priority,
            offline_since_s=self.offline_since_s,
            unit=unit,
            voltage_v=bay.voltage_v,
            n_phase=bay.n_phase,
        )

    def wanted_kw(self, bay: Bay, now_s: float) -> float:
        """What the profiles would have the bay do: the most it may draw, or what it should follow; its rating where they are silent."""
        allowed = allowed_at(self.installed, self.situation(bay), now_s)
        if allowed.setpoint is not None:
            return allowed.setpoint
        return bay.spec.rating_kw if allowed.ceiling is None else min(allowed.ceiling, bay.spec.rating_kw)

    def station_kw(self, bays: Sequence[Bay], now_s: float) -> float | None:
        """What all bays together may draw by the profiles of the station as a whole; None where there is none."""
        whole = [item for item in self.installed if item.evse == 0 and item.profile.purpose in (STATION_MAX, EXTERNAL, LOCAL_GENERATION)]
        if not whole or not bays:
            return None
        return allowed_at(whole, replace(self.situation(bays[0]), evse=0), now_s).ceiling

    def schedule(self, bay: Bay, unit: str, now_s: float, length_s: float) -> tuple[Allowed, ...]:
        """The composite schedule of a bay; where nothing is set, its rating."""
        most = bay.spec.rating_kw if unit == "kW" else bay.spec.rating_kw / bay.kw_per_a
        found = composite(self.installed, self.situation(bay, unit), now_s, length_s)
        return tuple(item if item.ceiling is not None else replace(item, ceiling=most) for item in found)

    def whole_schedule(self, bays: Sequence[Bay], rating_kw: float, now_s: float, length_s: float) -> tuple[Allowed, ...]:
        """What the station as a whole may draw, in kW: its bays together, its own profiles, its rating."""
        each = [self.schedule(bay, "kW", now_s, length_s) for bay in bays]
        station_wide = replace(self.situation(bays[0]), evse=0, transaction="")
        whole = composite(self.installed, station_wide, now_s, length_s)
        merged: list[Allowed] = []
        for at_s in sorted({item.at_s for items in (*each, whole) for item in items}):
            total_kw = sum(_ruling_kw(items, at_s, rating_kw) for items in each)
            allowed = Allowed(at_s, ceiling=min(total_kw, rating_kw, _ruling_kw(whole, at_s, rating_kw)))
            if not merged or merged[-1].ceiling != allowed.ceiling:
                merged.append(allowed)
        return tuple(merged)

    def has_priority(self, evse: int) -> bool:
        """Whether a profile for priority charging is installed for an EVSE."""
        return any(item.profile.purpose == PRIORITY and item.evse in (0, evse) for item in self.installed)


def _ended(profile: ChargingProfile, offline_s: float) -> bool:
    return profile.offline_ends and profile.offline_max_s is not None and offline_s > profile.offline_max_s


def _ruling_kw(items: Sequence[Allowed], at_s: float, silent_kw: float) -> float:
    ceiling_kw = [item.ceiling for item in items if item.at_s <= at_s][-1]
    return silent_kw if ceiling_kw is None else ceiling_kw
