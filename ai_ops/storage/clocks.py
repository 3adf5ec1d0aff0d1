"""A replay's clock: a file in its lake that every process of that root reads."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from ai_ops.vocabulary.clock import WallClock, utc
from ai_ops.vocabulary.errors import ClockRefused

__all__ = ["ReplayClock", "WallClock"]


@dataclass(frozen=True, slots=True)
class ReplayClock:
    """A replay's clock: what its file says, until the replay advances it.

    Raises ``ClockRefused`` when the file is missing or unreadable: a replay never falls back to
    the wall.
    """

    file: Path
    mode: Literal["replay"] = "replay"

    def now(self) -> datetime:
        """The moment that the file holds, UTC."""
        try:
            return utc(str(json.loads(self.file.read_bytes())["now"]))
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ClockRefused(
                f"{self.file}: the replay's clock cannot be read ({error}); start the replay again"
            ) from error

    def advance(self, moment: datetime) -> None:
        """Move the clock forward to ``moment``; ``ClockRefused`` when that is the past."""
        moment = utc(moment)
        if self.file.exists() and moment < self.now():
            raise ClockRefused(f"a clock does not run backwards: {self.now()} → {moment}")
        self.file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.file.with_name(f"{self.file.name}.{os.getpid()}")
        fresh.write_text(json.dumps({"now": moment.isoformat()}), encoding="utf-8")
        fresh.replace(self.file)
