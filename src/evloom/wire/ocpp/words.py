"""What chargers write where OCPP has a word, and what they mean by it. Only letters and digits are compared, without case."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    # units of 1.6 (mobilityhouse/ocpp #70, lbbrhzn/ocpp #1576, OpenEVSE #726); no unit of another size is ever guessed
    **dict.fromkeys("c degc deg degree degrees degreec degreescelsius centigrade".split(), ("Celsius",)),
    "f": ("Fahrenheit",),
    "kelvin": ("K",),
    "pct": ("Percent",),
    "percentage": ("Percent",),
    "hz": ("Hertz",),
    **dict.fromkeys("amp amps ampere amperes".split(), ("A",)),
    **dict.fromkeys("volt volts".split(), ("V",)),
    **dict.fromkeys("watt watts".split(), ("W",)),
    **dict.fromkeys("kilowatt kilowatts".split(), ("kW",)),
    **dict.fromkeys("watthour watthours".split(), ("Wh",)),
    **dict.fromkeys("kilowatthour kilowatthours".split(), ("kWh",)),
    # measurands without their last part
    "energyactiveimport": ("Energy.Active.Import.Register",),
    "energyactiveexport": ("Energy.Active.Export.Register",),
    "poweractive": ("Power.Active.Import",),
    "stateofcharge": ("SoC",),
    "temp": ("Temperature",),
    # contexts
    "periodic": ("Sample.Periodic",),
    "clock": ("Sample.Clock",),
    # status of a connector: words of 1.5 and 1.6 spoken in another version
    "occupied": ("Preparing",),
    **dict.fromkeys("preparing charging suspendedev suspendedevse finishing".split(), ("Occupied",)),
    **dict.fromkeys("free ready idle".split(), ("Available",)),
    "fault": ("Faulted",),
    "inoperative": ("Unavailable",),
    **dict.fromkeys("noerr none ok".split(), ("NoError", "Accepted")),
    # why a transaction ended
    **dict.fromkeys("evdisconnect disconnected cableunplugged".split(), ("EVDisconnected",)),
    **dict.fromkeys("remotestop remotestopped".split(), ("Remote",)),
    **dict.fromkeys("localstop stopbutton".split(), ("Local",)),
    "powerfailure": ("PowerLoss",),
    "poweron": ("PowerUp",),
    "deauth": ("DeAuthorized", "Deauthorized"),
    # 2.0 draft (ShellRechargeSolutionsEU/ocpp #42)
    "evdetected": ("EVConnected",),
    # kinds of tokens
    **dict.fromkeys("rfid nfc card".split(), ("ISO14443",)),
    # answers
    **dict.fromkeys("success true yes".split(), ("Accepted",)),
    **dict.fromkeys("fail false no denied".split(), ("Rejected", "Failed")),
}
SIGNS = {"%": "Percent", "°C": "Celsius", "°F": "Fahrenheit", "℃": "Celsius"}
FIELD_NAMES = {"disconnectReason": "reason", "transactionID": "transactionId", "id": "transactionId", "transactionData": "transactionInfo"}
"""Names that fields had in drafts and in wrong clients (road-labs/chargestation-one #61, ShellRechargeSolutionsEU/ocpp #42)."""


def bare(text: str) -> str:
    """Letters and digits of a text, in lower case."""
    return "".join(sign for sign in text if sign.isalnum()).lower()
