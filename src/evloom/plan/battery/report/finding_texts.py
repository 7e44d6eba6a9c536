"""Findings in Chinese: what is allowed and what to do by their English text (PHRASES), values by their form (VALUES).

The reader writes findings in English; what none of these knows stays in English, so nothing is lost.
"""

import re

PHRASES: dict[str, str] = {
    # files
    "a whole csv, csv.gz, zip of these, or parquet": "完整的 csv、csv.gz、其 zip 或 parquet 文件",
    "copy it again; rows before the break are used": "请重新复制文件；损坏处之前的行仍被采用",
    "a header and at least one frame": "表头和至少一帧数据",
    "at least one frame": "至少一帧数据",
    "leave the file out or send it again": "移除该文件或重新发送",
    "wait until vehicles have sent some": "等待车辆上传数据",
    "files ending in .csv, .csv.gz, .zip or .parquet": "扩展名为 .csv、.csv.gz、.zip 或 .parquet 的文件",
    "name a file or folder of frames": "请指定数据文件或文件夹",
    "not read; of a workbook, save its sheet as CSV UTF-8": "未读取；Excel 工作簿请将工作表另存为 CSV UTF-8",
    "name the columns so": "请按此命名各列",
    "every column once": "每个列名只出现一次",
    "each column once": "每个列名只出现一次",
    "rename one of them": "请重命名其中一列",
    "rename or delete one": "请重命名或删除其中一列",
    "a pack's frames in one file": "一个电池包的数据在一个文件中",
    "merged in order of time": "已按时间顺序合并",
    "UTF-8": "UTF-8",
    "read as GB 18030": "按 GB 18030 读取",
    "a file that only grows": "只增不减的文件",
    "read anew from its beginning, as frames that came later": "从头重新读取，视为后来的数据",
    "it is waited for": "等待文件重新出现",
    # columns
    "V_1..V_n and T_1..T_m without a gap": "V_1..V_n 与 T_1..T_m 连续编号",
    "the missing ones are taken as absent readings": "缺少的列按无读数处理",
    "current_a, pack_v, soc and V_1..V_n": "current_a、pack_v、soc 和 V_1..V_n",
    "what needs it cannot be said for these frames": "对这些数据无法给出依赖该列的结论",
    "the names of docs/battery-frames.md": "docs/battery-frames.md 中的列名",
    "read as these; check that they mean the same": "已按此读取；请核对含义是否相同",
    "the columns of docs/battery-frames.md": "docs/battery-frames.md 中的列",
    "not read; rename what is meant": "未读取；若需要请改名",
    # rows and values
    "a decimal point": "小数点",
    "commas within numbers are read as points": "数字中的逗号按小数点读取",
    "as many fields as the header": "字段数与表头一致",
    "the row is left out; send it again": "该行被舍弃；请重新发送",
    "a number, or nothing where there is none": "数字；没有时留空",
    "read as absent": "按无读数处理",
    "an instant, e.g. 2026-05-05T09:10:00Z, or epoch seconds": "时间，例如 2026-05-05T09:10:00Z，或 Unix 秒",
    "the row is left out": "该行被舍弃",
    "an instant with its zone, e.g. 2026-05-05T09:10:00+08:00": "带时区的时间，例如 2026-05-05T09:10:00+08:00",
    "taken as UTC": "按 UTC 处理",
    "instants, e.g. 2026-05-05T09:10:00+08:00": "时间，例如 2026-05-05T09:10:00+08:00",
    "read as seconds since the record began: dates mean nothing; where each charge begins at 0, charge_id must number the charges":
        "按记录开始后的秒数读取：日期没有意义；若每次充电都从 0 开始，须用 charge_id 给充电编号",
    "1, 2, 3, 4 (GB/T 32960.3)": "1、2、3、4（GB/T 32960.3）",
    "read as unknown": "按未知处理",
    "NMC, LFP or Na": "NMC、LFP 或 Na",
    "told by the voltages where they show it": "尽可能由电压判断",
    "0.5 to 5,000 Ah": "0.5 至 5,000 Ah",
    'one object a line: {"at": ..., "current_a": ..., "cell_v": [...]}':
        '每行一个对象：{"at": ..., "current_a": ..., "cell_v": [...]}',
    "the line is left out; send it again": "该行被舍弃；请重新发送",
    # what a whole file does its own way
    "positive = charging": "正值为充电",
    "turned round for the whole file": "整个文件的符号已反转",
    "loads by which the sign can be seen": "能看出符号的负载变化",
    "taken as positive = discharging": "按正值为放电处理",
    "positive = charging, negative = discharging": "正值为充电，负值为放电",
    "the sign is taken from the charging status; without one the current is absent": "符号取自充电状态；没有充电状态时按无电流处理",
    "degrees Celsius": "摄氏度",
    "40 taken off every reading that is no placeholder": "除占位值外，所有读数已减 40",
    "ohm": "欧姆",
    "multiplied for the whole file": "整个文件已换算",
    "volt": "伏",
    "divided by 1,000 for the whole file": "整个文件已除以 1,000",
    "0..1": "0..1",
    "divided by 100 for the whole file": "整个文件已除以 100",
    # packs
    "one number of cells a pack": "同一电池包的电芯数不变",
    "a segment of its own is begun from here": "自此另起一段",
    "one vehicle a pack": "一个电池包只装在一辆车上",
    "the history goes on under the pack's number": "历史记录随电池包编号延续",
    "the voltage of each cell": "每个电芯的电压",
    "one mean cell stands for all: nothing can be said of single cells": "以平均电芯代表全部：不判断单个电芯",
    "pack_v = cells in series times their voltage": "pack_v = 串联数 × 单体电压",
    "the highest at or above the lowest": "最高值不低于最低值",
    "read the other way round": "已互换读取",
    "both read as absent": "两者均按无读数处理",
    # the run itself
    "a worker that lives": "正常的工作进程",
    "three of them died over it: more memory, or split the file": "三个进程先后在此终止：请增加内存或拆分文件",
    "a disk with room that can be written": "有剩余空间且可写的磁盘",
    # pulse tests
    "one row for each test": "每次测试一行",
    "add rows": "请添加数据行",
    "a whole file": "完整的文件",
    "save it again; rows before the break are used": "请重新保存文件；损坏处之前的行仍被采用",
    "add the columns": "请补上这些列",
    "a name": "名称",
    "give every row one": "每行都须有名称",
    "a finite number": "有限的数字",
    "mend or delete the row": "请更正或删除该行",
    "leave it empty where it is not known": "未知时留空",
    "a response": "有电压响应",
    "the voltage was not logged: test again": "电压没有被记录：请重新测试",
    "U3 (charging) above U1, U7 (discharging) below it": "U3（充电）高于 U1，U7（放电）低于 U1",
    "first pulse must charge, second discharge": "第一个脉冲须为充电，第二个为放电",
    "divide the voltages by 1000": "请将电压除以 1000",
    "divide it by 1000": "请除以 1000",
    "divide it by 100": "请除以 100",
    "a share of the rated capacity": "占额定容量的比例",
    "one test of a cell at a state of charge": "每个电芯在每个荷电状态下只测一次",
    "a name of its own for each physical cell, or a column origin": "每个实体电芯各有名称，或有 origin 列",
    "taken as one cell at several ages: never in what is learnt from and what is judged at once":
        "视为同一电芯的不同老化阶段：学习与评估不会同时使用",
    "none": "无",
    "as above": "同上",
}  # fmt: skip
"""What is allowed, and what to do."""

