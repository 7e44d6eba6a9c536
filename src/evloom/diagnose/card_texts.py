"""The words of a card in English and Chinese, by key."""

from evloom.diagnose import health_text

TEXTS: dict[str, tuple[str, str]] = {
    # What the data cannot tell.
    "missing.soh": (
        "not enough information on the state of health: needs a charge over at least 40 % SOC and the rated capacity",
        "健康度信息不足：需要至少跨越40% SOC的一次充电，并给出额定容量",
    ),
    "missing.chemistry": (
        "not enough information: needs the chemistry (NMC, LFP or Na)",
        "信息不足：需要给出电池化学体系（NMC、LFP或Na）",
    ),
    "missing.energy": (
        "not enough information on money: needs the rated capacity (Ah) or energy (kWh)",
        "估值信息不足：需要额定容量（Ah）或额定能量（kWh）",
    ),
    "missing.reference": (
        "not enough information: needs at least 10 cells of the same type, tested in the same way, with measured capacity",
        "信息不足：需要至少10只同型号、同方法测试且已测容量的参考电芯",
    ),
    "missing.unlike": (
        "not enough information: the pulses are unlike those of every reference cell; measure the capacity",
        "信息不足：脉冲响应与所有参考电芯都不相似；请实测容量",
    ),
    "missing.capacity-share": ("the spread of capacity between cells is not known", "单体间容量差异未知"),
    "missing.resistance-share": ("the spread of resistance between cells is not known", "单体间内阻差异未知"),
    # Routes and uses.
    "route.keep": ("keep in the car", "留车继续使用"),
    "route.swap": ("pool of swapped batteries", "换电池池"),
    "route.second-life": ("stationary second life", "梯次利用储能"),
    "route.parts": ("sell in parts", "拆解备件"),
    "route.recycle": ("recycle", "再生回收"),
    "use.present": ("present use", "当前使用方式"),
    "use.v2g": ("present use and V2G", "当前使用并参与V2G"),
    "needs.swappable": (
        "only if the pack is of a type that can be swapped; say so: [pack.\"ID\"] swappable = true",
        "仅适用于可换电的电池包；请在规则文件写明：[pack.\"ID\"] swappable = true",
    ),
    # Why a grade is no better, why a route is closed.
    "grade.soh": ("state of health {have:.1%}, grade {subject} asks for {asked:.0%}", "健康度{have:.1%}，{subject}级要求{asked:.0%}"),
    "grade.capacity-share": (
        "weakest cell has {have:.1%} of the usual capacity, grade {subject} asks for {asked:.0%}",
        "最弱单体容量为中位值的{have:.1%}，{subject}级要求{asked:.0%}",
    ),
    "grade.resistance-share": (
        "one cell has {have:.2f} times the usual resistance, grade {subject} allows {asked:.2f}",
        "有单体内阻为中位值的{have:.2f}倍，{subject}级允许{asked:.2f}倍",
    ),
    "grade.level": ("a warning is open at {level}, which grade {subject} does not allow", "有未关闭的“{level}”级警告，{subject}级不允许"),
    "route.soh": ("state of health {have:.1%}, this route asks for {asked:.0%}", "健康度{have:.1%}，该去向要求{asked:.0%}"),
    "route.chemistry": ("not for the chemistry {subject}", "不适用于{subject}体系"),
    "route.not-swappable": ("the pack is not of a swap type", "该电池包不是换电型"),
    "fault.stop": (
        "a stop warning is open: a damaged battery goes nowhere but to a recycler, as dangerous goods",
        "存在“停用”级警告：受损电池只能按危险品交由回收企业处理",
    ),
    "fault.internal-short": ("an internal short is likely", "很可能存在内短路"),
    "fault.plating": ("lithium plating is likely", "很可能存在析锂"),
    "fault.capacity-dive": ("a cell's capacity is diving", "有单体容量跳水"),
    "fault.self-discharge": ("a cell discharges itself faster", "有单体自放电偏大"),
    "fault.insulation": ("the insulation is weak", "绝缘下降"),
    "fault.connection": ("a high-voltage joint must be renewed", "高压连接需重做"),
    "fault.sensing": ("a sensing wire must be renewed", "采样线需修复"),
    "fault.temperature-sensor": ("a temperature probe must be renewed", "温度探头需更换"),
    "fault.current-sensor": (
        "the current sensor must be set anew; the SOH is in doubt until then",
        "电流传感器需重新标定；此前健康度存疑",
    ),
    "fault.weak-cell": ("one module is weak", "有一个模组偏弱"),
    "fault.unknown": ("something that cannot be named is wrong", "存在无法定性的异常"),
    # What goes in.
    "input.soh": ("state of health", "健康度"),
    "input.pace": ("how fast this pack ages", "老化速度"),
    "input.pack_mean_c": ("mean temperature of the pack", "电池平均温度"),
    "input.knee_at": ("where its knee lies", "拐点位置"),
    "input.knee_factor": ("how fast it ages after the knee", "拐点后老化倍率"),
    "input.straight": ("how little its ageing slows down", "老化趋缓程度（1为不趋缓）"),
    "input.cycles_per_year": ("full cycles a year", "年等效循环数"),
    "input.v2g_cycles_per_year": ("full cycles a year by V2G", "V2G年等效循环数"),
    "input.swap_cycles_per_year": ("full cycles a year in a swap pool", "换电池池年等效循环数"),
    "input.storage_cycles_per_year": ("full cycles a year in a store", "储能年等效循环数"),
    "input.car_years": ("years that the car is still driven", "车辆剩余使用年限"),
    "input.pack_price_per_kwh": ("price of a new pack", "新电池包价格"),
    "input.service_life_years": ("years in which a new pack pays back", "新包回本年限"),
    "input.discount_rate": ("interest", "折现率"),
    "input.v2g_margin_per_kwh": ("margin of V2G", "V2G度电收益"),
    "input.swap_premium": ("worth of service in a swap pool against a car", "换电池池服务价值"),
    "input.swap_transfer_cost": ("cost of moving into the pool", "入池费用"),
    "input.storage_price_per_kwh": ("price of a new stationary battery", "新储能电池价格"),
    "input.used_share": ("what a buyer pays for used against new", "二手相对新品价格比"),
    "input.storage_life_years": ("life of a new stationary battery", "新储能电池寿命"),
    "input.repurpose_cost_per_kwh": ("cost of making a store of it", "梯次改造成本"),
    "input.parts_price_share": ("price of used modules against a new pack", "二手模组价格"),
    "input.parts_sold_share": ("modules that find a buyer within a year", "模组售出比例"),
    "input.dismantle_cost": ("cost of taking it apart", "拆解费用"),
    "input.module_cost": ("cost of a new module with work", "更换模组费用"),
    "input.service_cost": ("cost of a workshop visit", "维修工时费用"),
    "input.hazard_cost": ("cost of quarantine and transport of a damaged pack", "受损电池隔离运输费用"),
    "input.pack_kg_per_kwh": ("mass of the pack", "电池包质量"),
    "input.lithium_kg_per_kwh": ("lithium in it", "锂含量"),
    "input.nickel_kg_per_kwh": ("nickel in it", "镍含量"),
    "input.cobalt_kg_per_kwh": ("cobalt in it", "钴含量"),
    "input.copper_kg_per_kwh": ("copper in it", "铜含量"),
    "input.aluminium_kg_per_kwh": ("aluminium in it", "铝含量"),
    "input.lithium_price_per_kg": ("price of lithium", "锂价"),
    "input.nickel_price_per_kg": ("price of nickel", "镍价"),
    "input.cobalt_price_per_kg": ("price of cobalt", "钴价"),
    "input.copper_price_per_kg": ("price of copper", "铜价"),
    "input.aluminium_price_per_kg": ("price of aluminium", "铝价"),
    "input.payable_share": ("what a recycler pays of the metals' worth", "回收折扣系数"),
    "input.recycle_cost_per_kg": ("cost of transport and treatment", "运输处理费用"),
    # What to measure.
    "measure.soh": (
        "One slow charge from below 20 % to full at 15 to 30 °C, with frames every 30 s or faster.",
        "在15–30℃下从20%以下慢充至满一次，帧间隔不超过30秒。",
    ),
    "measure.chemistry": (
        "Read the chemistry off the pack's plate or code (GB/T 34014).",
        "从铭牌或电池编码（GB/T 34014）读取化学体系。",
    ),
    "measure.energy": ("Read rated capacity and energy off the pack's plate.", "从铭牌读取额定容量与能量。"),
    "measure.ageing": (
        "Give the date of manufacture ([pack.\"ID\"] made = 2021-03-01), and measure the capacity again in half a year.",
        "给出生产日期（[pack.\"ID\"] made = 2021-03-01），半年后复测容量。",
    ),
    "measure.use": ("Keep frames of at least three months.", "保留至少三个月的帧数据。"),
    "measure.temperature": ("Keep probe temperatures over a whole year, parked hours too.", "保留全年探头温度（含停放时段）。"),
    "measure.owner": (
        "Ask the owner how long the car will be driven, or give the date of manufacture.",
        "询问车主预计使用年限，或给出生产日期。",
    ),
    "measure.market": (
        "Ask two buyers for offers and write them into the rules file (--rules).",
        "向两家买方询价，并写入规则文件（--rules）。",
    ),
    "measure.contract": ("Ask the operator or aggregator for the terms of the contract.", "向运营商或聚合商索取合同条件。"),
    "measure.material": (
        "Take weight and exact chemistry from the plate, or have one cell analysed.",
        "从铭牌取质量与具体体系，或抽检一只电芯成分。",
    ),
    "measure.metal-price": (
        "Take today's metal prices and the recycler's discount into the rules file.",
        "将当日金属价格与回收折扣写入规则文件。",
    ),
    "measure.finance": ("Settle the interest and pay-back time to be reckoned with.", "确定折现率与回本年限。"),
}  # fmt: skip
"""By key: English, Chinese."""

