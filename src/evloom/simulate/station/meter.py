"""What the meter of a bay says, as samples in our units."""

from evloom.pile.station import Sample
from evloom.simulate.station.bay import Bay

PHASES = ("L1", "L2", "L3")


def readings(bay: Bay, at_s: float, context: str, back_kwh: float = 0.0) -> tuple[Sample, ...]:
    """Register and power, currents and voltages of the phases in use, state of charge on direct current, and what flows back.

    back_kwh   how far the register lies behind what it should say
    """
    register_kwh = max(bay.register_kwh - back_kwh, 0.0)
    samples = [
        Sample(at_s, "Energy.Active.Import.Register", register_kwh, context=context),
        Sample(at_s, "Power.Active.Import", max(bay.power_kw, 0.0), context=context),
    ]
    if bay.spec.discharge_max_kw > 0.0:
        samples.append(Sample(at_s, "Energy.Active.Export.Register", bay.given_kwh, context=context))
        samples.append(Sample(at_s, "Power.Active.Export", max(-bay.power_kw, 0.0), context=context))
    if not bay.spec.dc:
        current_a = abs(bay.power_kw) / bay.kw_per_a
        used = PHASES if bay.spec.n_phase == 3 else (PHASES[bay.spec.phase],)
        measurand = "Current.Import" if bay.power_kw >= 0.0 else "Current.Export"
        samples += [Sample(at_s, measurand, current_a, phase=phase, context=context) for phase in used]
        samples += [Sample(at_s, "Voltage", bay.voltage_v, phase=f"{phase}-N", context=context) for phase in used]
    if bay.soc is not None and (bay.spec.dc or bay.spec.discharge_max_kw > 0.0):
        samples.append(Sample(at_s, "SoC", bay.soc, location="EV", context=context))
    return tuple(samples)
