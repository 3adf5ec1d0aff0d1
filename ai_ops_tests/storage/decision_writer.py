"""A process that hands one token in, and says whether it was taken.

Run as ``python decision_writer.py ROOT TOKEN``: it waits for a line on stdin, so that several
begin together.
"""

import sys
from pathlib import Path

from ai_ops.storage.decisions import record
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import DecisionRefused
from ai_ops_tests.deciding import FEATURE

if __name__ == "__main__":
    root = Root.open(Path(sys.argv[1]), environment={})
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        print("taken", record(root, FEATURE, sys.argv[2]).block_seq)
    except DecisionRefused as error:
        print("refused", error)
