"""The words of receipts in English and Chinese. A word that is not here is shown as it is: names of fees are the operator's own."""

from typing import Literal

Language = Literal["en", "zh"]

_WORDS: dict[str, tuple[str, str]] = {
    "receipt": ("Charging receipt", "充电收据"),
    "correction": ("Corrected charging receipt", "更正充电收据"),
    "credit": ("Credit note", "退款凭证"),
    "preview": ("Preview, not a receipt", "预览，非正式收据"),
    "number": ("No.", "编号"),
    "replaces": ("Replaces No.", "替代编号"),
    "credits": ("For receipt No.", "对应收据编号"),
    "reason": ("Reason", "原因"),
    "late words": ("the charger reported more", "充电桩补报数据"),
    "issued": ("Issued", "开具时间"),
    "operator": ("Operator", "运营方"),
    "site": ("Site", "场站"),
    "station": ("Charger", "充电桩"),
    "connector": ("connector", "枪号"),
    "session": ("Session", "充电记录"),
    "driver": ("Driver", "车主"),
    "token": ("Card", "卡号"),
    "connected": ("Connected", "接入时间"),
    "charged until": ("Charging ended", "充电结束"),
    "energy": ("Energy", "电费"),
    "energy charged": ("Energy charged", "充电电量"),
    "energy given": ("Energy given back", "放电电量"),
    "registers": ("Meter, begin to end", "电表起止示数"),
    "contract": ("Contract", "合同"),
    "tariff": ("Tariff", "电价"),
    "version": ("version", "版本"),
    "whose driver": ("the driver's", "车主合同"),
    "whose site": ("the site's", "场站合同"),
    "whose organisation": ("the operator's standard", "运营方默认合同"),
    "item": ("Item", "项目"),
    "quantity": ("Quantity", "数量"),
    "unit price": ("Unit price", "单价"),
    "amount": ("Amount", "金额"),
    "total": ("Total", "合计"),
    "tax within": ("of which tax", "其中税额"),
    "service": ("service", "服务费"),
    "session fee": ("session fee", "每次服务费"),
    "overstay": ("overstay", "超时占位费"),
    "parking": ("parking", "停车费"),
    "tax": ("tax", "税额"),
    "V2G credit": ("V2G credit", "放电补贴"),
    "least fee": ("least fee", "最低收费"),
    "highest fee": ("highest fee", "最高收费"),
    "uses": ("When energy flowed", "分时明细"),
    "from": ("From", "开始"),
    "to": ("To", "结束"),
    "period": ("Period", "时段"),
    "kwh in": ("Charged, kWh", "充电 kWh"),
    "kwh out": ("Given back, kWh", "放电 kWh"),
    "price": ("Price per kWh", "电价（每 kWh）"),
    "why": ("Why it charged when it did", "充电时段说明"),
    "battery": ("Battery", "电池"),
    "warnings": ("Remarks", "备注"),
    "signed": ("Signed meter values", "签名电表值"),
    "rule": (
        "Each amount is quantity times unit price, rounded half up; the total is the sum of the amounts.",
        "各项金额＝数量×单价，四舍五入；合计为各项金额之和。",
    ),
    "clock": ("Times by the clock of", "时间按当地时区"),
    "sharp": ("sharp", "尖"),
    "peak": ("peak", "峰"),
    "on-peak": ("on-peak", "峰"),
    "mid-peak": ("mid-peak", "中峰"),
    "flat": ("flat", "平"),
    "valley": ("valley", "谷"),
    "off-peak": ("off-peak", "谷"),
    "h": ("h", "小时"),
    "min": ("min", "分钟"),
    "so far": ("so far", "至今"),
    "now": ("now", "当前"),
    "until": ("until", "至"),
}

_REMARKS: dict[str, tuple[str, str]] = {
    "guard.gap": ("Meter values are missing for a time; energy was divided evenly over it.", "部分时段缺少电表读数，电量按时间平均分摊。"),
    "guard.missing-words": ("Some messages of the charger did not arrive.", "部分充电桩报文未收到。"),
    "guard.suspect": ("A person checked the record of the charger.", "充电记录经人工核对。"),
    "guard.too-long": ("A person checked the length of the session.", "充电时长经人工核对。"),
    "guard.too-old": ("The charger reported this session late.", "充电桩延迟上报本次记录。"),
    "bill.zero-energy": ("No energy flowed.", "本次未充电。"),
    "bill.energy-outside-visit": ("Some energy was metered outside of the session.", "部分电量计量在充电时段之外。"),
}


def word(key: str, language: Language) -> str:
    """A word in a language; a key that is not known is returned as it is."""
    pair = _WORDS.get(key)
    return key if pair is None else pair[language == "zh"]


def remark(code: str, language: Language) -> str:
    """What a finding means for the driver, "" where it is the operator's business alone."""
    pair = _REMARKS.get(code)
    return "" if pair is None else pair[language == "zh"]


def language_of(text: str) -> Language:
    """The language of a tag such as "zh-CN" or "en"; English where we do not speak it."""
    return "zh" if text.lower().startswith("zh") else "en"
