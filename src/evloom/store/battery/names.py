"""What strangers call the columns of frames: usual spellings of GB/T 32960.3 extremes and of public tables of charges, to our names."""

import re

ALIASES = {
    "at": (
        "time", "timestamp", "datetime", "recordtime", "datatime", "collecttime", "collectiontime", "acquisitiontime",
        "数据采集时间", "时间",
    ),
    "current_a": ("current", "chargecurrent", "chargingcurrent", "packcurrent", "totalcurrent", "sumcurrent", "batterycurrent", "总电流"),
    "pack_v": ("volt", "voltage", "packvoltage", "packvolt", "totalvoltage", "sumvoltage", "batteryvoltage", "总电压"),
    "soc": ("batterysoc", "packsoc", "stateofcharge", "剩余电量"),
    "cell_max_v": (
        "maxcellvoltage", "maxcellvolt", "maxsinglevolt", "maxsinglevoltage", "cellvoltagemax", "maxcellv", "highestcellvoltage",
        "bmscellvoltagemax", "singlevoltmax", "batterymaxvoltage", "电池单体电压最高值", "最高单体电压",
    ),
    "cell_min_v": (
        "mincellvoltage", "mincellvolt", "minsinglevolt", "minsinglevoltage", "cellvoltagemin", "mincellv", "lowestcellvoltage",
        "bmscellvoltagemin", "singlevoltmin", "batteryminvoltage", "电池单体电压最低值", "最低单体电压",
    ),
    "probe_max_c": (
        "maxtemp", "maxtemperature", "maxprobetemp", "highesttemperature", "temperaturemax", "bmsprobetempmax",
        "最高温度值", "最高温度",
    ),
    "probe_min_c": (
        "mintemp", "mintemperature", "minprobetemp", "lowesttemperature", "temperaturemin", "bmsprobetempmin",
        "最低温度值", "最低温度",
    ),
    "n_series": ("cellsinseries", "ncellsinseries", "seriescells", "numberofcells", "单体电池总数"),
    "charge_id": ("chargenumber", "chargeno", "chargingid", "chargeindex", "chargesegment"),
    "charging": ("chargestatus", "chargingstatus", "chargestate", "充电状态"),
    "speed_km_per_h": ("speed", "vehiclespeed", "车速"),
    "odometer_km": ("mileage", "odometer", "summileage", "totalmileage", "累计里程"),
    "insulation_ohm": ("insulationresistance", "绝缘电阻"),
    "vehicle_id": ("vin", "vehicle", "car", "carid", "vehiclenumber", "vehicleid", "车架号", "车辆标识", "车牌号", "车牌", "车辆编号"),
    "capacity_ah": ("ratedcapacity", "nominalcapacity", "ratedcapacityah", "额定容量"),
}  # fmt: skip
"""Small letters without units in brackets, spaces and signs: "Pack_voltage (V)" is read as packvoltage."""
EXTREMES = ("cell_max_v", "cell_min_v", "probe_max_c", "probe_min_c", "n_series", "charge_id")
"""Ours that may be spelt in these ways in a file of our own format and of a telematics box too."""
_OURS = {word: ours for ours, words in ALIASES.items() for word in (*words, ours.replace("_", ""))}
_CHARGE = re.compile(r"^(.*?)[ _.#-]*(?<!dis)(?:charge|charging|chg|充电)[ _.#-]*(\d{1,6})$", re.IGNORECASE)


def plain(name: str) -> str:
    """A column's name in small letters, without its unit in brackets, spaces and signs."""
    return re.sub(r"[\W_]", "", re.sub(r"[(\[（【].*?[)\]）】]", "", name.lower()))


def ours_of(name: str) -> str:
    """Our name for a column, "" where it is none that is known."""
    return _OURS.get(plain(name), "")


def charge_of(stem: str, folder: str) -> tuple[str, int]:
    """Vehicle and number of a charge that stands in a file of its own, by the file's name: car7_charge_012 is charge 12 of car7, and
    charge_012 one of the vehicle that its folder is named after. 0 where the name says no such thing."""
    match = _CHARGE.match(stem)
    vehicle = (match[1] or folder) if match else ""
    return (vehicle, int(match[2])) if match and vehicle else (stem, 0)