CAUSES: dict[str, tuple[str, str]] = {
    "internal-short": ("internal short", "内短路"),
    "self-discharge": ("self-discharge", "自放电偏大"),
    "plating": ("lithium plating", "析锂"),
    "connection": ("high-voltage connection", "高压连接电阻增大"),
    "sensing-wire": ("sensing wire", "电压采样线故障"),
    "temperature-sensor": ("temperature sensor", "温度传感器故障"),
    "weak-cell": ("weak cell", "弱单体"),
    "capacity-dive": ("capacity dive", "容量跳水"),
    "current-sensor": ("current sensor", "电流传感器偏差"),
    "insulation": ("insulation", "绝缘下降"),
    "unknown": ("unknown", "未知"),
}
LEVEL_WORDS = {"watch": "关注", "inspect": "检修", "stop": "停用"}

_MEASURES = {
    "measure.ageing": ("pace", "knee_at", "knee_factor", "straight"),
    "measure.use": ("cycles_per_year",),
    "measure.temperature": ("pack_mean_c",),
    "measure.owner": ("car_years",),
    "measure.contract": (
        "v2g_cycles_per_year", "swap_cycles_per_year", "storage_cycles_per_year", "v2g_margin_per_kwh", "swap_premium",
        "swap_transfer_cost",
    ),
    "measure.market": (
        "pack_price_per_kwh", "storage_price_per_kwh", "used_share", "storage_life_years", "repurpose_cost_per_kwh", "parts_price_share",
        "parts_sold_share", "dismantle_cost", "module_cost", "service_cost", "hazard_cost",
    ),
    "measure.material": (
        "pack_kg_per_kwh", "lithium_kg_per_kwh", "nickel_kg_per_kwh", "cobalt_kg_per_kwh", "copper_kg_per_kwh", "aluminium_kg_per_kwh",
    ),
    "measure.metal-price": (
        "lithium_price_per_kg", "nickel_price_per_kg", "cobalt_price_per_kg", "copper_price_per_kg", "aluminium_price_per_kg",
        "payable_share", "recycle_cost_per_kg",
    ),
    "measure.finance": ("discount_rate", "service_life_years"),
    "measure.soh": ("soh",),
}  # fmt: skip
_MEASURE_OF = {key: measure for measure, keys in _MEASURES.items() for key in keys}


def measure_of(key: str) -> str:
    """Key of what to measure to know an input better."""
    return _MEASURE_OF[key]


def text(key: str, language: str = "en") -> str:
    """The words of a key, `language` "en" or "zh". A key that the card does not know is given back."""
    if key.startswith("health."):
        return health_text.text(key.removeprefix("health."), language)
    words = TEXTS.get(key)
    return key if words is None else words[1 if language == "zh" else 0]
