"""A worker of a service: answers what it is asked, line by line, and logs each answer.

It runs as a process of its own and is told everything over its standard input:

    ask ID        answer, with a record before the answer, and count the answer
    skip ID       answer without a record: the path that would write it is not taken
    jump SECONDS  the machine's clock is set
    end           leave in order
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ai_ops.client import PredictionLog
from ai_ops.client.policy import load_policy

INPUT = {"city": "A", "temp": 20.5, "express": True}
OUTPUT = {"probability": 0.25, "late": False}


class SettableClock:
    """The wall's clock, until somebody sets it."""

    mode = "live"

    def __init__(self) -> None:
        self._set = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._set

    def jump(self, seconds: float) -> None:
        self._set += timedelta(seconds=seconds)


def main() -> None:
    told = json.loads(sys.argv[1])
    clock = SettableClock()
    policy = load_policy(Path(told["policy"]))
    print("loaded", flush=True)
    sys.stdin.readline()  # all begin together: whoever comes late is missed
    with PredictionLog(told["folder"], policy.feature, told["writer"], clock, policy=policy) as log:
        print("ready", flush=True)
        for line in sys.stdin:
            command, _, word = line.strip().partition(" ")
            if command == "end":
                break
            if command == "jump":
                clock.jump(float(word))
            if command == "ask":
                log.record(id=word, model_version="1", input=INPUT, output=OUTPUT)
            if command in ("ask", "skip"):
                log.served()
            print("done", flush=True)


if __name__ == "__main__":
    main()
