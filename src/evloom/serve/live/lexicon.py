"""What the loop says of its decisions, in English and Chinese. Values in braces are filled in by `serve.live.words`."""

from evloom.dispatch.reason import (
    BAY,
    DIAGNOSED,
    DONE,
    EMPTY,
    FALLBACK,
    FULL,
    HELD,
    MINIMUM,
    OFFLINE,
    PLAN,
    STEP,
    STRAYED,
    UNTRIED,
)  # fmt: skip

REASONS: dict[int, str] = {
    FULL: "full",
    EMPTY: "empty",
    DONE: "done",
    PLAN: "plan",
    MINIMUM: "minimum",
    STEP: "step",
    BAY: "bay",
    FALLBACK: "fallback",
    OFFLINE: "offline",
    STRAYED: "strayed",
    UNTRIED: "untried",
    HELD: "held",
    DIAGNOSED: "diagnosed",
}
"""Number of `dispatch.reason` to its key here; a number >= 0 is the row of a node, whose key is "node"."""

WORDS: dict[str, tuple[str, str]] = {
    "full": ("full power of car and charger", "以车辆和充电桩的最大功率充电"),
    "empty": ("no car", "没有车辆"),
    "done": ("the car wants no more", "车辆不再需要充电"),
    "plan": ("the plan waits for a better time", "按计划等待更合适的时段"),
    "minimum": ("what is left is below the least current of the charger", "剩余功率低于充电桩的最小电流"),
    "step": ("rounded down to what the charger can be set to", "向下取整到充电桩可设定的电流"),
    "bay": ("the other bay of the charger is charging", "同一充电桩的另一车位正在充电"),
    "fallback": ("a safe order stands in for one that failed its check", "指令未通过校核，以安全指令代替"),
    "offline": ("no link: it keeps the plan it was sent, then its safe default", "通信中断：先按已下发的计划充电，然后按安全默认值"),
    "strayed": ("it does not follow its orders: room is kept for what it draws", "充电桩不执行指令：为其实际功率预留容量"),
    "untried": (
        "new: it is asked for little until it has shown that it follows, and room is kept for more",
        "新桩：先下发小功率指令，确认其执行指令前预留容量",
    ),
    "held": ("kept as it is for a while: charger and car need rest between changes", "暂时保持不变：充电桩和车辆在两次调整之间需要间歇"),
    "diagnosed": ("battery diagnosis: it is charged gently and not full, or not at all", "电池诊断：小功率且不充满，或禁止充电"),
    "diagnosis_power": (
        "battery diagnosis: at most {power} kW until its warning is closed",
        "电池诊断：预警解除前充电功率不超过{power}千瓦",
    ),
    "diagnosis_soc": ("battery diagnosis: it is charged to {share} % and not beyond", "电池诊断：最高充至{share}%"),
    "diagnosis_soc_unknown": (
        "battery diagnosis: to be charged to {share} % at most, but nobody tells how full it is",
        "电池诊断：最高应充至{share}%，但无法获知当前电量",
    ),
    "diagnosis_stop": (
        "battery diagnosis: it is not charged; park it outside and have it looked at",
        "电池诊断：禁止充电；请停放于室外并送检",
    ),
    "diagnosis_give": ("battery diagnosis: nothing is taken out of it (V2G)", "电池诊断：禁止放电（V2G）"),
    "token_refused": ("the token was refused: no energy is given", "凭证被拒：不供电"),
    "node": ("{source} binds", "{source}达到上限"),
    "node_until": ("{source} binds until {until}", "{source}达到上限，持续到{until}"),
    "leaves_told": ("you leave at {time}", "您将于{time}离开"),
    "leaves": ("it is believed to leave at {time}", "预计于{time}离开"),
    "wants": ("{wanted} kWh wanted, {done} kWh delivered", "需要{wanted}千瓦时，已充{done}千瓦时"),
    "saves": ("waiting saves {money} {currency}", "等待可节省{money} {currency}"),
    "ready": ("it will be ready at {time}", "预计{time}充好"),
    "charges_at": ("it charges with {power} kW from {time}", "{time}起以{power}千瓦充电"),
    "stale": (
        "the meter of {node} is silent since {time}: its forecast with a margin stands in",
        "{node}的电表自{time}起无数据：以预测值加裕量代替",
    ),
    "ignores": ("{evse} draws {measured} kW although {ordered} kW were ordered", "{evse}实际功率{measured}千瓦，指令为{ordered}千瓦"),
    "refused": ("{evse} did not take its order ({why})", "{evse}未接受指令（{why}）"),
    "lost": ("{evse} has no link", "{evse}通信中断"),
    "above": ("{source}: {load} kW measured, {limit} kW allowed", "{source}：实测{load}千瓦，允许{limit}千瓦"),
    "elsewhere": ("another process runs this loop", "该控制回路由另一进程运行"),
}
"""Key to (English, Chinese)."""
