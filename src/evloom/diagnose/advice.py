"""What to do: for each cause its expected course, what a workshop does, what to measure next; in English and Chinese.

Warnings bear keys; `text` gives the words. Nothing here says that every danger is seen: some packs give no sign in their voltages.
"""

from evloom.diagnose import evidence_places as at
from evloom.diagnose.evidence import DayFeatures

_CAUSES = (
    "internal-short", "self-discharge", "plating", "connection", "sensing-wire", "temperature-sensor", "weak-cell", "capacity-dive",
    "current-sensor", "insulation", "unknown",
)  # fmt: skip

TEXTS: dict[str, tuple[str, str]] = {
    "internal-short.expected": (
        "The cell loses charge faster from week to week; the leak may turn hard within days, or stand still for months.",
        "该电芯漏电逐周加快；可能数天内恶化为硬短路，也可能数月不变。",
    ),
    "internal-short.do": (
        "Park outside, away from buildings and other cars. Do not fast charge. Replace the module; do not reuse the cell.",
        "停放于室外、远离建筑与其他车辆；禁止快充；更换所在模组，该电芯不得再利用。",
    ),
    "internal-short.measure": (
        "Park for 48 hours after a full charge and compare the cell's voltage at rest before and after.",
        "充满后静置48小时，比较该电芯静置前后的开路电压。",
    ),
    "self-discharge.expected": (
        "The cell falls behind evenly, by the same amount each week, faster when warm; balancing can hold it.",
        "该电芯每周以基本恒定的量落后，高温更快；均衡可以补偿。",
    ),
    "self-discharge.do": (
        "Balance the pack at the next service; note the cell. No limit on use while the rate stays the same.",
        "下次保养时做均衡维护并记录该电芯；速率不变时可正常使用。",
    ),
    "self-discharge.measure": (
        "Compare the rate again after two weeks: a rate that grows is a short.",
        "两周后复核漏电速率：若加快则按内短路处理。",
    ),
    "plating.expected": (
        "Capacity is lost with each fast charge in the cold; some of it comes back after warm slow charges.",
        "每次低温快充都会损失容量；温暖环境慢充后可部分恢复。",
    ),
    "plating.do": (
        "Charge slowly (at most 0.3 C) and only above 15 degC until the capacity is measured; let the maker check the charging limits.",
        "测定容量之前，仅在15℃以上慢充（不超过0.3C）；请厂家核查充电限流表。",
    ),
    "plating.measure": (
        "A slow full charge at 25 degC, then two hours at rest: the relaxation tells plated lithium.",
        "25℃慢充至满后静置2小时，观察弛豫电压。",
    ),
    "connection.expected": (
        "The joint heats with the square of the current and gets worse with vibration.",
        "接头发热随电流平方增大，并随振动恶化。",
    ),
    "connection.do": (
        "Switch off the high voltage, check torque and surface of the busbar at the cell, look for discolouring; renew the joint.",
        "断高压后检查该电芯母排的力矩与接触面，有无变色；重做连接。",
    ),
    "connection.measure": (
        "Measure the drop over the joint at a steady 0.5 C, and its temperature.",
        "以0.5C恒流测量接头压降与温度。",
    ),
    "sensing-wire.expected": (
        "The battery itself is sound; the management balances wrongly while it reads wrongly.",
        "电池本身正常；但采样错误会导致误均衡。",
    ),
    "sensing-wire.do": (
        "Check plug, crimp and fuse of the sensing wire between the two cells; do not replace cells.",
        "检查两电芯之间采样线的插头、压接与熔丝；不要更换电芯。",
    ),
    "sensing-wire.measure": (
        "Measure both cells at their poles with a voltmeter and compare with what is reported.",
        "用万用表在极柱处测两电芯电压并与上报值比较。",
    ),
    "temperature-sensor.expected": (
        "The management may miss a hot spot, or limit the power without need.",
        "管理系统可能漏报热点，或不必要地限功率。",
    ),
    "temperature-sensor.do": (
        "Check the probe's plug and its seat; replace the probe.",
        "检查温度探头插头与贴合；更换探头。",
    ),
    "temperature-sensor.measure": (
        "Compare all probes after a night without use: they must agree within 2 degC.",
        "静置一夜后比较全部探头，差值应在2℃以内。",
    ),
    "weak-cell.expected": (
        "The cell limits the range of the pack; the gap grows slowly.",
        "该电芯限制整包续航，差距缓慢增大。",
    ),
    "weak-cell.do": (
        "Measure the module's capacity; replace the module where the range is too short for the use.",
        "测量模组容量；续航不足时更换模组。",
    ),
    "weak-cell.measure": (
        "One slow charge from below 20 % to full.",
        "从20%以下慢充至满一次。",
    ),
    "capacity-dive.expected": (
        "The capacity falls ever faster; within months the range is too short.",
        "容量加速衰减，数月内续航不足。",
    ),
    "capacity-dive.do": (
        "Do not fast charge; measure the capacity now and again in a month; plan the replacement.",
        "停止快充；立即并于一个月后复测容量；安排更换。",
    ),
    "capacity-dive.measure": (
        "One slow charge from below 20 % to full, repeated after a month.",
        "从20%以下慢充至满一次，一个月后重复。",
    ),
    "current-sensor.expected": (
        "State of charge and range are wrong, and grow worse between full charges.",
        "SOC与续航显示错误，两次充满之间误差累积。",
    ),
    "current-sensor.do": (
        "Set the zero of the current sensor anew with the contactors open; replace it where that does not hold.",
        "接触器断开时重新标定电流传感器零点；无效则更换。",
    ),
    "current-sensor.measure": (
        "Compare with a clamp meter at rest and at a steady charging current.",
        "用钳形表在静置与恒流充电时对比。",
    ),
    "insulation.expected": (
        "The leak to the chassis grows with damp; the car will refuse to switch on.",
        "对地漏电随潮湿加剧，车辆将无法上电。",
    ),
    "insulation.do": (
        "Do not touch the high voltage; find the leak with an insulation tester, part by part; look for water in the pack.",
        "勿触碰高压；用绝缘表逐段排查；检查电池包是否进水。",
    ),
    "insulation.measure": (
        "Insulation at the same temperature, dry and after rain.",
        "同温度下分别在干燥与雨后测绝缘电阻。",
    ),
    "unknown.expected": (
        "What this is cannot be told from the data.",
        "仅凭数据无法判断原因。",
    ),
    "unknown.do": (
        "Have the pack looked at by somebody who can open it, with the plot beside this warning.",
        "请有资质人员携带本警告的曲线开包检查。",
    ),
    "unknown.measure": (
        "A full charge, then 24 hours at rest with a frame every ten minutes.",
        "充满后静置24小时，每10分钟记录一帧。",
    ),
    "missing.rest": (
        "Not enough information: no frames at rest; needs a wake-up while parked.",
        "信息不足：没有静置帧；需要停车唤醒采样。",
    ),
    "missing.flat": (
        "Not enough information on charge: the curve is flat here; needs a charge to above 95 % or a rest below 15 %.",
        "电量信息不足：处于平台区；需要充至95%以上或在15%以下静置。",
    ),
    "missing.current": (
        "Not enough information on resistance: needs a drive or a charge.",
        "内阻信息不足：需要行驶或充电数据。",
    ),
    "missing.probes": (
        "Not enough information on heat: no probe reports.",
        "温度信息不足：没有有效探头。",
    ),
    "limits": (
        "Some faults give no sign in voltages, currents and temperatures before they end in fire. No warning is no proof of safety.",
        "有些故障在起火前不会在电压、电流、温度上留下迹象；没有警告并不证明安全。",
    ),
}
"""By key: English, Chinese."""