VALUES: tuple[tuple[str, str], ...] = (
    (r"nothing", "没有内容"),
    (r"no rows?", "没有数据行"),
    (r"no such file", "文件不存在"),
    (r"nothing of that kind", "没有此类文件"),
    (r"nothing of that kind in the zip", "zip 中没有此类文件"),
    (r"a store without frames", "没有数据的存储"),
    (r"text that is no UTF-8", "不是 UTF-8 文本"),
    (r"bytes that are no text", "不是文本的数据"),
    (r"UTF-16 text: save it as CSV UTF-8", "UTF-16 文本：请另存为 CSV UTF-8"),
    (r"numbers such as 3,75", "形如 3,75 的数字"),
    (r"instants without a zone", "时间没有时区"),
    (r"columns (.+)", "各列为 {0}"),
    (r"no column (.+)", "缺少列 {0}"),
    (r"(\d+) fields", "{0} 个字段"),
    (r"(\d+) cells?", "{0} 个电芯"),
    (r"a mean cell of (\d+) in series", "{0} 串的平均电芯"),
    (r"([\d,]+) (?:rows more|more rows)", "另有 {0} 行"),
    (r"the voltage falls when it rises \(correlation (-?[\d.]+) over (\d+) steps\)", "电流上升时电压下降（{1} 次变化的相关系数 {0}）"),
    (r"positive = discharging \(correlation (-?[\d.]+) over (\d+) steps\)", "正值为放电（{1} 次变化的相关系数 {0}）"),
    (r"the state of charge rises under steady negative current", "持续负电流时荷电状态上升"),
    (r"the voltage rises under steady negative current", "持续负电流时电压上升"),
    (r"one sign while the state of charge rises and falls", "荷电状态有升有降而电流只有一个符号"),
    (r"(\d+) steps, correlation (-?[\d.]+|nan)", "{0} 次变化，相关系数 {1}"),
    (r"median (\S+), (\S+) above what the pack's own maximum lets expect", "中位数 {0}，比电池包自报最高温度高 {1}"),
    (r"median (\S+), taken as millivolts", "中位数 {0}，视为毫伏"),
    (r"median (\S+), taken as (\S+)", "中位数 {0}，视为 {1}"),
    (r"median (\S+)", "中位数 {0}"),
    (r"(\d+) cells and (\d+) probes, before \((\d+), (\d+)\); segment (.+)", "{0} 个电芯、{1} 个探头，此前为 {2} 个、{3} 个；分段 {4}"),
    (r"pack (.+) from vehicle (.+) to (.+)", "电池包 {0} 由车辆 {1} 换到 {2}"),
    (r"pack (.+): no single cells; (\S+) in series, told", "电池包 {0}：没有单体电压；{1} 串（数据给出）"),
    (
        r"pack (.+): no single cells; (\S+) in series, deduced from the voltage of the pack",
        "电池包 {0}：没有单体电压；{1} 串（由总压推算）",
    ),
    (r"pack (.+): no single cells; (\S+) in series, not known", "电池包 {0}：没有单体电压；串联数未知"),
    (r"pack (.+): (\d+) of (\d+) rows", "电池包 {0}：{2} 行中的 {1} 行"),
    (
        r"pack (.+): pack_v is (\S+) times the middle cell, scatter (\S+); the middle of highest and lowest cell is taken",
        "电池包 {0}：总压为中间电芯的 {1} 倍，离散 {2}；取最高与最低单体的中值",
    ),
    (
        r"pack (.+): (\S+) told, (\S+) by pack_v over the middle cell; the voltage of the pack is brought to that of the cells",
        "电池包 {0}：给出 {1} 串，由总压推算为 {2}；总压按单体电压换算",
    ),
    (r"from (\S+) s on", "自 {0} 秒起"),
    (r"from (\S+) s on, charges numbered", "自 {0} 秒起，充电已编号"),
    (r"([\d,]+) bytes, ([\d,]+) before", "{0} 字节，此前 {1} 字节"),
    (r"three workers died", "三个工作进程终止"),
    (r"not written", "未写入"),
    (r"no such files in the folder", "文件夹中没有此类文件"),
    (r"all equal", "全部相同"),
    (r"numbers like (.+)", "数值像是 {0}"),
    (r"names like (.+)", "名称形如 {0}"),
    (r"(.+) at (\S+)", "{0}，荷电 {1}"),
    (r"the first is kept: (.+)", "保留第一个：{0}"),
    (r"(.+): the report is not whole", "{0}：报告不完整"),
    (r"(\S+) of the rated capacity(?: \(a share, not percent\))?", "额定容量的 {0} 倍"),
    (r"(\S+) \.\. (\S+) of the rated capacity(?: \(a share, not percent\))?", "额定容量的 {0} 至 {1} 倍"),
)  # fmt: skip
"""Forms of values; {0} is the first group. The whole value must be of the form."""

PARTS: tuple[tuple[str, str], ...] = (
    (r" \(nearest: ([^()]+)\)", r"（最接近：\1）"),
    (r", a column for each cell", "，每个电芯一列"),
    (r" and ([\d,]+) more$", r" 等，另有 \1 个"),
)
"""Parts of lists of names, wherever they stand."""

_FORMS = tuple((re.compile(form, re.DOTALL), told) for form, told in VALUES)


_TAIL = re.compile(r"; highest and lowest apart by (\d+) mV, at most (\d+) mV")


def in_chinese(text: str) -> str:
    """A text of a finding in Chinese; as it is where it is not known."""
    if (tail := _TAIL.search(text)) is not None:
        return f"{in_chinese(text[: tail.start()])}；最高与最低相差 {tail[1]} mV，最大 {tail[2]} mV"
    if text in PHRASES:
        return PHRASES[text]
    for form, told in _FORMS:
        if (match := form.fullmatch(text)) is not None:
            return _parts(told.format(*match.groups()))
    return _parts(text)


def _parts(text: str) -> str:
    for part, told in PARTS:
        text = re.sub(part, told, text)
    return text
