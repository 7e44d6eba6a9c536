"""What cannot be told of a pack and what would be needed, in words."""

TEXTS = {
    "no-frames": ("no usable frames", "没有可用的数据帧"),
    "no-cells": (
        "not enough information: needs cell voltages, or those of the highest and the lowest cell",
        "信息不足：需要各单体电压，或最高与最低单体电压",
    ),
    "mean-cell": (
        "single cells were not sent: a mean cell stands for all, and weakest cell, spread and self-discharge cannot be told",
        "未提供各单体电压：以平均单体代表整包，无法判断最弱单体、离散度与自放电",
    ),
    "charge-span": ("not enough information: needs a charge over at least 40 % SOC", "信息不足：需要一次跨度至少 40 % SOC 的充电"),
    "flat-curve": (
        "not enough information: the curve of these cells is flat here; needs a slow charge that begins below 35 % SOC or ends full",
        "信息不足：此处电压平台过平；需要从 35 % SOC 以下开始或充满的慢充",
    ),
    "too-uncertain": (
        "not enough information: the capacity is not known to within 15 %; needs slow charges over at least 40 % SOC, with rests before",
        "信息不足：容量不确定度超过 15 %；需要静置后跨度至少 40 % SOC 的慢充",
    ),
    "no-fit": (
        "not enough information: no capacity that a pack can have fits; check rated capacity, current sensor; needs a full slow charge",
        "信息不足：充入电量与该电池可能的容量不符；请核对额定容量与电流传感器；需要从 10 % SOC 以下开始充满的慢充",
    ),
    "too-short": ("the charge is too short to tell anything of the capacity", "充电时间过短，无法判断容量"),
    "few-frames": ("too few frames in this charge", "本次充电数据帧过少"),
    "hole": ("too much of this charge was not seen", "本次充电缺失数据过多"),
    "chemistry": ("not enough information: needs the chemistry, or a charge that shows it", "信息不足：需要电池化学体系或能判断它的充电"),
    "rated-capacity": ("health as a share needs the rated capacity, which nobody told", "健康度需要额定容量，但未提供"),
    "resistance": (
        "not enough information: needs steps of current, frames at most 45 s apart",
        "信息不足：需要电流阶跃，帧间隔不超过 45 秒",
    ),
    "resistance-new": (
        "resistance is compared with the first weeks of the record; needs 45 days with frames",
        "内阻与记录最初数周相比；需要 45 天数据",
    ),
    "cell-capacity": (
        "not enough information: needs slow charges to tell the capacity of single cells; till then they count as even",
        "信息不足：判断单体容量需要慢充；在此之前按各单体一致计",
    ),
    "self-discharge": ("not enough information: needs 10 days with relaxed rests or slow charges", "信息不足：需要 10 天内有静置或慢充"),
    "insulation": ("no measured insulation resistance on at least 3 days", "绝缘电阻实测数据不足 3 天"),
    "temperature": ("no temperatures: figures are not brought to 25 degC", "没有温度数据：数值未换算到 25 °C"),
    "current-offset": ("the offset of the current sensor was never seen at rest", "静置时未能得到电流传感器零偏"),
}
"""English and Chinese by key."""


def text(key: str, language: str = "en") -> str:
    """The words for a key; language "en" or "zh"."""
    return TEXTS[key][1 if language == "zh" else 0]
