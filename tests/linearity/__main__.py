"""``python -m tests.linearity [NAME]``: every pair of atoms, with openers and endings, for each reader of that name.

A long look for who changes a reader: the test run takes some four hundred shapes, this fifty thousand.
"""

from __future__ import annotations

import sys
import time

from tests.linearity.doubling import growth_of
from tests.linearity.msrp_readers import MSRP
from tests.linearity.payload_readers import PAYLOAD
from tests.linearity.reader import Reader
from tests.linearity.shapes import SHAPES, every_combination
from tests.linearity.sip_readers import SIP


def look_at(reader: Reader) -> int:
    """The number of places and shapes that its work grows too fast with; each is printed."""
    steep = 0
    shapes = every_combination() if reader.shapes is SHAPES else reader.shapes
    for shape in shapes:
        for place in reader.places:
            growth = growth_of(lambda size: reader.job(shape, place, size), reader.largest)  # noqa: B023
            if growth is not None:
                steep += 1
                print(f"STEEP {reader} {place} {shape.name}: {growth}", flush=True)
    return steep


def main(wanted: str) -> int:
    """How many faults there were."""
    faults = 0
    for reader in (*SIP, *MSRP, *PAYLOAD):
        if wanted in str(reader):
            begun = time.process_time()
            steep = look_at(reader)
            print(f"{reader}: {steep} steep, {time.process_time() - begun:.0f} s", flush=True)
            faults += steep
    return faults


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1] if len(sys.argv) > 1 else "")))
