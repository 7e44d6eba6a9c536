"""The loop on real chargers: what stations say becomes its events, what it orders becomes profiles."""

from evloom.serve.live.board import Board, EvseBoard, Explanation, NodeBoard
from evloom.serve.live.live import Cycled, Live

__all__ = ["Board", "Cycled", "EvseBoard", "Explanation", "Live", "NodeBoard"]
