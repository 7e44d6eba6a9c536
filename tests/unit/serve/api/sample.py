"""Requests for every endpoint of the table, made from its own types, that aim at things of one organisation."""

from evloom.serve.api.endpoint import Endpoint

BODIES: dict[str, dict] = {
    "create_organisation": {"name": "x"},
    "change_organisation": {"name": "x"},
    "create_user": {"login": "eve", "password": "correct horse 42", "name": "Eve", "role": "reader"},
    "change_user": {"name": "x"},
    "create_key": {"name": "x", "role": "reader"},
    "create_site": {"name": "x", "zone": "UTC", "max_kw": 10.0},
    "change_site": {"name": "x"},
    "put_plan": {"site_id": "ORG-site", "max_kw": 10.0},
    "set_up": {"token": "x", "login": "ada", "password": "correct horse 42"},
    "login": {"login": "ada", "password": "correct horse 42"},
    "put_limit": {"max_kw": 10.0},
    "create_station": {"station_id": "new-1"},
    "change_station": {"accepted": "refused"},
    "put_evse": {"rating_kw": 22.0},
    "create_driver": {"name": "x"},
    "change_driver": {"name": "x"},
    "create_token": {"token": "new-card"},
    "change_token": {"status": "Blocked"},
    "put_session_need": {"wanted_kwh": 1.0},
    "put_driver_need": {"wanted_kwh": 1.0},
    "put_base_load": {"readings": [{"kw": 1.0}]},
    "order": {"command": {"command": "Reset"}},
    "order_raw": {"action": "Heartbeat"},
    "ask_composite": {},
    "read_variables": {},
    "write_variables": {"values": [{"variable": {"name": "x"}, "value": "y"}]},
    "put_tariff": {"document": {"name": "flat"}},
    "put_contract": {"document": {"name": "energy-only"}},
    "assign": {"kind": "tariff", "scope": "site", "subject": "ORG-site", "terms_id": ""},
    "release_bill": {"reason": "x"},
    "void_bill": {"reason": "x"},
    "refund": {"amount": "1.00", "key": "k", "reason": "x"},
    "enter_payment": {"amount": "1.00", "currency": "CNY", "key": "k", "reason": "x"},
    "write_off": {"amount": "1.00", "currency": "CNY", "key": "k", "reason": "x"},
    "create_vehicle": {"vehicle_id": "new-vehicle"},
    "change_vehicle": {"note": "x"},
    "acknowledge_battery_warning": {"note": "x"},
    "acknowledge": {"kind": "offline", "subject": "ORG-1"},
    "change_password": {"old": "correct horse 42", "new": "correct horse 43"},
}


def path_of(row: Endpoint, org: str) -> str:
    """The row's path filled with the names of things of an organisation (`world.World`)."""
    names = {
        "org_id": org,
        "user_id": f"{org}-user",
        "key_id": f"{org}-reader",
        "site_id": f"{org}-site",
        "station_id": f"{org}-1",
        "driver_id": f"{org}-driver",
        "token": f"{org}-card",
        "token_type": "ISO14443",
        "session_id": f"{org}-1:t1",
        "command_id": f"{org}-command",
        "ack_id": f"{org}-ack",
        "vehicle_id": f"{org}-vehicle",
        "pack_id": f"{org}-pack",
        "warning_id": f"{org}-warning",
        "terms_id": f"{org}-terms",
        "evse": "1",
        "node": "site",
        "name": f"{org}-site",
        "file": "x",
        "table": "sessions",
    }
    return row.path.format(**names)


def body_of(row: Endpoint, org: str) -> dict | None:
    """A sound body for the row."""
    if "body" not in row.arguments:
        return None
    text = BODIES[row.name]
    return {name: value.replace("ORG", org) if isinstance(value, str) else value for name, value in text.items()}
