"""What a frame of GB/T 32960 costs: frames a CPU second of one core, from bytes to rows.

python -m tools.bench.diagnose_gbt32960 [frames]

A report of the edition 2016 with vehicle, motor, position, extremes, alarms, 96 cells and 16 probes, in pieces of 20 frames as a socket
gives them.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from evloom.wire.gbt32960 import messages as m
from evloom.wire.gbt32960 import units as u
from evloom.wire.gbt32960.assembly import Assembly
from evloom.wire.gbt32960.codec import decode, encode
from evloom.wire.gbt32960.frame import Frame
from evloom.wire.gbt32960.stream import Stream
from evloom.wire.gbt32960.translate import meaning
from evloom.wire.gbt32960.words import Cipher, Command, Edition, Result

PIECE = 20
AT_S = 1_750_000_000


def made(n: int) -> list[bytes]:
    """Frames of a car that drives, one a second."""
    rng = np.random.default_rng(7)
    frames = []
    for k in range(n):
        cells = rng.integers(3600, 3700, 96).astype(">u2").tobytes()
        units = (
            u.Vehicle2016(1, 3, 1, 500, 100000, 3500, 10300, 70, 1, 14, 5000, 20, 0),
            u.Motors2016((u.Motor2016(1, 1, 80, 24000, 21000, 80, 3500, 10300),)),
            u.Position2016(0, 116000000, 40000000),
            u.Extremes2016(1, 5, 3700, 1, 9, 3600, 1, 1, 66, 1, 2, 64),
            u.Alarms2016(u.AlarmHead(0, 0), (), (), (), ()),
            u.Cells2016((u.CellPack2016(1, 3500, 10300, 96, 1, cells),)),
            u.Probes((u.ProbePack(1, bytes(rng.integers(60, 70, 16).tolist())),)),
        )
        data = encode(m.Report(AT_S + k, units), Edition.V2016)
        frames.append(Frame(Edition.V2016, Command.REPORT, Result.COMMAND, "LEVLM000000000001", Cipher.PLAIN, data).encoded())
    return frames


def per_s(n: int, work: Callable[[], int]) -> float:
    """Frames a CPU second."""
    begin_s = time.process_time()
    if work() != n:
        raise RuntimeError("frames were lost")
    return n / (time.process_time() - begin_s)


def main(n: int) -> None:
    """Print the table."""
    pieces = [b"".join(part) for part in _pieces(made(n))]

    def framed() -> list[Frame]:
        stream = Stream()
        return [event for piece in pieces for event in stream.feed(piece) if isinstance(event, Frame)]

    def to_rows() -> int:
        stream, assembly, n_row = Stream(), Assembly("LEVLM000000000001"), 0
        for piece in pieces:
            for event in stream.feed(piece):
                if isinstance(event, Frame):
                    said = meaning(event)
                    assembly.add(said, 0.0)  # type: ignore[arg-type]  # every frame is a report
            n_row += sum(frames.n for frames in assembly.take())
        return n_row

    print("| step | frames a core-second |\n|---|---|")
    print(f"| bytes to frames, check code | {per_s(n, lambda: len(framed())):,.0f} |")
    print(f"| bytes to messages | {per_s(n, lambda: len([decode(frame) for frame in framed()])):,.0f} |")
    print(f"| bytes to rows of `Frames` | {per_s(n, to_rows):,.0f} |")


def _pieces(frames: list[bytes]) -> list[list[bytes]]:
    return [frames[at : at + PIECE] for at in range(0, len(frames), PIECE)]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
