"""A process that replaces one file of a lake again and again, until it is killed.

Run as ``python lake_writer.py FOLDER BYTES``; each version is one letter, repeated.
"""

import itertools
import string
import sys

from ai_ops.storage.lake import Lake


def write(folder: str, size: int) -> None:
    """Replace, and say after the first time that it has begun."""
    lake = Lake(folder)
    path = lake.path("parcels", "log", "2021-03-01", "bin")
    for number, letter in enumerate(itertools.cycle(string.ascii_letters)):
        lake.write_bytes(path, letter.encode() * size)
        if number == 0:
            print("begun", flush=True)


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]))
