"""A log on a disk that fills up: run in a mount namespace of its own, it tells what it saw.

    python full_disk_world.py FOLDER count|refuse EMERGENCY_BYTES

FOLDER is where a file system of 1 MiB is mounted; only this process sees it.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from ai_ops.client import Policy, PredictionLog
from ai_ops.vocabulary.errors import LogWriteFailed
from ai_ops_tests.client.parts import Part, ids_of, parts_of

PAYLOAD = {"text": "x" * 700}


class Life:
    """What one writer lives through, and what it was told."""

    def __init__(self, folder: Path, policy: Policy) -> None:
        self.folder = folder
        self.log = PredictionLog(folder, "tiny", "web", policy=policy, sync_seconds=0.05)
        self.acknowledged: list[str] = []
        self.told: list[str] = []
        self.asked = 0

    def ask(self, count: int) -> int:
        """Log some predictions; how many were acknowledged."""
        before = len(self.acknowledged)
        for _ in range(count):
            id = f"id-{self.asked}"
            self.asked += 1
            try:
                if self.log.record(id=id, model_version="1", input=PAYLOAD):
                    self.acknowledged.append(id)
            except LogWriteFailed as error:
                self.told.append(str(error))
        return len(self.acknowledged) - before

    def wait_for_part(self, number: int) -> None:
        give_up = time.monotonic() + 20
        while self.parts()[-1].opened.part < number:
            assert time.monotonic() < give_up, "the log did not go on in a new part"
            time.sleep(0.02)

    def parts(self) -> list[Part]:
        return parts_of(self.folder)


def main() -> None:
    folder, emergency = Path(sys.argv[1]), int(sys.argv[3])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=True)
    policy = Policy(
        feature="tiny",
        on_log_failure="count" if sys.argv[2] == "count" else "refuse",
        emergency_bytes=emergency,
        heartbeat_seconds=0.1,
    )
    life = Life(folder / "segments", policy)
    life.ask(10)
    ballast = folder / "ballast"
    fill(ballast)
    reports = {"on_reserve": life.ask(20), "on_nothing": life.ask(400)}
    time.sleep(0.5)  # heartbeats, on a disk without room
    beats = [beat for part in life.parts() for beat in part.heartbeats]
    reports["told_while_full"] = max((beat.failures for beat in beats), default=0)
    failures = life.log.failures
    parts = len(life.parts())
    ballast.unlink()
    if emergency:
        life.wait_for_part(parts + 1)
    reports["afterwards"] = life.ask(30)
    reserved = [file.stat().st_size for file in folder.glob("segments/*/*/*.emergency")]
    life.log.close()
    parts_now = life.parts()
    lost = set(life.acknowledged) - set(ids_of(parts_now))
    closed = parts_now[-1].closed
    print(
        json.dumps(
            {
                **reports,
                "reserved": reserved,
                "raised": len(life.told),
                "words": life.told[-1:],
                "failures": failures,
                "acknowledged": len(life.acknowledged),
                "asked": life.asked,
                "lost": len(lost),
                "torn": sum(bool(part.torn) for part in parts_now),
                "sealed": [part.sealed is not None for part in parts_now],
                "closed_failures": closed.failures if closed else None,
                "sizes": [part.path.stat().st_size for part in parts_now],
                "whole": is_whole(parts_now),
            }
        )
    )


def fill(ballast: Path) -> None:
    """Take the disk's room to the last byte."""
    with ballast.open("wb", buffering=0) as file:
        size = 65536
        while size:
            try:
                written = file.write(bytes(size))
            except OSError:
                written = 0
            if written < size:
                size //= 2


def is_whole(parts: list[Part]) -> bool:
    from ai_ops_tests.client.parts import assert_whole

    try:
        assert_whole(parts)
    except AssertionError as error:
        print(error, file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    main()
