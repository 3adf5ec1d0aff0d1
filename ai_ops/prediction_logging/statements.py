"""What an incarnation told of itself, against what stands in its segments."""

from collections.abc import Sequence

from ai_ops.prediction_logging.day_part import DayPart, Told
from ai_ops.prediction_logging.incarnation import Change
from ai_ops.prediction_logging.segment_index import SegmentIndex

Piece = tuple[SegmentIndex, str, DayPart]
"""A segment, one of its days, and what it holds of that."""


def change_of(pieces: Sequence[Piece], day: str, elsewhere: frozenset[int]) -> Change | None:
    """From the last statement before the day to the last one of the day.

    From the first one of the day when what it did before is not all here.
    """
    told = [(place, piece[2].told) for place, piece in enumerate(pieces) if piece[2].told]
    today = [(place, said) for place, said in told if pieces[place][1] == day]
    if not today:
        return None
    end, last = today[-1]
    earlier = [(place, said) for place, said in told if pieces[place][1] < day]
    start, base = earlier[-1] if earlier else (0, None)
    before = {pieces[start][0].number} if base else set(range(pieces[0][0].number))
    unread = any(min(before) <= number < pieces[today[0][0]][0].number for number in elsewhere)
    if unread or (base is None and pieces[0][0].number > 1):
        start, base = today[0][0], pieces[today[0][0]][2].first_told
    assert last is not None
    return _between_statements(pieces, start, base, end, last)


def _between_statements(
    pieces: Sequence[Piece], start: int, base: Told | None, end: int, last: Told
) -> Change:
    counted = [(part.n, _requests(part)) for _, _, part in pieces[start:end]]
    records = sum(n for n, _ in counted) + last.records - (base.records if base else 0)
    requests = sum(n for _, n in counted) + last.requests - (base.requests if base else 0)
    zero = base or Told(time=last.time, last=0, written=0)
    return Change(
        since=base.time if base else None,
        until=last.time,
        last=last.last - zero.last,
        written=last.written - zero.written,
        failures=last.failures - zero.failures,
        unsampled=last.unsampled - zero.unsampled,
        withheld=last.withheld - zero.withheld,
        served=None if last.served is None else last.served - (zero.served or 0),
        turned_away=last.turned_away - zero.turned_away,
        records=records,
        requests=requests,
    )


def _requests(part: DayPart) -> int:
    return sum(hour.requests for hour in part.hours.values())
