"""What to do: for each cause its expected course, what a workshop does, what to measure next, what looks alike; English and Chinese.

Warnings bear keys; `text` gives the words. Nothing here says that every danger is seen: some packs give no sign in their voltages.
"""

from evloom.diagnose import evidence_places as at
from evloom.diagnose.evidence import DayFeatures

LIKELY, SURE = 0.15, 0.85
"""Probability from which a cause is looked into, and under which its look-alikes are told."""
_CAUSES = (
    "internal-short", "self-discharge", "plating", "connection", "sensing-wire", "temperature-sensor", "weak-cell", "capacity-dive",
    "current-sensor", "insulation", "unknown",
)  # fmt: skip

TEXTS: dict[str, tuple[str, str]] = {
    "stop.do": (
        (
            "Stop using it now: park outside, away from buildings and other cars, let nobody stay in it, do not charge it, and "
            "call the workshop. Where it smokes, hisses or smells: keep away and call the fire brigade."
        ),
        "立即停用：停放于室外、远离建筑与其他车辆，人员不得停留车内，禁止充电，并联系维修；如有冒烟、异响或异味，请远离并报火警。",
    ),
    "inspect.do": (
        (
            "Have it looked at within days. Until then: no fast charging (at most 0.3 C), charge to 80 % at most, give nothing "
            "back to the grid."
        ),
        "请在数日内检修。检修前：禁止快充（不超过0.3C），充电不超过80%，不向电网放电。",
    ),
    "internal-short.stop": (
        "Have the module replaced before it is charged again; do not reuse the cell.",
        "再次充电前必须更换所在模组；该电芯不得再利用。",
    ),
    "internal-short.expected": (
        "The cell loses charge faster from week to week; the leak may turn hard within days, or stand still for months.",
        "该电芯漏电逐周加快；可能数天内恶化为硬短路，也可能数月不变。",
    ),
    "internal-short.do": (
        (
            "Park outside, away from buildings and other cars. Do not fast charge, and charge to 50 % at most. Replace the "
            "module; do not reuse the cell."
        ),
        "停放于室外、远离建筑与其他车辆；禁止快充，充电不超过50%；更换所在模组，该电芯不得再利用。",
    ),
    "internal-short.measure": (
        (
            "Charge to the usual level, switch balancing off, park for 48 hours: compare the cell's voltage at rest before "
            "and after with its neighbours'. More than 1 % of the charge a day is a short."
        ),
        "充至常用电量，关闭均衡，静置48小时：与相邻电芯比较静置前后开路电压；每天损失超过1%电量即为内短路。",
    ),
    "self-discharge.expected": (
        "The cell falls behind evenly, by the same amount each week, faster when warm; balancing can hold it.",
        "该电芯每周以基本恒定的量落后，高温更快；均衡可以补偿。",
    ),
    "self-discharge.do": (
        "Balance the pack at the next service; note the cell. Once it is looked at, no limit on use while the rate stays the same.",
        "下次保养时做均衡维护并记录该电芯；检查后若速率不变，可正常使用。",
    ),
    "self-discharge.measure": (
        "Compare the rate again after two weeks at a similar temperature: a rate that grows is a short.",
        "两周后在相近温度下复核漏电速率：若加快则按内短路处理。",
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
        (
            "A slow full charge at 25 degC, then two hours at rest with a frame a minute: a shoulder in the falling "
            "voltage is lithium that dissolves."
        ),
        "25℃慢充至满后静置2小时，每分钟一帧：电压回落曲线出现平台即为析出锂在溶解。",
    ),
    "connection.expected": (
        "The joint heats with the square of the current and gets worse with vibration.",
        "接头发热随电流平方增大，并随振动恶化。",
    ),
    "connection.do": (
        (
            "Switch off the high voltage and secure it. Check torque and surface of the busbar at the cell, look for "
            "discolouring; renew the joint. Until then no fast charging."
        ),
        "断高压并验电后，检查该电芯母排的力矩与接触面，有无变色；重做连接。处理前禁止快充。",
    ),
    "connection.measure": (
        (
            "Measure the drop over the joint at a steady 0.5 C, and its temperature after ten minutes; a sound joint of "
            "the same pack is the measure."
        ),
        "以0.5C恒流测量接头压降，十分钟后测其温度；以同包正常接头为准。",
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
        (
            "Measure both cells at their poles with a voltmeter at rest and compare with what is reported; then move the "
            "plug and look at the reported noise."
        ),
        "静置时用万用表在极柱处测两电芯电压并与上报值比较；再轻动插头，观察上报值的跳动。",
    ),
    "temperature-sensor.expected": (
        "The management may miss a hot spot, or limit the power without need.",
        "管理系统可能漏报热点，或不必要地限功率。",
    ),
    "temperature-sensor.do": (
        "Check the probe's plug and its seat; replace the probe. Until then treat the module as if it were as hot as its neighbours.",
        "检查温度探头插头与贴合；更换探头。处理前按相邻模组温度对待。",
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
        (
            "Measure the module's capacity; replace the module where the range is too short for the use. Do not mix in a "
            "new cell of another age."
        ),
        "测量模组容量；续航不足时更换模组；不要混装新旧程度不同的电芯。",
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
        "What this is cannot be told from the data; none of the known faults explains all that is seen. It may get worse.",
        "仅凭数据无法判断原因：已知故障均不能完整解释所见现象，可能继续恶化。",
    ),
    "unknown.do": (
        (
            "Have the pack looked at by somebody who can open it, with the plot beside this warning. Look for balancing "
            "that does not end, a contact that comes and goes, cells in another order after service, cooling that fails, a "
            "cell that has lost electrolyte."
        ),
        "请有资质人员携带本警告的曲线开包检查：均衡是否常开、接触是否时好时坏、维修后电芯顺序是否有误、冷却是否失效、电芯是否漏液。",
    ),
    "unknown.measure": (
        "A full charge, then 24 hours at rest with a frame every ten minutes; a drive with a frame a second.",
        "充满后静置24小时，每10分钟一帧；再行驶一次，每秒一帧。",
    ),
    "internal-short.alike": (
        (
            "Looks alike: self-discharge, which is there from the first day and does not grow; balancing that does not "
            "end, which the box reports as a bled cell."
        ),
        "易混淆：自放电（自始存在且不加快）；均衡常开（上报有均衡电芯）。",
    ),
    "self-discharge.alike": (
        "Looks alike: an internal short, which begins some day and grows.",
        "易混淆：内短路（从某日开始并加快）。",
    ),
    "plating.alike": (
        "Looks alike: a capacity dive, in which the resistance grows along and the voltage after a charge has no shoulder.",
        "易混淆：容量跳水（内阻同步增大，充电后电压无平台）。",
    ),
    "connection.alike": (
        (
            "Looks alike: a sensing wire, which is off at rest too and shows the opposite in the neighbour; a contact that "
            "comes and goes, which is noisy."
        ),
        "易混淆：采样线（静置时也偏，且相邻电芯反向）；时好时坏的接触（噪声大）。",
    ),
    "sensing-wire.alike": (
        "Looks alike: a connection, which is off under current only and leaves the neighbour alone.",
        "易混淆：连接不良（仅有电流时偏离，相邻电芯不受影响）。",
    ),
    "temperature-sensor.alike": (
        "Looks alike: a module that runs hot, where the probes beside it are warm too.",
        "易混淆：模组过热（相邻探头同样偏高）。",
    ),
    "weak-cell.alike": (
        "Looks alike: a capacity dive, which begins some day and grows.",
        "易混淆：容量跳水（从某日开始并加快）。",
    ),
    "capacity-dive.alike": (
        (
            "Looks alike: plating, which follows cold or fast charging; a weak cell, which was so from the first day; lost "
            "electrolyte, which comes at once."
        ),
        "易混淆：析锂（与低温或快充相关）；弱电芯（自始如此）；漏液（突然出现）。",
    ),
    "current-sensor.alike": (
        "Looks alike: a load of the car while awake, which ends when it sleeps.",
        "易混淆：车辆唤醒时的静态负载（休眠后消失）。",
    ),
    "insulation.alike": (
        "Looks alike: damp weather, after which it comes back.",
        "易混淆：潮湿天气（天干后恢复）。",
    ),
    "unknown.alike": (
        "Not one of the ten faults known by name; a new or a double fault is possible.",
        "不属于已知的十类故障；可能是新故障或多重故障。",
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


_ACTIONS = {"inspect": "inspect.do", "stop": "stop.do"}


def expected_of(cause: str) -> str:
    """Key of the expected course."""
    return f"{cause}.expected"


def advised(cause: str) -> tuple[str, ...]:
    """Keys of what to do."""
    return (f"{cause}.do", "limits") if cause in ("internal-short", "unknown", "plating") else (f"{cause}.do",)


def acted(advice: tuple[str, ...], level: str) -> tuple[str, ...]:
    """What to do at a level, whatever the cause: its action stands first. At `stop` no word of a cause allows what the action forbids."""
    rest = tuple(key for key in advice if key not in _ACTIONS.values())
    if level == "stop":
        rest = tuple("internal-short.stop" if key == "internal-short.do" else key for key in rest)
    return (_ACTIONS[level], *rest) if level in _ACTIONS else rest


def next_measurement(causes: tuple[tuple[str, float], ...]) -> tuple[str, ...]:
    """Keys of what to measure, for the causes that are still likely; where the first is not sure, what looks alike."""
    measures = tuple(f"{name}.measure" for name, chance in causes[:3] if chance >= LIKELY) or ("unknown.measure",)
    return (*measures, f"{causes[0][0]}.alike") if causes and causes[0][1] < SURE else measures


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
