"""What one logged prediction costs its caller, and what a kill takes away: ai_ops and its peers.

The record is that of a table: 20 columns, 731 bytes as ai_ops writes it. The floor is a bare
``os.write`` of that very line. Each contender is a process of its own, and they take turns, several
rounds each, so that a busy moment of the machine meets all of them: one half of a round is
measured as a whole for the CPU of the calling thread, the other call by call for the latency. Then
each logs at full speed, writing down what it was told is logged, and is killed a few times: lost
is what was acknowledged and is nowhere afterwards.

    python benchmarks/logging.py --json

A peer that is not installed is said to be so. Besides those that the project has anyway:

    pip install orjson langfuse whylogs
"""

import importlib
import os
import sys

# The name of this file is the standard library's, too: its folder must stand behind that one.
_folder = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [*(place for place in sys.path if os.path.abspath(place) != _folder), _folder]

if __name__ == "logging":  # a benchmark beside this one asked for the standard library's
    del sys.modules["logging"]
    importlib.import_module("logging")

if __name__ == "__main__":
    from logging_cost.measuring import main

    main(__doc__)