def text(key: str, language: str = "en") -> str:
    """The words of a key, `language` "en" or "zh"."""
    return TEXTS[key][1 if language == "zh" else 0]


def expected_of(cause: str) -> str:
    """Key of the expected course."""
    return f"{cause}.expected"


def advised(cause: str) -> tuple[str, ...]:
    """Keys of what to do."""
    return (f"{cause}.do", "limits") if cause in ("internal-short", "unknown", "plating") else (f"{cause}.do",)


def next_measurement(causes: tuple[tuple[str, float], ...]) -> tuple[str, ...]:
    """Keys of what to measure, for the causes that are still likely."""
    return tuple(f"{name}.measure" for name, chance in causes[:3] if chance >= 0.15) or ("unknown.measure",)


def missing_of(features: DayFeatures) -> tuple[str, ...]:
    """Keys of what the day could not tell."""
    day, normal = features.day, features.normal
    missing = []
    if day[at.D_REST_WEIGHT] < 20.0:
        missing.append("missing.rest")
    if features.kind == "LFP" and normal[1, 1] < 0.3**2 * max(normal[0, 0], 1e-9) * 0.2:
        missing.append("missing.flat")
    if normal[3, 3] < 0.02**2 * max(normal[0, 0], 1e-9):
        missing.append("missing.current")
    if day[at.D_PROBE_N] < 1.0:
        missing.append("missing.probes")
    return tuple(missing)


CAUSES = _CAUSES
"""Every cause that has texts."""
