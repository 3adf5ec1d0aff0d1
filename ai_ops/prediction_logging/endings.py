"""How an incarnation ended, in words."""

from collections.abc import Sequence

from ai_ops.prediction_logging.incarnation import Incarnation
from ai_ops.prediction_logging.times import at


def end_of(one: Incarnation) -> str:
    """How and when one went.

    >>> from datetime import UTC, datetime
    >>> noon = datetime(2021, 3, 4, 12, tzinfo=UTC)
    >>> end_of(Incarnation(writer="web", incarnation="i", ended="crashed", alive=((noon, noon),)))
    'incarnation i crashed after 2021-03-04 12:00:00'
    """
    if one.last_alive is None:
        return f"{one.name} is gone"
    how = {"crashed": "crashed after", "closed": "ended in order at"}.get(one.ended, "broke off at")
    return f"{one.name} {how} {at(one.last_alive)}"


def crash_of(one: Incarnation, all_ones: Sequence[Incarnation]) -> str:
    """A crash: whether another began after it, and what is known to be missing of it."""
    later = [
        other.begun
        for other in all_ones
        if other.writer == one.writer
        and other.begun
        and one.last_alive
        and other.begun >= one.last_alive.replace(microsecond=0)
        and other.incarnation != one.incarnation
    ]
    when = f"after {at(one.last_alive)}" if one.last_alive else "at an unknown time"
    after = f"another began at {at(min(later))}" if later else "none began after it"
    reached = max(one.told.last if one.told else 0, one.last or 0)
    gone = f"{one.missing_numbers} sequence numbers" if one.missing_numbers else "nothing"
    return (
        f"writer {one.writer} crashed {when} ({one.name}): its log neither ended nor was sealed, "
        f"{after}; {gone} up to sequence number {reached} is missing, what came behind its last "
        "line cannot be told"
    )
