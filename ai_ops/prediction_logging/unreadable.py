"""A segment that cannot be read as a whole."""

from dataclasses import dataclass
from typing import Final

GONE: Final = "the file is gone"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A segment that cannot be read as a whole, and since which day it may hold records.

    ``days`` are the days it is known to have held, when it was read before; ``lost`` says that
    none of its lines can be read now, so that an earlier table may hold more than can be made.
    """

    segment: str
    reason: str
    since: str
    days: frozenset[str] = frozenset()
    lost: bool = True

    def concerns(self, day: str) -> bool:
        """Whether records of that day may lie in it."""
        return day in self.days or (not self.days and day >= self.since)
