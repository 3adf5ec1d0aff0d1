"""The clock of a root, cheap enough to be asked at every prediction."""

import os
from datetime import datetime

from ai_ops.storage.clocks import ReplayClock
from ai_ops.vocabulary.clock import Clock
from ai_ops.vocabulary.errors import ClockRefused
from ai_ops.vocabulary.words import RootMode


class CachedReplayClock:
    """A replay's clock whose file is read again only when it has been replaced.

    A replaced file has another inode, time of change or size.
    """

    mode: RootMode = "replay"

    def __init__(self, clock: ReplayClock) -> None:
        self._clock = clock
        self._seen: tuple[tuple[int, int, int], datetime] | None = None

    def now(self) -> datetime:
        """The moment that the file holds, UTC; ``ClockRefused`` when it cannot be read."""
        try:
            stat = os.stat(self._clock.file)
        except OSError as error:
            raise ClockRefused(
                f"{self._clock.file}: the replay's clock is gone ({error})"
            ) from error
        state = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        seen = self._seen
        if seen is None or seen[0] != state:
            seen = self._seen = (state, self._clock.now())
        return seen[1]


def steady(clock: Clock) -> Clock:
    """The same clock, cached when it is a replay's."""
    return CachedReplayClock(clock) if isinstance(clock, ReplayClock) else clock
