"""Chinese for what the console says: English sentence to Chinese sentence, by subject; and words for codes in both languages."""

from evloom.serve.console.chinese.batteries import BATTERIES
from evloom.serve.console.chinese.codes import CODES
from evloom.serve.console.chinese.faults import FAULTS
from evloom.serve.console.chinese.frame import FRAME
from evloom.serve.console.chinese.live import LIVE
from evloom.serve.console.chinese.sites import SITES
from evloom.serve.console.chinese.stations import STATIONS

CHINESE: dict[str, str] = {**FAULTS, **BATTERIES, **SITES, **STATIONS, **LIVE, **FRAME}

__all__ = ["CHINESE", "CODES"]
