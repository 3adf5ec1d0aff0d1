"""A feed that repeats itself: a day whose profile is, to the last digit, that of another day."""

from collections.abc import Mapping, Sequence
from typing import Final

from ai_ops.drift_monitoring.causes.signs import Sign
from ai_ops.drift_monitoring.tallies import DayTallies

ROWS_AT_LEAST: Final = 30
"""Days of fewer rows may be alike by chance."""


def repeated_days(days: Mapping[str, DayTallies]) -> list[tuple[str, str]]:
    """The days that are a copy of an earlier one, each with it: equal in counts and exact sums of
    every column that both days have."""
    seen: dict[tuple[object, ...], str] = {}
    found = []
    for day, tallies in sorted(days.items()):
        if max((one.rows for one in tallies.values()), default=0) < ROWS_AT_LEAST:
            continue
        print_ = tuple(
            (name, one.counts.tobytes(), one.total) for name, one in sorted(tallies.items())
        )
        if print_ in seen:
            found.append((seen[print_], day))
        else:
            seen[print_] = day
    return found


def repeated(copies: Sequence[tuple[str, str]], since: Sequence[str]) -> Sign | None:
    """Whether days since the change are copies of others.

    >>> repeated([("2021-03-01", "2021-03-04")], ["2021-03-04", "2021-03-05"]).words
    '1 of the 2 days since are copies of earlier ones (2021-03-04 of 2021-03-01)'
    >>> repeated([("2021-03-01", "2021-03-04")], ["2021-03-05"]) is None
    True
    """
    own = [pair for pair in copies if pair[1] in since]
    if not own:
        return None
    told = ", ".join(f"{copy} of {day}" for day, copy in own[:3])
    words = f"{len(own)} of the {len(since)} days since are copies of earlier ones ({told})"
    return Sign("repeated", "bad_data", 0.9, words, {"copies": len(own), "days": len(since)})
