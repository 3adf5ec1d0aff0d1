"""A process that appends to a ledger and prints the hash of every block that was acknowledged.

Run as ``python ledger_writer.py URL NAME BLOCKS EVENTS``, each block with that many events.
"""

import sys

from ai_ops.storage.clocks import WallClock
from ai_ops.storage.ledger import Ledger, NewEvent


def write(url: str, name: str, blocks: int, events: int) -> None:
    """Append, block by block."""
    ledger = Ledger(url)
    for number in range(blocks):
        batch = [
            NewEvent("review", "parcels", {"writer": name, "block": number, "event": n})
            for n in range(events)
        ]
        print(ledger.append(batch, clock=WallClock(), run_id=name).hash, flush=True)


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
