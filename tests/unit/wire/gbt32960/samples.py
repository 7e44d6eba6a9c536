"""Golden frames, recorded frames, and random messages for tests of GB/T 32960."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from evloom.wire.gbt32960 import messages as m
from evloom.wire.gbt32960 import units as u
from evloom.wire.gbt32960.codec import decode, encode
from evloom.wire.gbt32960.frame import Frame
from evloom.wire.gbt32960.number import Fields, numbers
from evloom.wire.gbt32960.translate import meaning
from evloom.wire.gbt32960.words import Cipher, Edition, Result

HERE = Path(__file__).parent
BITS = {"B": 8, "H": 16, "I": 32}
VIN = "LEVLM000000000001"


@cache
def golden() -> dict[str, tuple[bytes, dict[str, Any]]]:
    frames = tomllib.loads((HERE / "golden.toml").read_text(encoding="utf-8"))["frame"]
    return {frame["name"]: (bytes.fromhex("".join(part.partition("#")[0] for part in frame["parts"])), frame["expect"]) for frame in frames}


def recorded(folder: Path) -> dict[int, bytes]:
    """Frames that were found in public places, by their number."""
    lines = (folder / "frames.txt").read_text(encoding="utf-8").splitlines()
    return {int(line[:2]): bytes.fromhex(line.rpartition("|")[2].strip()) for line in lines if line[:2].isdigit()}


def read(frame: Any) -> Any:
    """The message of a frame, of whichever kind."""
    return decode(frame)


def meant(frame: Any) -> Any:
    """What a frame means, of whichever kind."""
    return meaning(frame)


def framed(message: m.Message, command: int, edition: Edition = Edition.V2016, vin: str = VIN) -> Frame:
    return Frame(edition, command, Result.COMMAND, vin, Cipher.PLAIN, encode(message, edition))


def fields(kind: type[Fields], *more: st.SearchStrategy) -> st.SearchStrategy:
    raw = [st.integers(0, 2 ** BITS[number.code] - 1) for number in numbers(kind).values()]
    return st.tuples(*raw, *more).map(lambda values: kind(*values))


def items(n_max: int, item_bytes: int = 1, wide: bool = True) -> st.SearchStrategy:
    sentinels = st.sampled_from([0xFFFE, 0xFFFF] if wide else [0xFE, 0xFF])
    whole = st.integers(0, n_max).flatmap(lambda n: st.binary(min_size=n * item_bytes, max_size=n * item_bytes))
    return whole | sentinels


def listed(item: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(item, max_size=3).map(tuple) | st.sampled_from([0xFE, 0xFF])


CODES = listed(st.integers(0, 2**32 - 1))
ALARMS = (fields(u.AlarmHead), CODES, CODES, CODES, CODES)
UNITS_2016 = {
    "vehicle": fields(u.Vehicle2016),
    "motors": st.builds(u.Motors2016, listed(fields(u.Motor2016))),
    "fuel cell": st.builds(u.FuelCell2016, fields(u.Stack2016), items(20), fields(u.Hydrogen2016)),
    "engine": fields(u.Engine2016),
    "position": fields(u.Position2016),
    "extremes": fields(u.Extremes2016),
    "alarms": st.builds(u.Alarms2016, *ALARMS),
    "cells": st.builds(u.Cells2016, listed(fields(u.CellPack2016, items(200, 2, wide=False)))),
    "probes": st.builds(u.Probes, listed(fields(u.ProbePack, items(300)))),
    "custom": st.builds(u.Custom, st.integers(0x80, 0xFE), st.binary(max_size=300)),
}
UNITS_2025 = {
    "vehicle": fields(u.Vehicle2025),
    "motors": st.builds(u.Motors2025, listed(fields(u.Motor2025))),
    "hydrogen": fields(u.Hydrogen2025),
    "stacks": st.builds(u.Stacks2025, listed(fields(u.Stack2025, items(20)))),
    "engine": fields(u.Engine2025),
    "position": fields(u.Position2025),
    "alarms": st.builds(u.Alarms2025, *ALARMS, listed(st.tuples(st.integers(0, 255), st.integers(0, 255)))),
    "cells": st.builds(u.Cells2025, listed(fields(u.CellPack2025, items(300, 2)))),
    "probes": st.builds(u.Probes, listed(fields(u.ProbePack, items(300)))),
    "supercapacitor": st.builds(u.Supercapacitor, fields(u.CapacitorHead), items(20, 2), items(20)),
    "supercapacitor extremes": fields(u.SupercapacitorExtremes),
    "custom": st.builds(u.Custom, st.integers(0x80, 0xFE), st.binary(max_size=30)),
}
INSTANTS = st.integers(946656000, 4102415999)  # the years 2000 to 2099 in GMT+8
WORDS = st.integers(0, 65535)
SIGNATURES = st.builds(m.Signature, st.integers(1, 3), st.binary(max_size=70), st.binary(max_size=70))


def text(n: int) -> st.SearchStrategy:
    return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=n)


PERIODS = st.lists(st.tuples(st.sampled_from([1, 2, 3, 6, 10]), st.binary(min_size=2, max_size=2)), max_size=5)
NAME = st.binary(max_size=40).map(lambda name: [(4, bytes([len(name)])), (5, name)])
UNKNOWN: st.SearchStrategy = st.tuples(st.integers(0x11, 0xFF), st.binary(max_size=20)).map(lambda last: [last]) | st.just([])
PARAMETERS = st.tuples(PERIODS, NAME, UNKNOWN).map(lambda parts: tuple(one for part in parts for one in part))
OTHERS = {
    (Edition.V2016, 0x01): st.integers(0, 50).flatmap(
        lambda n: st.builds(m.Login2016, INSTANTS, WORDS, text(20), st.lists(text(n), max_size=5).map(tuple), st.just(n))
    ),
    (Edition.V2025, 0x01): st.builds(
        m.Login2025, INSTANTS, WORDS, text(20), st.lists(st.lists(text(24), max_size=3).map(tuple), max_size=4).map(tuple)
    ),
    (Edition.V2016, 0x04): st.builds(m.Logout, INSTANTS, WORDS),
    (Edition.V2025, 0x05): st.builds(m.PlatformLogin, INSTANTS, WORDS, text(12), text(20), st.integers(0, 255)),
    (Edition.V2016, 0x06): st.builds(m.PlatformLogout, INSTANTS, WORDS),
    (Edition.V2016, 0x07): st.just(m.Heartbeat()),
    (Edition.V2025, 0x08): st.just(m.TimeSync()),
    (Edition.V2025, 0x09): st.builds(m.Activation, INSTANTS, text(16), st.binary(max_size=300), text(17), SIGNATURES),
    (Edition.V2025, 0x0A): st.builds(m.ActivationResult, st.integers(0, 255), st.integers(0, 255)),
    (Edition.V2025, 0x0B): st.builds(m.KeyExchange, st.integers(0, 255), st.binary(max_size=300), INSTANTS, INSTANTS),
    (Edition.V2016, 0x81): st.builds(m.Settings, INSTANTS, PARAMETERS),
    (Edition.V2016, 0x82): st.builds(m.Other, st.binary(max_size=60)),
}
